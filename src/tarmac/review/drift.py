"""Measure the distance between two samples of one feature, as an effect size.

With many rows every gap is significant.
"""

import numpy as np
import pandas as pd

Counts = np.ndarray  # rows by category, shape (categories,)


def effect(before: "pd.Series[float]", after: "pd.Series[float]") -> float:
    """Largest gap between the two distributions, from 0 (alike) to 1 (nothing in common).

    Numbers: the Kolmogorov-Smirnov distance of the known values, or the change of the share that is
    missing, whichever is larger. Text: Cramér's V, a missing value being a category of its own.
    Both are the distances of monitoring, too. If one side has no row, 1; if neither has, 0.
    """
    if not len(before) or not len(after):
        return float(bool(len(before)) != bool(len(after)))
    if not pd.api.types.is_numeric_dtype(before.dtype) or not pd.api.types.is_numeric_dtype(
        after.dtype
    ):
        return _compute_category_distance(before, after)
    missing = abs(float(before.isna().mean()) - float(after.isna().mean()))
    old, new = before.dropna(), after.dropna()
    if not len(old) or not len(new):
        return missing
    return max(
        missing,
        compute_ks_distance(np.sort(old.to_numpy("float64")), np.sort(new.to_numpy("float64"))),
    )


def compute_ks_distance(before: np.ndarray, after: np.ndarray) -> float:
    """Return the largest gap of the two distribution functions of sorted values.

    The function of scipy also computes a p-value, which takes long.
    """
    at = np.concatenate([before, after])
    shares = [np.searchsorted(side, at, side="right") / len(side) for side in (before, after)]
    return float(np.abs(shares[0] - shares[1]).max())


def compute_cramers_v(before: Counts, after: Counts) -> float:
    """Return Cramér's V of side and category, with the same weight for each side.

    It is 0 if the sides are alike, and 1 if they have nothing in common.
    """
    old, new = (counts / max(counts.sum(), 1) for counts in (before, after))
    both = old + new
    gaps = np.divide((old - new) ** 2, both, out=np.zeros(len(both)), where=both > 0)
    return float(np.sqrt(gaps.sum() / 2))


def _compute_category_distance(before: "pd.Series[float]", after: "pd.Series[float]") -> float:
    counts = [side.astype("str").value_counts(dropna=False) for side in (before, after)]
    both = pd.concat(counts, axis=1).fillna(0).to_numpy()
    return compute_cramers_v(both[:, 0], both[:, 1])
