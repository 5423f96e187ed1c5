"""Provide the real raw tables, and the prepared ones as today's code makes them.

What is stored may be made by older code.
"""

from functools import cache

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flights.tables.clean import clean
from tarmac.pipeline import engine
from tests.flights.data.stored import folder

LOOKUPS = ("planes", "airports")


@cache
def raw(name: str) -> pa.Table:
    """A raw table by its path under `data/raw`."""
    return pq.read_table(folder("raw") / f"{name}.parquet")


@cache
def prepared(name: str, month: str) -> pa.Table:
    """A prepared table of one month (of any month where it is a lookup)."""
    valid = {lookup: ibis.memtable(raw(lookup)) for lookup in LOOKUPS}
    valid |= {
        monthly: ibis.memtable(raw(f"{monthly}/{month}")) for monthly in ("flights", "weather")
    }
    return engine.connect_backend().to_pyarrow(clean(name, valid, month))


@cache
def tables(*months: str) -> dict[str, pa.Table]:
    """What `features` takes, but for the period: the prepared tables of some months."""
    monthly = {
        name: pa.concat_tables([prepared(name, month) for month in months])
        for name in ("flights", "weather")
    }
    return {**monthly, "planes": prepared("planes", months[0])}


@cache
def raw_flights(*months: str) -> pd.DataFrame:
    """Raw flights of some months in the order of the prepared ones. Do not change it."""
    table = pd.concat([raw(f"flights/{month}").to_pandas() for month in months], ignore_index=True)
    local = table["sched_dep_time"] // 100 * 60 + table["sched_dep_time"] % 100
    moment = pd.to_datetime(table[["year", "month", "day"]])
    order = table.assign(date=moment, local=local).sort_values(
        ["date", "origin", "local", "carrier", "flight"]
    )
    return order.reset_index(drop=True)
