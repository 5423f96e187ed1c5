"""Properties of the raw tables that every later stage relies on."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tarmac.interface.problem import problem
from tests.flights.data.stored import FLIGHTS, MONTHS, assert_month_by_month, folder, monthly


@pytest.mark.parametrize("table", ["flights", "weather"])
def test_no_month_is_missing_or_filed_under_another(table: str) -> None:
    assert_month_by_month(f"raw/{table}")
    rows = monthly(f"raw/{table}")
    written = rows["year"].astype(str) + "-" + rows["month"].astype(str).str.zfill(2)
    assert (written == rows["file"]).all()


@pytest.mark.parametrize("table", sorted(problem.raw.RAW_TYPES))
def test_every_file_has_exactly_the_declared_columns_and_types(table: str) -> None:
    paths = sorted(folder("raw").glob(f"{table}.parquet")) or sorted(
        folder(f"raw/{table}").glob("*.parquet")
    )
    for path in paths:
        assert pq.read_schema(path).equals(problem.raw.RAW_TYPES[table]), path.name


def test_no_flight_is_lost_or_counted_twice() -> None:
    flights = monthly("raw/flights")
    assert len(flights) == FLIGHTS
    assert not flights.duplicated(["year", "month", "day", "carrier", "flight", "origin"]).any()
    assert flights.groupby("file").size().between(24_000, 30_000).all()


def test_lookups_have_one_row_per_key() -> None:
    planes = pd.read_parquet(folder("raw") / "planes.parquet")
    airports = pd.read_parquet(folder("raw") / "airports.parquet")
    assert planes["tailnum"].is_unique
    assert airports["faa"].is_unique
    assert (len(planes), len(airports)) == (3322, 1458)


def test_each_station_reports_almost_every_hour() -> None:
    weather = monthly("raw/weather")
    assert not weather.duplicated(["origin", "time_hour"]).any()
    hours = weather.groupby(["file", "origin"]).size()
    expected = hours.index.get_level_values("file").map(
        lambda month: 24 * pd.Period(month).days_in_month
    )
    assert (hours / expected).between(0.95, 1).all()
    assert hours.unstack().shape == (len(MONTHS), 3)


def test_utc_times_match_local_hour_of_new_york() -> None:
    for table in ("flights", "weather"):
        rows = monthly(f"raw/{table}")
        local = rows["time_hour"].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt
        for part in ("year", "month", "day", "hour"):
            assert (getattr(local, part) == rows[part]).all(), (table, part)
