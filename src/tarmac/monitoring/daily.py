"""How many rows a day has, and how many days of a month have other numbers of them by nature."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
from scipy.special import pdtr, pdtrc

from tarmac.pipeline.base import months

# Of a day's rows, if each comes by itself: of ten a day there may be three, of six one.
CHANCE = 0.003


class DailyRowCounts:
    """The usual row counts of the rows before.

    They are the rows of the median day, and the highest share of unusual days in a month.
    """

    def __init__(self, day: "pd.Series[date]") -> None:
        """Take the day of each row before. Days before the first of them do not count."""
        self.usual = float(day.value_counts().median())
        start = day.min()
        by_month = day.groupby(day.astype("str").str[:7])
        self.share = max(
            (self._compute_unusual_share(own, month, start) for month, own in by_month), default=0.0
        )

    def find_unusual_days(
        self, day: "pd.Series[date]", expected: Sequence[date]
    ) -> "pd.Series[int]":
        """Return the rows of each expected day that is unusual by more than chance.

        A day is unusual if it has less than half or over twice the usual rows.
        """
        counts = day.value_counts().reindex(list(expected), fill_value=0)
        few = (counts < self.usual / 2) & (pdtr(counts, self.usual) < CHANCE)
        many = (counts > 2 * self.usual) & (pdtrc(counts - 1, self.usual) < CHANCE)
        return counts[few | many]

    def _compute_unusual_share(self, day: "pd.Series[date]", month: object, start: date) -> float:
        first, after = months.compute_month_bounds(str(month))
        expected = months.list_dates(max(first, start), after)
        return len(self.find_unusual_days(day, expected)) / len(expected)
