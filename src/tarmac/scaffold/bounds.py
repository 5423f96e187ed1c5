"""Bounds of a number, guessed from its values: no bound that one of them breaks."""

import numpy as np
import pandas as pd

from tarmac.scaffold.value_kinds import is_whole
from tarmac.tabular.columns import Number

REACH = 3  # widths of the inner 98 % that a number may lie beyond them
RARE = 0.01  # share of rows that may be negative in a column that has no use for it


def infer_number(values: "pd.Series[str]", missing: bool) -> Number:
    """Return a number with the bounds that its values suggest and all of them keep."""
    numbers, whole = _parse_numbers(values), is_whole(values)
    low, high = guess_bounds(numbers)
    if whole:
        low, high = float(np.floor(low)), float(np.ceil(high))
    return Number(
        low if low <= numbers.min() else None,
        high if high >= numbers.max() else None,
        whole,
        missing,
    )


def guess_bounds(numbers: np.ndarray) -> tuple[float, float]:
    """Return bounds well beyond the inner 98 % of numbers; below zero only where that is usual."""
    first, last = np.quantile(numbers, [0.01, 0.99])
    width = (last - first) or max(abs(last), 1.0)
    positive = first >= 0 and (numbers < 0).mean() <= RARE
    margin = REACH * width
    low = round_bound(0.0 if positive and first <= margin else first - margin, np.floor)
    return low, round_bound(last + margin, np.ceil)


def round_bound(value: float, rounding: np.ufunc) -> float:
    """Return a number to two digits, away from the values: a bound that a person would write."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{rounding(value / unit) * unit:.10g}")


def describe_far_values(name: str, values: "pd.Series[str]") -> str:
    """Describe the values beyond the guessed bounds; return nothing if there are none."""
    numbers = _parse_numbers(values)
    low, high = guess_bounds(numbers)
    far = numbers[(numbers < low) | (numbers > high)]
    if not len(far):
        return ""
    return f"{name} ({len(far):,} of {len(numbers):,}, such as {far[np.abs(far).argmax()]:g})"


def _parse_numbers(values: "pd.Series[str]") -> np.ndarray:
    numbers: np.ndarray = pd.to_numeric(values.dropna()).to_numpy(dtype="float64")
    return numbers
