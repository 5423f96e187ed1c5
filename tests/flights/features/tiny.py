"""One feature group on a handful of prepared rows written by hand."""

from datetime import datetime, timedelta
from types import ModuleType

import ibis
import pandas as pd
import pyarrow as pa

from flights.contract.columns import FEATURES, KEY
from flights.contract.params import Params
from flights.features import aircraft
from flights.features.inputs import FeatureInputs
from flights.features.table import join_lookups, seen

EPOCH = datetime(1970, 1, 1)
NEW_YORK = timedelta(hours=-4)  # in summer, in which all rows written by hand are
TEXT, SMALL, INSTANT = pa.string(), pa.int16(), pa.int32()
SCHEMAS = {
    "flights": pa.schema(
        {
            "day": pa.date32(),
            "carrier": TEXT,
            "flight": SMALL,
            "origin": TEXT,
            "dest": TEXT,
            "tailnum": TEXT,
            "distance": SMALL,
            "local_dep": SMALL,
            "local_arr": SMALL,
            "sched_dep": INSTANT,
            "sched_arr": INSTANT,
            "dep": INSTANT,
            "arr": INSTANT,
        }
    ),
    "weather": pa.schema(
        {"origin": TEXT, "hour": INSTANT, **dict.fromkeys(FEATURES["weather"], pa.float32())}
    ),
    "planes": pa.schema({"tailnum": TEXT, "year": SMALL, "seats": SMALL}),
    "period": pa.schema({"first": pa.date32(), "after": pa.date32()}),
}
PARAMS = Params(lead_hours=2, late_minutes=15)


def minute(utc: str) -> int:
    """Minutes since 1970 of a time in UTC, written 2013-06-10 13:00."""
    return (datetime.fromisoformat(utc) - EPOCH) // timedelta(minutes=1)


def flight(
    number: int,
    sched_dep: str,
    out: int | None = 0,
    late: int | None = 0,
    block: int = 60,
    **changes: object,
) -> dict:
    """Return a prepared flight that leaves and arrives so late.

    `out` and `late` are minutes behind schedule; None if it does not leave or arrive.
    """
    local = datetime.fromisoformat(sched_dep) + NEW_YORK
    due = minute(sched_dep)
    return {
        "day": local.date(),
        "carrier": "AA",
        "flight": number,
        "origin": "JFK",
        "dest": "BOS",
        "tailnum": f"N{number}",
        "distance": 187,
        "local_dep": local.hour * 60 + local.minute,
        "local_arr": (local.hour * 60 + local.minute + block) % 1440,
        "sched_dep": due,
        "sched_arr": due + block,
        "dep": None if out is None else due + out,
        "arr": None if late is None else due + block + late,
        **changes,
    }


def columns(group: ModuleType, known: FeatureInputs) -> ibis.Table:
    """Return the flights with what a group looks up.

    The age of an aircraft is made of what its own group looks up.
    """
    groups = dict.fromkeys((group, aircraft))
    return join_lookups(
        known.flights, [lookup for each in groups for lookup in each.lookups(known)]
    )


def run(
    group: ModuleType, flights: list[dict], params: Params = PARAMS, **lookups: list[dict]
) -> pd.DataFrame:
    """Return row key and the group's columns in the order of the flights.

    All flights are requested, and all are the past.
    """
    days = [entry["day"] for entry in flights]
    period = [{"first": min(days), "after": max(days)}]
    tables = {
        name: ibis.memtable(pa.Table.from_pylist(rows, schema=SCHEMAS[name]))
        for name, rows in {
            "flights": flights,
            "weather": [],
            "planes": [],
            "period": period,
            **lookups,
        }.items()
    }
    known = seen(tables, params)
    wanted = dict.fromkeys((*KEY, *group.COLUMNS))
    found = columns(group, known).select(*wanted).to_pyarrow().to_pandas()
    assert len(found) == len(flights)
    return pd.DataFrame(flights)[list(KEY)].merge(found, on=list(KEY), validate="one_to_one")
