"""Every instant of the prepared tables is correct.

This includes midnight, time zones and daylight saving changes.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pytest

from flights.tables.clean import clean
from tests.flights import real, rows
from tests.flights.data.stored import MONTHS

EPOCH = datetime(1970, 1, 1)
SUPPLIED = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")


def minute(utc: str) -> int:
    return (datetime.fromisoformat(utc) - EPOCH) // timedelta(minutes=1)


def cleaned(name: str, month: str, *changes: dict) -> pd.DataFrame:
    """Prepared rows of a small raw table."""
    given = {
        table: ibis.memtable(rows.table(table, *(changes if table == name else [{}])))
        for table in ("flights", "weather", "planes")
    }
    return (
        clean(name, {**given, "airports": ibis.memtable(rows.airports())}, month)
        .to_pyarrow()
        .to_pandas()
    )


@pytest.mark.parametrize(
    ("departs", "dest", "lands", "sched_dep", "sched_arr"),
    [
        ("2013-06-10 09:00", "LAX", 1205, "2013-06-10 13:00", "2013-06-10 19:05"),
        ("2013-06-10 23:30", "BOS", 40, "2013-06-11 03:30", "2013-06-11 04:40"),  # over midnight
        (
            "2013-06-10 23:00",
            "BOS",
            2400,
            "2013-06-11 03:00",
            "2013-06-11 04:00",
        ),  # midnight is 24:00
        (
            "2013-06-30 22:00",
            "LAX",
            110,
            "2013-07-01 02:00",
            "2013-07-01 08:10",
        ),  # into the next month
        ("2013-06-10 09:00", "HNL", 1330, "2013-06-10 13:00", "2013-06-10 23:30"),
        ("2013-01-10 09:00", "HNL", 1430, "2013-01-10 14:00", "2013-01-11 00:30"),
        ("2013-06-10 18:00", "HNL", 2230, "2013-06-10 22:00", "2013-06-11 08:30"),
        (
            "2013-06-10 08:00",
            "PHX",
            1000,
            "2013-06-10 12:00",
            "2013-06-10 17:00",
        ),  # no daylight saving there
        ("2013-01-10 08:00", "PHX", 1100, "2013-01-10 13:00", "2013-01-10 18:00"),
        (
            "2013-06-10 08:00",
            "SJU",
            1150,
            "2013-06-10 12:00",
            "2013-06-10 15:50",
        ),  # the source lacks its zone
        ("2013-01-10 08:00", "SJU", 1250, "2013-01-10 13:00", "2013-01-10 16:50"),
        ("2013-01-10 23:59", "SJU", 445, "2013-01-11 04:59", "2013-01-11 08:45"),
        ("2013-06-10 16:20", "ANC", 1935, "2013-06-10 20:20", "2013-06-11 03:35"),
        (
            "2013-03-09 23:30",
            "ORD",
            100,
            "2013-03-10 04:30",
            "2013-03-10 07:00",
        ),  # the night the clocks go forward
        ("2013-03-10 00:45", "ATL", 315, "2013-03-10 05:45", "2013-03-10 07:15"),
        ("2013-03-10 01:30", "SJU", 615, "2013-03-10 06:30", "2013-03-10 10:15"),
        ("2013-03-10 06:00", "PHX", 830, "2013-03-10 10:00", "2013-03-10 15:30"),
        ("2013-03-09 22:00", "LAX", 110, "2013-03-10 03:00", "2013-03-10 09:10"),
        (
            "2013-03-09 23:30",
            "LAX",
            310,
            "2013-03-10 04:30",
            "2013-03-10 10:10",
        ),  # leaves before and lands after
        ("2013-11-02 23:30", "LAX", 230, "2013-11-03 03:30", "2013-11-03 10:30"),
        (
            "2013-11-03 00:45",
            "ATL",
            315,
            "2013-11-03 04:45",
            "2013-11-03 08:15",
        ),  # the night they go back
        (
            "2013-11-03 00:10",
            "BOS",
            120,
            "2013-11-03 04:10",
            "2013-11-03 05:20",
        ),  # shown twice: the first
        ("2013-11-02 22:00", "LAX", 115, "2013-11-03 02:00", "2013-11-03 08:15"),
        ("2013-11-03 06:00", "PHX", 930, "2013-11-03 11:00", "2013-11-03 16:30"),
        ("2013-12-31 22:00", "LAX", 110, "2014-01-01 03:00", "2014-01-01 09:10"),
        (
            "2013-06-10 09:00",
            "BOS",
            900,
            "2013-06-10 13:00",
            "2013-06-11 13:00",
        ),  # never before it leaves, nor then
    ],
)
def test_local_schedule_converts_to_utc_instants(
    departs: str, dest: str, lands: int, sched_dep: str, sched_arr: str
) -> None:
    flight = cleaned(
        "flights", departs[:7], rows.departing(departs, dest=dest, sched_arr_time=lands)
    ).iloc[0]
    assert flight["sched_dep"] == minute(sched_dep)
    assert flight["sched_arr"] == minute(sched_arr)
    assert flight["local_dep"] == int(departs[11:13]) * 60 + int(departs[14:])
    assert flight["local_arr"] == lands // 100 * 60 + lands % 100
    assert str(flight["day"]) == departs[:10]


def test_actual_times_add_delay_to_schedule_across_clock_change() -> None:
    late = rows.departing(
        "2013-11-03 00:45", dest="ATL", sched_arr_time=315, dep_delay=75, arr_delay=70
    )
    flight = cleaned("flights", "2013-11", late).iloc[0]
    assert flight["dep"] == minute("2013-11-03 06:00")  # 01:00 for the second time
    assert flight["arr"] == minute("2013-11-03 09:25")


def test_cancelled_flights_have_no_times_diverted_no_arrival() -> None:
    cancelled = {
        "flight": 1,
        "dep_time": None,
        "dep_delay": None,
        "arr_time": None,
        "arr_delay": None,
    }
    flights = cleaned("flights", "2013-06", cancelled, {"flight": 2, "arr_delay": None}).set_index(
        "flight"
    )
    assert flights[["dep", "arr"]].isna().to_numpy().tolist() == [[True, True], [False, True]]


def test_destination_without_zone_gives_missing_arrival_times() -> None:
    """A wrong zone would be a wrong instant; a missing one is seen."""
    flights = cleaned("flights", "2013-06", {"flight": 1, "dest": "XXX"}, {"flight": 2})
    assert flights["sched_arr"].isna().tolist() == [True, False]
    assert flights["arr"].isna().tolist() == [True, False]
    assert flights["dep"].tolist() == [minute("2013-06-10 13:05")] * 2


def local_minutes(hhmm: int) -> timedelta:
    return timedelta(hours=int(hhmm) // 100, minutes=int(hhmm) % 100)


def first_shown(zone: ZoneInfo, day: datetime, hhmm: int, after: datetime) -> datetime:
    """Return the first instant after another at which a clock shows a time.

    The clock is that of the zone. Each day is tried, and each pass of it.
    """
    shown = []
    for later in range(-1, 3):
        for fold in (0, 1):
            local = (day + timedelta(days=later) + local_minutes(hhmm)).replace(
                tzinfo=zone, fold=fold
            )
            utc = local.astimezone(UTC)
            if utc.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                shown.append(utc)
    return min(moment for moment in shown if moment > after)


def expected_times(flight: pd.Series, zones: dict[str, str]) -> dict[str, float]:
    """Return the four instants of a raw flight, from the clock times alone.

    `time_hour` is not used.
    """
    day = datetime(flight.year, flight.month, flight.day)
    dep = (day + local_minutes(flight.sched_dep_time)).replace(tzinfo=rows.HOME).astimezone(UTC)
    arr = first_shown(ZoneInfo(zones[flight.dest]), day, flight.sched_arr_time, dep)
    sched_dep, sched_arr = (int(moment.timestamp()) // 60 for moment in (dep, arr))
    return {
        "sched_dep": sched_dep,
        "sched_arr": sched_arr,
        "dep": sched_dep + flight.dep_delay,
        "arr": sched_arr + flight.arr_delay,
    }


@pytest.mark.parametrize("month", MONTHS)
def test_real_flight_instants_match_python_time_zones(month: str) -> None:
    airports = real.raw("airports").to_pandas()
    zones = {**SUPPLIED, **airports.dropna(subset="tzone").set_index("faa")["tzone"].to_dict()}
    raw, flights = real.raw_flights(month), real.prepared("flights", month).to_pandas()
    assert (
        flights["flight"] == raw["flight"]
    ).all()  # the same order, so that rows can be compared
    changes = raw["date"].isin(
        pd.to_datetime(["2013-03-09", "2013-03-10", "2013-11-02", "2013-11-03"])
    )
    far = raw["dest"].isin(["HNL", "ANC", "PHX"])
    chosen = np.random.default_rng(int(month[-2:])).choice(len(raw), 200, replace=False)
    chosen = np.union1d(chosen, np.flatnonzero(changes | far)[::5])
    expected = pd.DataFrame(
        [expected_times(raw.iloc[row], zones) for row in chosen], dtype="float64"
    )
    found = flights.iloc[chosen][list(expected)].astype("float64").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)


def test_scheduled_block_times_of_year_are_plausible() -> None:
    for month in MONTHS:
        flights = real.prepared("flights", month).to_pandas()
        assert (flights["sched_arr"] - flights["sched_dep"]).between(40, 720).all()


@pytest.mark.parametrize("month", ["2013-01", "2013-11"])
def test_flights_keep_every_row_once_in_a_fixed_order(month: str) -> None:
    flights, raw = real.prepared("flights", month).to_pandas(), real.raw_flights(month)
    order = ["day", "origin", "sched_dep", "carrier", "flight"]
    assert flights[order].equals(flights[order].sort_values(order, ignore_index=True))
    for name in ("carrier", "flight", "origin", "dest", "tailnum", "distance"):
        pd.testing.assert_series_equal(flights[name], raw[name], check_dtype=False)
    assert (pd.to_datetime(flights["day"]) == raw["date"]).all()


def test_weather_keeps_its_values_and_counts_hours_in_utc() -> None:
    weather, raw = (
        real.prepared("weather", "2013-11").to_pandas(),
        real.raw("weather/2013-11").to_pandas(),
    )
    raw = raw.sort_values(["time_hour", "origin"], ignore_index=True)
    assert (weather["hour"] == (raw["time_hour"] - EPOCH) // timedelta(hours=1)).all()
    assert (weather["origin"] == raw["origin"]).all()
    for name in weather.columns.drop(["origin", "hour"]):
        pd.testing.assert_series_equal(weather[name], raw[name].astype("float32"))


def test_planes_are_sorted_and_keep_a_missing_year() -> None:
    planes = cleaned("planes", "2013-06", {"tailnum": "N2"}, {"tailnum": "N1", "year": None})
    assert planes["tailnum"].tolist() == ["N1", "N2"]
    assert planes["year"].isna().tolist() == [True, False]
    assert planes["seats"].tolist() == [149, 149]
