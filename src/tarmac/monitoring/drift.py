"""Measure how far the inputs of some rows are from those of the training months.

Months differ: the distance of one month from the others is not drift but the season. So each
input's distance is compared with the largest that a training month has from the rest of them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tarmac.review.drift import Counts, compute_cramers_v, compute_ks_distance

BINS = 10  # of equal size in the reference, as the usual levels of PSI assume
LEAST = 1e-4  # share that an empty bin counts for: its logarithm must be finite
# Of a text's counts, the last bin but one holds unknown categories, the last what is missing.


@dataclass(frozen=True)
class FeatureDrift:
    """One input of some rows beside the training months."""

    feature: str
    psi: float
    distance: float  # Kolmogorov-Smirnov of numbers, Cramér's V of texts; from 0 to 1
    usual: float  # the largest PSI of one training month against the others


class FeatureBins:
    """Bins of one input of a reference: equal shares of a number's rows, or a text's categories."""

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

    @property
    def size(self) -> int:
        """How many bins there are."""
        return len(self.edges) + (2 if self.is_text else 3)

    def assign_bins(self, values: "pd.Series[float]") -> np.ndarray:
        """The bin of each row."""
        missing, count = values.isna().to_numpy(), len(self.edges)
        if self.is_text:
            codes = pd.Index(self.edges).get_indexer(values.to_numpy(dtype=object))
            return np.where(missing, count + 1, np.where(codes < 0, count, codes))
        # Up to an edge, with the edge: where most rows have one value,
        # it stays apart from those above.
        return np.where(
            missing, count + 2, np.searchsorted(self.edges, values.to_numpy("float64"), side="left")
        )

    def count_rows(self, values: "pd.Series[float]") -> Counts:
        """Rows by bin."""
        return np.bincount(self.assign_bins(values), minlength=self.size)


def compute_psi(before: Counts, after: Counts) -> float:
    """Return the population stability index of two counts by bin.

    It is 0 if they are alike, and has no upper limit.
    """
    old, new = (np.maximum(counts / max(counts.sum(), 1), LEAST) for counts in (before, after))
    return float(((new - old) * np.log(new / old)).sum())


def compute_max_monthly_psi(by_month: Counts) -> float:
    """Return the largest PSI of one month against the others together.

    `by_month` has the shape (months, bins).
    """
    whole = by_month.sum(axis=0)
    return (
        max((compute_psi(whole - month, month) for month in by_month), default=0.0)
        if len(by_month) > 1
        else 0.0
    )


class ReferenceInput:
    """One input of the training rows, made ready to set others beside it."""

    def __init__(self, values: "pd.Series[float]", month: np.ndarray) -> None:
        """Take the input's values and the number of the month that each row is of, from 0."""
        self.name, self.bins = str(values.name), FeatureBins(values)
        size = self.bins.size
        counts = np.bincount(
            month * size + self.bins.assign_bins(values), minlength=(month.max() + 1) * size
        )
        self.counts, self._usual = (
            counts.reshape(-1, size).sum(axis=0),
            compute_max_monthly_psi(counts.reshape(-1, size)),
        )
        self._sorted = (
            np.array([]) if self.bins.is_text else np.sort(values.dropna().to_numpy("float64"))
        )

    def compute_drift(self, values: "pd.Series[float]") -> FeatureDrift:
        """How far other values are from these."""
        counts = self.bins.count_rows(values)
        distance = (
            compute_cramers_v(self.counts, counts)
            if self.bins.is_text
            else compute_input_distance(self._sorted, values)
        )
        return FeatureDrift(self.name, compute_psi(self.counts, counts), distance, self._usual)


def compute_input_distance(ordered: np.ndarray, values: "pd.Series[float]") -> float:
    """Return the Kolmogorov-Smirnov distance of sorted numbers and a column's known ones.

    It is 0 if either has none.
    """
    known = np.sort(values.dropna().to_numpy("float64"))
    return compute_ks_distance(ordered, known) if len(known) and len(ordered) else 0.0
