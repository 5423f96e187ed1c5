"""Synthetic years made of the stored one: valid by the schema, plausible and deterministic."""

from itertools import islice

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.synthetic_years import SERVICE, Source, iter_tables, iter_year_tables
from flights.contract.columns import KEY
from flights.tables.schema import BLANKED, KEYS, schema
from tarmac.interface.errors import UserError
from tarmac.pipeline.prepare.validation import validate_table
from tests.conftest import RAW, required

pytestmark = pytest.mark.slow

YEARS = 90  # a register of the fourth generation, and time zones that no table has


@pytest.fixture(scope="module")
def year() -> dict[str, pa.Table]:
    """The stored year with every fiftieth flight number."""
    required("data/raw")
    tables = {
        str(path.relative_to(RAW).with_suffix("")): pq.read_table(path)
        for path in RAW.rglob("*.parquet")
    }
    for name in [name for name in tables if name.startswith("flights/")]:
        number = tables[name]["flight"].cast("int32")
        left = pc.subtract(number, pc.multiply(pc.divide(number, 50), 50))
        tables[name] = tables[name].filter(pc.equal(left, 3))
    return tables


@pytest.fixture(scope="module")
def last(year: dict[str, pa.Table]) -> dict[str, pa.Table]:
    return {
        **dict(islice(iter_tables(year, YEARS), 2)),
        **dict(iter_year_tables(Source.of(year), 2013 + YEARS - 1)),
    }


def frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def test_synthetic_month_satisfies_schema(last):
    valid = {}
    for name in sorted(
        last, key=lambda name: (not name.startswith(("airports", "planes", "weather")), name)
    ):
        table, month = name.split("/")[0], name.split("/")[-1] if "/" in name else None
        valid[table], broken = validate_table(
            frame(last[name]), schema(table, month, valid), KEYS[table], BLANKED
        )
        assert (broken["action"] != "set aside").all(), broken
        assert set(broken["rule"]) <= {"wind_possible"}  # the source has such a row, too


def test_year_is_identical_however_many_years_are_made(year, last):
    many = dict(islice(iter_tables(year, YEARS), 2 * 12 + 2 + 1))
    again = dict(iter_year_tables(Source.of(year), 2014))
    name = "weather/2014-01"
    assert many[name].equals(again[name])
    assert again.keys() == {
        name.replace(f"/{2013 + YEARS - 1}", "/2014") for name in last if "/" in name
    }
    for month, table in iter_year_tables(Source.of(year), 2013 + YEARS - 1):
        assert table.equals(last[month])


def test_first_year_equals_stored_year(year):
    made = dict(iter_tables(year, 1))
    assert made.keys() == year.keys()
    assert all(made[name].equals(table) for name, table in year.items())


def test_flights_keep_their_weekdays_and_yearly_count(year, last):
    """Check that a flight number flies only on weekdays that its stored year has.

    A flight number flies on some days of the week.
    """

    def flown(tables: dict[str, pa.Table]) -> pd.DataFrame:
        rows = pd.concat(
            frame(table) for name, table in tables.items() if name.startswith("flights/")
        )
        day = pd.to_datetime(rows[["year", "month", "day"]].astype(int))
        return pd.DataFrame(
            {"flight": rows["carrier"] + rows["flight"].astype(str), "weekday": day.dt.day_of_week}
        )

    was, now = (set(map(tuple, flown(tables).itertuples(index=False))) for tables in (year, last))
    assert now <= was
    counts = [
        sum(len(t) for n, t in tables.items() if n.startswith("flights/"))
        for tables in (year, last)
    ]
    assert counts[1] == pytest.approx(counts[0], rel=0.02)


def test_synthetic_delays_differ_from_stored_delays(year, last):
    """Check that delays differ.

    Otherwise a model trained on one would know the other, and the measured fit would not end.
    """
    key = [name for name in KEY if name != "day"]
    delays = [
        pd.concat(
            frame(t)[["month", "day", *key, "arr_delay"]]
            for n, t in tables.items()
            if n.startswith("flights/")
        )
        for tables in (year, last)
    ]
    both = delays[0].merge(delays[1], on=["month", "day", *key]).dropna()
    assert len(both) > 1000
    assert (both["arr_delay_x"] == both["arr_delay_y"]).mean() < 0.1


def test_aircraft_fly_after_construction_and_rarely_long_after(last):
    flights = pd.concat(frame(table) for name, table in last.items() if name.startswith("flights/"))
    planes = frame(last["planes"])
    assert planes["tailnum"].is_unique
    age = (
        2013
        + YEARS
        - 1
        - flights.merge(planes[["tailnum", "year"]], on="tailnum", suffixes=("", "_built"))[
            "year_built"
        ]
        .dropna()
        .astype(int)
    )
    assert age.min() >= 0
    assert (age <= 2 * SERVICE).mean() > 0.99
    assert flights["tailnum"].isin(planes["tailnum"]).mean() == pytest.approx(0.84, abs=0.04)


def test_rejects_year_with_missing_month(year):
    with pytest.raises(UserError, match="the stored year is not whole: it has 2013-01"):
        next(
            iter_tables({name: table for name, table in year.items() if "/2013-04" not in name}, 2)
        )


def test_rejects_more_years_than_tail_numbers_allow(year):
    with pytest.raises(UserError, match="at most 251"):
        next(iter_tables(year, 252))
