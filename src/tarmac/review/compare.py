"""Metrics of base and head on the rows that both have judged, with the interval of every difference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, IntervalParams, Task
from tarmac.pipeline.intervals import delong
from tarmac.pipeline.intervals.bootstrap import BINS
from tarmac.pipeline.intervals.sample import Estimate, Sample
from tarmac.pipeline.metrics.metrics import joined, spread

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
    """One metric: of head on all its rows, and of both on the common rows; None where there is no common row."""

    name: str
    whole: float
    base: float | None = None
    head: float | None = None
    difference: Estimate | None = None


@dataclass(frozen=True)
class SliceChange:
    """The main metric of one slice, of head and, on the common rows, the difference from base."""

    slice: str
    value: str
    rows: int
    head: Estimate
    base: float | None = None
    difference: Estimate | None = None


def pair(base: pd.DataFrame | None, head: pd.DataFrame) -> Pairing:
    """Joins two tables of predictions by the row key. Raises `UserError` where a key stands twice."""
    if base is None:
        none = head.iloc[:0]
        return Pairing(none.assign(**spread(joined(none), BASE)), 0, len(head), 0)
    known = base[list(problem.contract.KEY)].assign(
        label_before=base[problem.contract.TARGET], **spread(joined(base), BASE)
    )
    try:
        rows = head.merge(known, on=list(problem.contract.KEY), validate="one_to_one")
    except pd.errors.MergeError as error:
        raise UserError(f"predictions of head and base cannot be joined by their key: {error}") from None
    relabelled = int((rows["label_before"] != rows[problem.contract.TARGET]).sum())
    return Pairing(rows, len(base) - len(rows), len(head) - len(rows), relabelled)


def metric_changes(
    names: Sequence[str],
    head: pd.DataFrame,
    pairing: Pairing,
    params: IntervalParams,
    bins: int = BINS,
    task: Task = TASK,
) -> list[MetricChange]:
    """Every metric, with its difference where two distinct labels are among the common rows."""
    whole, p = (
        Sample.of(head[problem.contract.TARGET], head[problem.contract.CLUSTER], params, bins, task),
        joined(head),
    )
    rows = pairing.rows
    common = Sample.of(rows[problem.contract.TARGET], rows[problem.contract.CLUSTER], params, bins, task)
    if not common.varied:
        return [MetricChange(name, whole.value(name, p)) for name in names]
    before, after = joined(rows, BASE), joined(rows)
    return [
        MetricChange(
            name,
            whole.value(name, p),
            common.value(name, before),
            common.value(name, after),
            common.difference(name, before, after),
        )
        for name in names
    ]


def slice_changes(
    head: pd.DataFrame, pairing: Pairing, min_rows: int, params: IntervalParams, task: Task = TASK
) -> list[SliceChange]:
    """Every slice of head that has `min_rows` rows, and two distinct labels."""
    whole, p = Sample.of(head[problem.contract.TARGET], head[problem.contract.CLUSTER], params, task=task), joined(head)
    rows = pairing.rows
    common = Sample.of(rows[problem.contract.TARGET], rows[problem.contract.CLUSTER], params, task=task)
    places = {name: rows.groupby(name).indices for name in problem.contract.SLICES}
    changes = []
    for name in problem.contract.SLICES:
        for value, at in sorted(head.groupby(name).indices.items()):
            part = whole.at(at)
            if len(at) < min_rows or not part.varied:
                continue
            found = part.estimate(task.main, p[at])
            base, difference = _slice_difference(common, rows, places[name].get(value, np.array([], dtype=int)))
            changes.append(SliceChange(name, str(value), len(at), found, base, difference))
    return changes


def _slice_difference(common: Sample, rows: pd.DataFrame, at: np.ndarray) -> tuple[float | None, Estimate | None]:
    part = common.at(at)
    if not part.varied:
        return None, None
    before, after = joined(rows, BASE)[at], joined(rows)[at]
    return part.value(part.task.main, before), part.difference(part.task.main, before, after)


def row_wise(pairing: Pairing, confidence: float, task: Task = TASK) -> tuple[float, float] | None:
    """DeLong's interval of the AUC's difference, which takes rows for independent: a check, and a measure of that.

    It is of two classes; None elsewhere.
    """
    rows = pairing.rows
    if task.kind != "binary" or rows[problem.contract.TARGET].nunique() != 2:
        return None
    return delong.interval(rows[problem.contract.TARGET].to_numpy(), joined(rows, BASE), joined(rows), confidence)


def over_baseline(head: pd.DataFrame, params: IntervalParams, task: Task = TASK) -> Estimate:
    """The main metric of the model minus that of its baseline."""
    sample = Sample.of(head[problem.contract.TARGET], head[problem.contract.CLUSTER], params, task=task)
    return sample.difference(task.main, joined(head, "baseline_"), joined(head))
