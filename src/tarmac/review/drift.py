"""How far two samples of one feature lie apart, as an effect size: with many rows every gap is significant."""

import numpy as np
import pandas as pd


def effect(before: "pd.Series[float]", after: "pd.Series[float]") -> float:
    """Largest gap between the two distributions, from 0 (alike) to 1 (nothing in common).

    Numbers: the Kolmogorov-Smirnov distance of the known values, or the change of the share that is missing, whichever
    is larger. Text: the total variation distance, a missing value being a category of its own. Where one side has no
    row, 1; where neither has, 0.
    """
    if not len(before) or not len(after):
        return float(bool(len(before)) != bool(len(after)))
    if not pd.api.types.is_numeric_dtype(before.dtype) or not pd.api.types.is_numeric_dtype(after.dtype):
        return _total_variation(before, after)
    missing = abs(float(before.isna().mean()) - float(after.isna().mean()))
    old, new = before.dropna(), after.dropna()
    if not len(old) or not len(new):
        return missing
    return max(missing, kolmogorov_smirnov(np.sort(old.to_numpy("float64")), np.sort(new.to_numpy("float64"))))


def kolmogorov_smirnov(before: np.ndarray, after: np.ndarray) -> float:
    """Largest gap of the two distribution functions of sorted values; scipy's also computes a p-value, at length."""
    at = np.concatenate([before, after])
    shares = [np.searchsorted(side, at, side="right") / len(side) for side in (before, after)]
    return float(np.abs(shares[0] - shares[1]).max())


def _total_variation(before: "pd.Series[float]", after: "pd.Series[float]") -> float:
    shares = [side.astype("str").value_counts(normalize=True, dropna=False) for side in (before, after)]
    return float(shares[0].subtract(shares[1], fill_value=0).abs().sum() / 2)
