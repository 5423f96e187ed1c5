"""Check whether inputs are what they were in any month before.

They must be there, known, moving, and the same quantity. This checks the data, not the model. It
compares with all months that were ingested before, also those since the model was made. A month
of another unit is far from every one of them. A new season is near the month before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tarmac.monitoring.drift import compute_input_distance

EXPECTED = 10  # rows that a category ought to have had, for its absence to be no chance
CALENDAR = 1 / 2  # an input is apart by itself where months usually are further from each other


@dataclass(frozen=True)
class InputHealth:
    """One input of some rows beside the months before."""

    missing: float  # share of the rows
    missing_before: float  # the largest of a month before
    unknown: float  # share of the rows whose category no month before had
    unknown_before: float  # the same of the last month before
    # share of the rows before whose category these do not have,
    # though there are rows enough for it
    gone: float
    gone_before: float  # the same of the last month before
    stuck: bool  # every row has one value, where most had others
    # Kolmogorov-Smirnov distance from the nearest month before,
    # of some days the share of rows beyond all
    apart: float


def compute_value_shares(values: "pd.Series[Any]") -> "pd.Series[float]":
    """The share of the rows that each value has, without those that are missing."""
    shares = values.value_counts(normalize=True, dropna=False)
    return shares[shares.index.notna()]


def compute_turnover(known: "pd.Series[float]", values: "pd.Series[Any]") -> tuple[float, float]:
    """Return the share of rows with an unknown category, and of rows whose category is gone.

    The second is the share of the rows before whose category the new rows do not have.
    """
    present = values.dropna()
    gone = known[~known.index.isin(present.unique()) & (known * len(values) >= EXPECTED)]
    return float((~present.isin(known.index)).sum() / len(values)), float(gone.sum())


class InputHistory:
    """One input of the months before."""

    def __init__(self, values: "pd.Series[float]", month: np.ndarray) -> None:
        """Take the input's values and the number of the month that each row is of, from 0."""
        months = [part for _, part in values.groupby(month)]
        self._missing = max(float(part.isna().mean()) for part in months)
        self._text = not pd.api.types.is_numeric_dtype(values.dtype)
        self._shares = compute_value_shares(values)
        last = month == month.max()
        self._turned = (
            compute_turnover(compute_value_shares(values[~last]), values[last])
            if self._text and not last.all()
            else (0.0, 0.0)
        )
        self._months = (
            [] if self._text else [np.sort(part.dropna().to_numpy("float64")) for part in months]
        )

    def compute_health(self, values: "pd.Series[float]", whole: bool = True) -> InputHealth:
        """Compare other values with these.

        `whole` means that the values should be distributed as those of a month.
        """
        present = values.dropna()
        unknown, gone = compute_turnover(self._shares, values) if self._text else (0.0, 0.0)
        one = not self._text and present.nunique() == 1
        return InputHealth(
            missing=float(values.isna().mean()),
            missing_before=self._missing,
            unknown=unknown,
            unknown_before=self._turned[0],
            gone=gone,
            gone_before=self._turned[1],
            stuck=bool(one and self._shares.max() < 1 / 2 and not self._is_constant_by_month()),
            apart=self._compute_month_distance(present)
            if whole
            else self._compute_outside_share(present),
        )

    def _is_constant_by_month(self) -> bool:
        """Whether each month before had one value of its own: that of a calendar."""
        return len(self._months) > 1 and all(
            len(part) and part[0] == part[-1] for part in self._months
        )

    def _compute_month_distance(self, values: "pd.Series[float]") -> float:
        """Return the distance from the nearest month.

        It is 0 if months are always far from each other, as a date's are.
        """
        months = [part for part in self._months if len(part)]
        distance = min((compute_input_distance(part, values) for part in months), default=0.0)
        if distance > CALENDAR and _compute_typical_distance(months) > CALENDAR:
            return 0.0
        return distance

    def _compute_outside_share(self, values: "pd.Series[float]") -> float:
        """Return the share of rows below or above every value before.

        It is 0 if months lie beyond each other anyway.
        """
        months = [part for part in self._months if len(part)]
        if not months or values.empty:
            return 0.0
        low, high = min(part[0] for part in months), max(part[-1] for part in months)
        share = float(((values < low) | (values > high)).mean())
        if share > CALENDAR and _compute_typical_distance(months) > CALENDAR:
            return 0.0
        return share


def _compute_typical_distance(months: Sequence[np.ndarray]) -> float:
    """Return the median distance of the months from the one nearest to each.

    It is 0 if there are too few months.
    """
    if len(months) <= 2:
        return 0.0
    nearest = []
    for part in months:
        values = pd.Series(part)
        others = [other for other in months if other is not part]
        nearest.append(min(compute_input_distance(other, values) for other in others))
    return float(np.median(nearest))
