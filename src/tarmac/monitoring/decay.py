"""Whether the live model got worse: its metrics on new rows minus those on the months that it was judged on before.

The two sides are different rows, so their errors add; whole days are resampled on each.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tarmac.evaluation import intervals
from tarmac.evaluation.metrics import calibration_table
from tarmac.evaluation.sample import Estimate, Sample
from tarmac.params import IntervalParams
from tarmac.problem.names import CLUSTER, TARGET
from tarmac.problem.slices import SLICES, slices


@dataclass(frozen=True)
class Change:
    """A metric before and now, and the interval of its change."""

    metric: str
    before: float
    value: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class SliceChange:
    """ROC-AUC of a slice, and the interval of its change."""

    slice: str
    value: str
    rows: int
    roc_auc: float
    before: float
    difference: float
    low: float
    high: float


class Judged:
    """Labelled rows with the live model's probabilities."""

    def __init__(self, rows: pd.DataFrame, p: np.ndarray, params: IntervalParams) -> None:
        """Keeps what has a label."""
        known = rows[TARGET].notna().to_numpy()
        self.rows, self.p, self._params = rows[known].reset_index(drop=True), p[known], params
        self.sample = Sample.of(self.rows[TARGET].astype("int8"), self.rows[CLUSTER].astype("str"), params)
        self.places = {name: groups.groupby(groups).indices for name, groups in slices(self.rows).items()}

    @property
    def usable(self) -> bool:
        """Whether both classes are there."""
        return self.sample.varied

    def gap(self) -> Estimate:
        """Mean probability minus the share that is positive: above 0 the model promises too much."""
        gaps, clusters = self.p.astype("float64") - self.sample.y, self.sample.weights.shape[1]
        sums = np.bincount(self.sample.cluster, gaps, clusters), np.bincount(self.sample.cluster, minlength=clusters)
        draws = (self.sample.weights @ sums[0]) / (self.sample.weights @ sums[1])
        low, high = intervals.interval(float(gaps.mean()), draws, clusters, self._params.confidence)
        return Estimate(float(gaps.mean()), low, high)

    def calibration(self, bins: int) -> list[dict[str, float]]:
        """Predicted and observed share, bin by bin."""
        table = calibration_table(self.sample.y, self.p, bins).tolist()
        return [{"predicted": p, "observed": share, "rows": int(rows)} for p, share, rows in table]


def apart(before: Estimate, now: Estimate) -> Estimate:
    """`now` minus `before`, which come from other rows: the squares of their reaches add up."""
    value = now.value - before.value
    reach = float(np.hypot(before.high - before.value, now.high - now.value))
    return Estimate(value, value - reach, value + reach)


def change(metric: str, before: Judged, now: Judged) -> Change:
    """One metric before and now."""
    old, new = before.sample.estimate(metric, before.p), now.sample.estimate(metric, now.p)
    found = apart(old, new)
    return Change(metric, old.value, new.value, found.value, found.low, found.high)


def slice_changes(before: Judged, now: Judged, min_rows: int) -> list[SliceChange]:
    """Every slice that has `min_rows` labelled rows of both classes on both sides."""
    found = []
    for name in SLICES:
        for value, places in now.places[name].items():
            sides = [(before, before.places[name].get(value, np.array([], dtype=int))), (now, places)]
            parts = [(side.sample.at(at), side.p[at]) for side, at in sides if len(at) >= min_rows]
            if len(parts) < 2 or not all(part.varied for part, _ in parts):
                continue
            old, new = (part.estimate("roc_auc", p) for part, p in parts)
            moved = apart(old, new)
            found.append(
                SliceChange(name, str(value), len(places), new.value, old.value, moved.value, moved.low, moved.high)
            )
    return found
