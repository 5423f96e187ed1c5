"""Compute metrics of base and head on their common rows, with intervals of all differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, IntervalParams, Task
from tarmac.pipeline.intervals import delong
from tarmac.pipeline.intervals.bootstrap import BINS
from tarmac.pipeline.intervals.sample import MetricEstimate, Sample
from tarmac.pipeline.metrics.metrics import join_prediction_columns, split_prediction_columns

BASE = "base_"  # what the columns of base's predictions begin with


@dataclass(frozen=True)
class Pairing:
    """How the test rows of base and head meet."""

    rows: pd.DataFrame  # head's rows that base has too, with base's predictions as `base_…`
    only_base: int
    only_head: int
    relabelled: int  # rows whose label differs; both models are judged by head's

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are in both, in one only, and labelled otherwise."""
        only = {"only_base": self.only_base, "only_head": self.only_head}
        return {"common": len(self.rows), **only, "relabelled": self.relabelled}


@dataclass(frozen=True)
class MetricChange:
    """One metric: of head on all its rows, and of both on the common rows.

    What is of common rows is None if there is no common row.
    """

    name: str
    whole: float
    base: float | None = None
    head: float | None = None
    difference: MetricEstimate | None = None


@dataclass(frozen=True)
class SliceChange:
    """The main metric of one slice, of head and, on the common rows, the difference from base."""

    slice: str
    value: str
    rows: int
    head: MetricEstimate
    base: float | None = None
    difference: MetricEstimate | None = None


def pair_predictions(base: pd.DataFrame | None, head: pd.DataFrame) -> Pairing:
    """Join two tables of predictions by the row key.

    Raise `UserError` if a key occurs twice, or if a key column differs in type.
    """
    if base is None:
        none = head.iloc[:0]
        return Pairing(
            none.assign(**split_prediction_columns(join_prediction_columns(none), BASE)),
            0,
            len(head),
            0,
        )
    known = base[list(problem.contract.KEY)].assign(
        label_before=base[problem.contract.TARGET],
        **split_prediction_columns(join_prediction_columns(base), BASE),
    )
    rows = merge_by_key(head, known, validate="one_to_one")
    relabelled = int((rows["label_before"] != rows[problem.contract.TARGET]).sum())
    return Pairing(rows, len(base) - len(rows), len(head) - len(rows), relabelled)


def merge_by_key(
    one: pd.DataFrame, other: pd.DataFrame, validate: Literal["one_to_one"] | None = None
) -> pd.DataFrame:
    """Return the common rows of two tables of predictions, with the columns of both.

    Raise `UserError` if a key column differs in type, or if the keys are not as `validate` says.
    """
    key = list(problem.contract.KEY)
    try:
        return one.merge(other, on=key, validate=validate)
    except ValueError as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise UserError(
            f"predictions of head and base cannot be joined by their key: {reason}",
            f"keep the types of {', '.join(key)} and one row for each key,"
            " or compare with another commit: `make review BASE=COMMIT`",
        ) from None


def compare_metrics(
    names: Sequence[str],
    head: pd.DataFrame,
    pairing: Pairing,
    params: IntervalParams,
    bins: int = BINS,
    task: Task = TASK,
) -> list[MetricChange]:
    """Every metric, with its difference where two distinct labels are among the common rows."""
    whole, p = _build_sample(head, params, task, bins), join_prediction_columns(head)
    rows = pairing.rows
    common = _build_sample(rows, params, task, bins)
    if not common.has_two_labels:
        return [MetricChange(name, whole.compute_value(name, p)) for name in names]
    before, after = join_prediction_columns(rows, BASE), join_prediction_columns(rows)
    return [
        MetricChange(
            name,
            whole.compute_value(name, p),
            common.compute_value(name, before),
            common.compute_value(name, after),
            common.estimate_difference(name, before, after),
        )
        for name in names
    ]


def _build_sample(
    rows: pd.DataFrame, params: IntervalParams, task: Task, bins: int = BINS
) -> Sample:
    """Return labels and clusters of some rows, ready to be resampled."""
    labels, clusters = rows[problem.contract.TARGET], rows[problem.contract.CLUSTER]
    return Sample.from_rows(labels, clusters, params, bins, task)


def compare_slices(
    head: pd.DataFrame, pairing: Pairing, min_rows: int, params: IntervalParams, task: Task = TASK
) -> list[SliceChange]:
    """Every slice of head that has `min_rows` rows, and two distinct labels."""
    whole, p = _build_sample(head, params, task), join_prediction_columns(head)
    rows = pairing.rows
    common = _build_sample(rows, params, task)
    places = {name: rows.groupby(name).indices for name in problem.contract.SLICES}
    changes = []
    for name in problem.contract.SLICES:
        for value, at in sorted(head.groupby(name).indices.items()):
            part = whole.select_rows(at)
            if len(at) < min_rows or not part.has_two_labels:
                continue
            estimate = part.estimate_metric(task.main_metric, p[at])
            places_in_common = places[name].get(value, np.array([], dtype=int))
            base, difference = _compute_slice_difference(common, rows, places_in_common)
            changes.append(SliceChange(name, str(value), len(at), estimate, base, difference))
    return changes


def _compute_slice_difference(
    common: Sample, rows: pd.DataFrame, at: np.ndarray
) -> tuple[float | None, MetricEstimate | None]:
    part = common.select_rows(at)
    if not part.has_two_labels:
        return None, None
    metric = part.task.main_metric
    before, after = join_prediction_columns(rows, BASE)[at], join_prediction_columns(rows)[at]
    return part.compute_value(metric, before), part.estimate_difference(metric, before, after)


def compute_delong_interval(
    pairing: Pairing, confidence: float, task: Task = TASK
) -> tuple[float, float] | None:
    """Return DeLong's interval of the AUC's difference, or None if there are not two classes.

    It takes rows for independent: it is a check, and a measure of that independence.
    """
    rows = pairing.rows
    if task.kind != "binary" or rows[problem.contract.TARGET].nunique() != 2:
        return None
    return delong.compute_difference_interval(
        rows[problem.contract.TARGET].to_numpy(),
        join_prediction_columns(rows, BASE),
        join_prediction_columns(rows),
        confidence,
    )


def compute_baseline_gain(
    head: pd.DataFrame, params: IntervalParams, task: Task = TASK
) -> MetricEstimate:
    """The main metric of the model minus that of its baseline."""
    sample = _build_sample(head, params, task)
    return sample.estimate_difference(
        task.main_metric, join_prediction_columns(head, "baseline_"), join_prediction_columns(head)
    )
