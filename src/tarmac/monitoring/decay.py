"""Measure whether the live model got worse.

Subtract its metrics on the rows that it was evaluated on before from those on new rows.

The two sides are different rows, so their errors add; whole clusters are resampled on each.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, IntervalParams, Task
from tarmac.pipeline.intervals import bootstrap
from tarmac.pipeline.intervals.sample import MetricEstimate, Sample
from tarmac.pipeline.metrics.metrics import compute_calibration_table, flatten_predictions


@dataclass(frozen=True)
class MetricDecay:
    """A metric before and now, and the interval of its change."""

    metric: str
    before: float
    value: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class SliceDecay:
    """The main metric of a slice, and the interval of its change."""

    slice: str
    value: str
    rows: int
    score: float
    before: float
    difference: float
    low: float
    high: float


class ScoredSample:
    """Labelled rows with the live model's answers."""

    def __init__(
        self, rows: pd.DataFrame, p: np.ndarray, params: IntervalParams, task: Task = TASK
    ) -> None:
        """Keep what has a label."""
        known = rows[problem.contract.TARGET].notna().to_numpy()
        self.rows, self.p = rows[known].reset_index(drop=True), p[known]
        self._params, self._task = params, task
        labels = self.rows[problem.contract.TARGET].astype(task.label)
        self.sample = Sample.from_rows(
            labels, self.rows[problem.contract.CLUSTER].astype("str"), params, task=task
        )
        self.places = {
            name: groups.groupby(groups).indices
            for name, groups in problem.slices.slices(self.rows).items()
        }

    @property
    def has_two_labels(self) -> bool:
        """Whether two distinct labels are there."""
        return self.sample.has_two_labels

    def estimate_calibration_gap(self) -> MetricEstimate:
        """Mean answer minus the mean of what happened: above 0 the model promises too much."""
        y, p = flatten_predictions(self.sample.y, self.p, self._task)
        gaps, clusters = p.astype("float64") - y, self.sample.weights.shape[1]
        sums = (
            np.bincount(self.sample.cluster, gaps, clusters),
            np.bincount(self.sample.cluster, minlength=clusters),
        )
        draws = (self.sample.weights @ sums[0]) / (self.sample.weights @ sums[1])
        low, high = bootstrap.compute_interval(
            float(gaps.mean()), draws, clusters, self._params.confidence
        )
        return MetricEstimate(float(gaps.mean()), low, high)

    def compute_calibration_bins(self, bins: int) -> list[dict[str, float]]:
        """Predicted and observed mean, bin by bin."""
        table = compute_calibration_table(
            *flatten_predictions(self.sample.y, self.p, self._task), bins
        ).tolist()
        return [{"predicted": p, "observed": share, "rows": int(rows)} for p, share, rows in table]


def compute_unpaired_difference(before: MetricEstimate, now: MetricEstimate) -> MetricEstimate:
    """`now` minus `before`, which come from other rows: the squares of their reaches add up."""
    value = now.value - before.value
    reach = float(np.hypot(before.high - before.value, now.high - now.value))
    return MetricEstimate(value, value - reach, value + reach)


def compute_metric_decay(metric: str, before: ScoredSample, now: ScoredSample) -> MetricDecay:
    """One metric before and now."""
    old = before.sample.estimate_metric(metric, before.p)
    new = now.sample.estimate_metric(metric, now.p)
    change = compute_unpaired_difference(old, new)
    return MetricDecay(metric, old.value, new.value, change.value, change.low, change.high)


def compute_slice_decays(
    before: ScoredSample, now: ScoredSample, min_rows: int
) -> list[SliceDecay]:
    """Every slice that has `min_rows` rows and two distinct labels on both sides."""
    decays = []
    for name in problem.contract.SLICES:
        for value, places in now.places[name].items():
            sides = [
                (before, before.places[name].get(value, np.array([], dtype=int))),
                (now, places),
            ]
            parts = [
                (side.sample.select_rows(at), side.p[at])
                for side, at in sides
                if len(at) >= min_rows
            ]
            if len(parts) < 2 or not all(part.has_two_labels for part, _ in parts):
                continue
            old, new = (part.estimate_metric(part.task.main_metric, p) for part, p in parts)
            moved = compute_unpaired_difference(old, new)
            decays.append(
                SliceDecay(
                    name,
                    str(value),
                    len(places),
                    new.value,
                    old.value,
                    moved.value,
                    moved.low,
                    moved.high,
                )
            )
    return decays
