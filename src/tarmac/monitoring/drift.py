"""How far the inputs of some rows are from those of the training months, and how far those are from one another.

Months differ: what one month is away from the others is not drift but the season. So each input's distance stands
beside the largest that a month of the training has from the rest of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tarmac.evaluation.drift import effect

BINS = 10  # of equal size in the reference, as the usual levels of PSI assume
LEAST = 1e-4  # share that an empty bin counts for: its logarithm must be finite
Counts = np.ndarray  # rows by bin; the last bin but one holds unknown categories, the last what is missing


@dataclass(frozen=True)
class FeatureDrift:
    """One input of some rows beside the training months."""

    feature: str
    psi: float
    distance: float  # Kolmogorov-Smirnov of numbers, Cramér's V of texts; from 0 to 1
    usual: float  # the largest PSI of one training month against the others
    usual_distance: float  # the largest distance likewise, of the bins
    missing: float  # share of rows
    missing_before: float  # the largest of a training month
    unknown: float  # share of rows whose category training did not see
    gone: float  # share of the training rows whose category these rows do not hold
    stuck: bool  # every row has one value, where training had many


class Bins:
    """Bins of one input of a reference: equal shares of a number's rows, or the categories of a text."""

    def __init__(self, reference: "pd.Series[float]") -> None:
        """Finds the bins."""
        self.is_text = not pd.api.types.is_numeric_dtype(reference.dtype)
        known = reference.dropna()
        if self.is_text:
            self.edges = np.array(sorted(known.unique()), dtype=object)
        else:
            values = known.to_numpy("float64")
            cuts = np.linspace(0, 1, BINS + 1)[1:-1]
            self.edges = np.unique(np.quantile(values, cuts)) if len(values) else values

    def of(self, values: "pd.Series[float]") -> np.ndarray:
        """The bin of each row."""
        missing, count = values.isna().to_numpy(), len(self.edges)
        if self.is_text:
            codes = pd.Categorical(values, categories=self.edges).codes
            return np.where(missing, count + 1, np.where(codes < 0, count, codes))
        # Up to an edge, with the edge: where most rows have one value, it stays apart from those above.
        return np.where(missing, count + 2, np.searchsorted(self.edges, values.to_numpy("float64"), side="left"))

    def count(self, values: "pd.Series[float]") -> Counts:
        """Rows by bin."""
        return np.bincount(self.of(values), minlength=len(self.edges) + (2 if self.is_text else 3))


def psi(before: Counts, after: Counts) -> float:
    """Population stability index of two counts by bin: 0 where they are alike, without an upper end."""
    old, new = (np.maximum(counts / max(counts.sum(), 1), LEAST) for counts in (before, after))
    return float(((new - old) * np.log(new / old)).sum())


def cramers_v(before: Counts, after: Counts) -> float:
    """Cramér's V of side and category, each side weighing the same: 0 where alike, 1 with nothing in common."""
    old, new = (counts / max(counts.sum(), 1) for counts in (before, after))
    both = old + new
    gaps = np.divide((old - new) ** 2, both, out=np.zeros(len(both)), where=both > 0)
    return float(np.sqrt(gaps.sum() / 2))


def largest_step(before: Counts, after: Counts) -> float:
    """Kolmogorov-Smirnov distance of the known values, as far as bins tell it."""
    steps = [np.cumsum(counts[:-1]) / max(counts[:-1].sum(), 1) for counts in (before, after)]
    return float(np.abs(steps[0] - steps[1]).max())


def usual(by_month: Counts, distance: Callable[[Counts, Counts], float]) -> float:
    """The largest distance of one month from the others together; counts have the shape (months, bins)."""
    whole = by_month.sum(axis=0)
    return max((distance(whole - month, month) for month in by_month), default=0.0) if len(by_month) > 1 else 0.0


def feature_drift(reference: pd.DataFrame, month: np.ndarray, rows: pd.DataFrame, name: str) -> FeatureDrift:
    """Drift of one input of `rows` against the reference, whose rows have a month each (codes from 0)."""
    before, after = reference[name], rows[name]
    bins = Bins(before)
    of_rows = bins.of(before)
    size = len(bins.edges) + (2 if bins.is_text else 3)
    by_month = np.bincount(month * size + of_rows, minlength=(month.max() + 1) * size).reshape(-1, size)
    old, new = by_month.sum(axis=0), bins.count(after)
    return FeatureDrift(
        feature=name,
        psi=psi(old, new),
        distance=cramers_v(old, new) if bins.is_text else effect(before.dropna(), after.dropna()),
        usual=usual(by_month, psi),
        usual_distance=usual(by_month, cramers_v if bins.is_text else largest_step),
        missing=float(after.isna().mean()),
        missing_before=float((by_month[:, -1] / by_month.sum(axis=1)).max()),
        unknown=float(new[-2] / new.sum()) if bins.is_text else 0.0,
        gone=float(old[:-2][new[:-2] == 0].sum() / old.sum()) if bins.is_text else 0.0,
        stuck=not bins.is_text and after.nunique() == 1 and len(bins.edges) > 2,
    )
