"""Validation of the real year gives the expected counts.

No row is quarantined, one impossible wind is blanked, and missing values are counted.
"""

from functools import cache

import pandas as pd
import pytest

from flights.contract.columns import MONTHLY, TABLES
from flights.tables.schema import BLANKED, KEYS, schema, tallies
from tarmac.pipeline import engine
from tarmac.pipeline.prepare.validation import validate_table
from tests.flights import real
from tests.flights.data.stored import MONTHS, folder

pytestmark = pytest.mark.slow

KNOWN = {
    "cancelled": 8255,
    "diverted": 1175,
    "tailnum_missing": 2512,
    "aircraft_unknown": 52606,
    "aircraft_age_unknown": 57912,
    "weather_missing": 1556,
    "zone_supplied": 7602,
}
# The same counts by another road: SQL on the raw files.
COUNTED = {
    "cancelled": "dep_time IS NULL",
    "diverted": "dep_time IS NOT NULL AND arr_delay IS NULL",
    "tailnum_missing": "tailnum IS NULL",
    "aircraft_unknown": "NOT EXISTS (FROM planes AS p WHERE p.tailnum = f.tailnum)",
    "aircraft_age_unknown": (
        "NOT EXISTS (FROM planes AS p WHERE p.tailnum = f.tailnum AND p.year > 0)"
    ),
    "weather_missing": (
        "NOT EXISTS (FROM weather AS w WHERE w.origin = f.origin AND w.time_hour = f.time_hour)"
    ),
    "zone_supplied": "dest NOT IN (SELECT faa FROM airports)",
}


@cache
def validated(month: str) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The valid tables of a month, and the rules that its rows broke."""
    valid, broken = {}, []
    for table in TABLES:
        monthly = table in MONTHLY
        frame = real.raw(f"{table}/{month}" if monthly else table).to_pandas(
            types_mapper=pd.ArrowDtype
        )
        valid[table], lines = validate_table(
            frame, schema(table, month if monthly else None, valid), KEYS[table], BLANKED
        )
        broken.append(lines.assign(table=table, kept=len(valid[table]) == len(frame)))
    return valid, pd.concat(broken, ignore_index=True)


@pytest.mark.parametrize("month", MONTHS)
def test_real_months_break_only_the_known_wind_rule(month: str) -> None:
    valid, broken = validated(month)
    shown = (
        broken[["table", "row", "column", "rule", "value", "action", "kept"]].to_numpy().tolist()
    )
    wind = [
        "weather",
        "EWR 2013-02-12 08:00:00",
        "wind_speed",
        "wind_possible",
        "1048.36058",
        "blanked",
        True,
    ]
    assert shown == ([wind] if month == "2013-02" else [])
    assert len(valid["flights"]) == real.raw(f"flights/{month}").num_rows


@cache
def counted() -> dict[str, int]:
    """The counts of `COUNTED` over the whole year."""
    backend = engine.connect_backend()
    for name in TABLES:
        path = folder("raw") / (f"{name}/*.parquet" if name in MONTHLY else f"{name}.parquet")
        backend.raw_sql(f"CREATE VIEW {name} AS FROM '{path}'")
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in COUNTED.values())
    row = backend.raw_sql(f"SELECT {counts} FROM flights AS f").fetchone()
    return dict(zip(COUNTED, row, strict=True))


@cache
def tallied() -> list[dict[str, int]]:
    """The tallies of every month."""
    return [tallies(validated(month)[0]) for month in MONTHS]


@pytest.mark.parametrize("name", KNOWN)
def test_yearly_tallies_match_known_and_sql_counts(name: str) -> None:
    found = sum(month[name] for month in tallied())
    assert found == KNOWN[name]
    assert counted()[name] == KNOWN[name]


def test_every_tally_has_an_expected_count() -> None:
    assert set(tallied()[0]) == set(KNOWN) == set(COUNTED)
