"""Raw tables without their future, by which the review finds features that look ahead."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from flights.contract.columns import KEY
from flights.contract.params import Params

OUTCOMES = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
BUSY = (13, 23)  # hours in UTC at which aircraft are on their way from New York


def draw(months: Sequence[str], seed: int) -> datetime:
    """Draw an instant in UTC within some months, away from their ends."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    month = chance.choice(months)
    day, hour, minute = chance.randint(8, 24), chance.randint(*BUSY), chance.randint(0, 59)
    return datetime.fromisoformat(f"{month}-{day:02}T{hour:02}:{minute:02}")


def hide(name: str, rows: pa.Table, cut: datetime) -> pa.Table:
    """Return the rows of a raw table without what became known at an instant or after it."""
    if name == "weather":
        hour = cut.replace(minute=0)  # within the hour, an observation may be made at any minute
        return rows.filter(pc.less(rows["time_hour"], pa.scalar(hour, rows["time_hour"].type)))
    if name != "flights":
        return rows
    departed = _compute_departures(rows) + pd.to_timedelta(
        _convert_to_floats(rows, "dep_delay"), unit="m"
    )
    # At the earliest.
    landed = departed + pd.to_timedelta(_convert_to_floats(rows, "air_time"), unit="m")
    for known, columns in (
        (departed < cut, OUTCOMES[:2]),
        (landed < cut, OUTCOMES[2:]),
    ):
        for column in columns:
            values = pc.if_else(pa.array(known), rows[column], pa.scalar(None, rows[column].type))
            rows = rows.set_column(
                rows.schema.get_field_index(column), rows.schema.field(column), values
            )
    return rows


def decided(name: str, rows: pa.Table, cut: datetime, params: Params) -> pd.DataFrame:
    """Return the keys of the rows of a raw table whose cut-off has passed by an instant."""
    if name != "flights":
        return pd.DataFrame(columns=list(KEY))
    date = rows.select(["year", "month", "day"]).to_pandas()
    keys = rows.select([column for column in KEY if column != "day"]).to_pandas()
    passed = _compute_departures(rows) - timedelta(hours=params.lead_hours) <= cut
    return keys.assign(day=pd.to_datetime(date).dt.date)[passed]


def _compute_departures(rows: pa.Table) -> "pd.Series[pd.Timestamp]":
    """Instants of scheduled departure, in UTC."""
    hour = rows["time_hour"].to_pandas()
    return hour + pd.to_timedelta(_convert_to_floats(rows, "minute"), unit="m")


def _convert_to_floats(rows: pa.Table, column: str) -> "pd.Series[float]":
    return rows[column].to_pandas().astype("float64")
