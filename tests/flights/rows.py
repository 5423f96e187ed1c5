"""Small raw tables, valid as they are: a test changes what it is about."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa

from flights.tables.raw import RAW_TYPES

HOME = ZoneInfo("America/New_York")
AIRPORTS = {
    "ANC": "America/Anchorage",
    "ATL": "America/New_York",
    "BOS": "America/New_York",
    "HNL": "Pacific/Honolulu",
    "LAX": "America/Los_Angeles",
    "ORD": "America/Chicago",
    "PHX": "America/Phoenix",
}
FLIGHT = {
    "year": 2013,
    "month": 6,
    "day": 10,
    "dep_time": 905,
    "sched_dep_time": 900,
    "dep_delay": 5,
    "arr_time": 1200,
    "sched_arr_time": 1205,
    "arr_delay": -5,
    "carrier": "AA",
    "flight": 11,
    "tailnum": "N12345",
    "origin": "JFK",
    "dest": "LAX",
    "air_time": 330,
    "distance": 2475,
    "hour": 9,
    "minute": 0,
    "time_hour": datetime(2013, 6, 10, 13),
}
OBSERVATION = {
    "origin": "JFK",
    "year": 2013,
    "month": 6,
    "day": 10,
    "hour": 9,
    "temp": 70.0,
    "dewp": 60.1,
    "humid": 71.0,
    "wind_dir": 270,
    "wind_speed": 9.2,
    "wind_gust": 20.7,
    "precip": 0.0,
    "pressure": 1012.3,
    "visib": 10.0,
    "time_hour": datetime(2013, 6, 10, 13),
}
PLANE = {
    "tailnum": "N12345",
    "year": 2004,
    "type": "Fixed wing multi engine",
    "manufacturer": "BOEING",
    "model": "737-824",
    "engines": 2,
    "seats": 149,
    "speed": None,
    "engine": "Turbo-fan",
}
AIRPORT = {
    "faa": "LAX",
    "name": "Los Angeles Intl",
    "lat": 33.94,
    "lon": -118.41,
    "alt": 126,
    "tz": -8,
    "dst": "A",
    "tzone": "America/Los_Angeles",
}
ROW = {"flights": FLIGHT, "weather": OBSERVATION, "planes": PLANE, "airports": AIRPORT}


def table(name: str, *changes: dict) -> pa.Table:
    """A raw table with one row for each of `changes`, applied to a valid row."""
    return pa.Table.from_pylist(
        [{**ROW[name], **change} for change in changes], schema=RAW_TYPES[name]
    )


def frame(name: str, *changes: dict) -> pd.DataFrame:
    """The same as the stages read it."""
    return table(name, *changes).to_pandas(types_mapper=pd.ArrowDtype)


def airports() -> pa.Table:
    """The airports of `AIRPORTS`; one without a zone, as the source has them, is among them."""
    return table(
        "airports",
        *({"faa": faa, "tzone": zone} for faa, zone in {**AIRPORTS, "XXX": None}.items()),
    )


def departing(local: str, **changes: object) -> dict:
    """Return changes that make a flight leave at a local time of New York.

    The time is written as 2013-06-10 09:00. Delays stay unchanged.
    """
    moment = datetime.fromisoformat(local).replace(tzinfo=HOME)
    hour = moment.replace(minute=0).astimezone(UTC).replace(tzinfo=None)
    return {
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "sched_dep_time": moment.hour * 100 + moment.minute,
        "hour": moment.hour,
        "minute": moment.minute,
        "time_hour": hour,
        **changes,
    }
