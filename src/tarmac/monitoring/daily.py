"""How many rows a day has, and how many days of a month have other numbers of them by nature."""

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd
from scipy.special import pdtr, pdtrc

from tarmac.pipeline.base import months

CHANCE = 0.003  # of a day's rows, where each comes by itself: of ten a day there may be three, of six one


def list_dates(first: date, after: date) -> list[date]:
    """Every day from the first to the one before `after`."""
    return [first + timedelta(days=number) for number in range((after - first).days)]


class DailyRowCounts:
    """What is usual of the rows before: the median day, and the month with the most days that are far from it."""

    def __init__(self, day: "pd.Series[date]") -> None:
        """Takes the day of each row before. Days before the first of them are not asked for."""
        self.usual = float(day.value_counts().median())
        start = day.min()
        found = day.groupby(day.astype("str").str[:7])
        self.share = max((self._compute_unusual_share(own, month, start) for month, own in found), default=0.0)

    def find_unusual_days(self, day: "pd.Series[date]", expected: Sequence[date]) -> "pd.Series[int]":
        """The rows of each expected day that has less than half or over twice the usual rows, by more than chance."""
        counts = day.value_counts().reindex(list(expected), fill_value=0)
        few = (counts < self.usual / 2) & (pdtr(counts, self.usual) < CHANCE)
        many = (counts > 2 * self.usual) & (pdtrc(counts - 1, self.usual) < CHANCE)
        return counts[few | many]

    def _compute_unusual_share(self, day: "pd.Series[date]", month: object, start: date) -> float:
        first, after = months.compute_month_bounds(str(month))
        expected = list_dates(max(first, start), after)
        return len(self.find_unusual_days(day, expected)) / len(expected)
