"""History features at their edges: when a day ends, how far back it reaches, what it counts."""

import pandas as pd
import pytest

from flights.features import history
from tests.flights.features.tiny import PARAMS, flight, run

DECIDED = "2013-06-20 15:00"  # the flight in question leaves then; it is decided on at 13:00


def landing(number: int, arrives: str | pd.Timestamp, late: int = 0, **changes: object) -> dict:
    """A flight of an hour, on time at departure, that arrived at a time."""
    leaves = pd.Timestamp(arrives) - pd.Timedelta(minutes=60 + late)
    return flight(number, f"{leaves:%Y-%m-%d %H:%M}", late=late, **changes)


def decided(*past: dict, **changes: object) -> pd.Series:
    return run(history, [flight(1, DECIDED, **changes), *past]).iloc[0]


@pytest.mark.parametrize(
    ("arrives", "counts"),
    [
        ("2013-06-20 04:59", True),  # the last minute of the day before
        ("2013-06-20 05:00", False),  # the day of the cut-off is not over
        ("2013-06-20 12:00", False),
        ("2013-06-19 05:00", True),  # the first minute of the day before
        ("2013-06-19 04:59", False),
    ],
)
def test_one_day_window_is_last_complete_day_before_cut_off(arrives: str, counts: bool) -> None:
    found = decided(landing(2, arrives, late=40))
    for name in (
        "route_delay_1d",
        "hub_gain_1d",
        "origin_delay_1d",
        "origin_gain_1d",
        "dest_gain_1d",
    ):
        assert (found[name] == 10) if counts else pd.isna(found[name]), name


@pytest.mark.parametrize(
    ("leaves", "counts"),
    [("2013-06-21 07:00", True), ("2013-06-21 06:59", False)],  # decided on at 05:00 and at 04:59
)
def test_day_is_complete_from_five_utc_on(leaves: str, counts: bool) -> None:
    past = landing(2, "2013-06-20 23:00", late=40)
    found = run(history, [flight(1, leaves), past]).iloc[0]
    assert pd.notna(found["route_delay_1d"]) == counts


@pytest.mark.parametrize(
    ("days", "seven", "all_days"),
    [(7, True, True), (8, False, True), (21, False, True), (22, False, False)],
)
def test_windows_cover_exactly_their_number_of_days(days: int, seven: bool, all_days: bool) -> None:
    found = decided(landing(1, pd.Timestamp("2013-06-20 05:00") - pd.Timedelta(days=days)))
    assert pd.notna(found["origin_delay_7d"]) == seven
    for name in ("route_delay_21d", "route_gain_21d", "flight_delay_21d", "flight_late_21d"):
        assert pd.notna(found[name]) == all_days, name


def test_means_start_from_prior_of_three_on_time_flights() -> None:
    past = [landing(1, "2013-06-18 12:00", late=60), landing(1, "2013-06-19 12:00", late=20)]
    found = decided(*past)
    assert found["flight_delay_21d"] == 16  # 80 minutes over five flights
    assert found["flight_late_21d"] == 0.4  # two of five
    assert found["route_delay_1d"] == 5  # 20 minutes over four


def test_gain_is_delay_added_en_route() -> None:
    past = flight(2, "2013-06-19 12:00", out=50, late=30)
    assert decided(past)["origin_gain_1d"] == -5


def test_late_limit_comes_from_parameters() -> None:
    flights = [flight(1, DECIDED), landing(1, "2013-06-19 12:00", late=30)]
    for limit, share in ((29, 0.25), (30, 0.0)):
        params = PARAMS.model_copy(update={"late_minutes": limit})
        assert run(history, flights, params).iloc[0]["flight_late_21d"] == share


def test_each_mean_is_grouped_by_its_own_columns() -> None:
    at = "2013-06-19 12:00"
    others = {
        "carrier": landing(1, at, late=40, carrier="B6"),
        "origin": landing(1, at, late=40, origin="LGA"),
        "dest": landing(1, at, late=40, dest="LAX"),
        "flight": landing(2, at, late=40),
    }
    seen = {differs: decided(past) for differs, past in others.items()}
    expected = {
        "flight": {"origin", "dest"},
        "route": {"flight"},
        "hub": {"dest", "flight"},
        "origin": {"carrier", "dest", "flight"},
        "dest": {"carrier", "origin", "flight"},
    }
    for name in history.COLUMNS:
        counted = {differs for differs, found in seen.items() if pd.notna(found[name])}
        assert counted == expected[name.split("_")[0]], name


def test_cancelled_and_diverted_flights_are_ignored() -> None:
    never = [flight(2, "2013-06-19 12:00", None, None), flight(3, "2013-06-19 12:00", 5, None)]
    assert decided(*never)[list(history.COLUMNS)].isna().all()
