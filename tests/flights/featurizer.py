"""Run `features` on tables in memory.

They are compiled once, then run on other rows of the same columns.
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd
import pyarrow as pa

from flights.contract.columns import KEY
from flights.contract.params import Params
from flights.features.table import features
from tarmac.pipeline import engine

Period = tuple[date, date]  # the first day, and the first day after


class Featurizer:
    """The features of some tables, as featurize computes them."""

    def __init__(self, lead_hours: int = 2, late_minutes: int = 15) -> None:
        self.params = Params(lead_hours=lead_hours, late_minutes=late_minutes)
        self._backend = engine.connect_backend()
        self._query = ""

    def features(self, tables: Mapping[str, pa.Table], period: Period) -> pd.DataFrame:
        """The feature table of the days of a period."""
        for name, table in tables.items():
            self._backend.con.register(name, table)
        span = engine.show_dates(
            self._backend, "period", dict(zip(("first", "after"), period, strict=True))
        )
        if not self._query:
            shown = {name: self._backend.table(name) for name in tables}
            self._query = engine.compile_query(
                self._backend, features({**shown, "period": span}, self.params)
            )
        return self._backend.con.sql(self._query).to_arrow_table().to_pandas()


def flights_of(tables: Mapping[str, pa.Table], period: Period) -> pd.DataFrame:
    """The prepared flights of a period, in the order of its feature table."""
    flights = tables["flights"].to_pandas()
    inside = flights[(flights["day"] >= period[0]) & (flights["day"] < period[1])]
    return inside.sort_values(
        ["day", "origin", "sched_dep", "carrier", "flight"], ignore_index=True
    )


def assert_same_flights(table: pd.DataFrame, flights: pd.DataFrame) -> None:
    """Row by row the same flights, so that both can be compared by position."""
    assert table[list(KEY)].equals(flights[list(KEY)])
