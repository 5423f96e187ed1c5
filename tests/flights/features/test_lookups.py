"""Traffic, weather, aircraft and schedule features: each looks up the right place and time."""

import pandas as pd
import pytest

from flights.contract.columns import FEATURES
from flights.features import aircraft, schedule, traffic, weather
from tests.flights.features.tiny import flight, minute, run

DECIDED = "2013-06-20 15:10"


def observation(hour: str, origin: str = "JFK", **values: float) -> dict:
    return {
        "origin": origin,
        "hour": minute(hour) // 60,
        **dict.fromkeys(FEATURES["weather"]),
        **values,
    }


@pytest.mark.parametrize(
    ("leaves", "seen"),
    [
        (
            "2013-06-20 15:00",
            12,
        ),  # decided on at 13:00: the observation of 13 may still come, that of 12 is there
        ("2013-06-20 15:59", 12),
        ("2013-06-20 16:00", 13),
        ("2013-06-20 14:59", 11),
    ],
)
def test_weather_is_of_hour_before_cut_off_hour(leaves: str, seen: int) -> None:
    observed = [observation(f"2013-06-20 {hour}:00", temp=hour) for hour in range(10, 16)]
    assert run(weather, [flight(1, leaves)], weather=observed)["temp"].tolist() == [seen]


def test_weather_is_of_origin_and_missing_without_observation() -> None:
    observed = [
        observation("2013-06-20 12:00", "LGA", temp=50.0),
        observation("2013-06-20 11:00", temp=60.0),
    ]
    found = run(weather, [flight(1, DECIDED), flight(2, DECIDED, origin="LGA")], weather=observed)
    assert found["temp"].fillna(-1).tolist() == [-1, 50]
    assert found.loc[1, ["visib", "wind_gust"]].isna().all()


def test_traffic_counts_day_at_airport_with_cancelled_flights() -> None:
    flights = [
        flight(1, "2013-06-20 15:10"),
        flight(2, "2013-06-20 15:10"),  # the same minute is not before
        flight(3, "2013-06-20 15:00"),
        flight(4, "2013-06-20 15:59", None, None),  # it is in the timetable, whatever becomes of it
        flight(5, "2013-06-20 14:59", carrier="B6"),
        flight(6, "2013-06-20 16:00"),
        flight(7, "2013-06-20 15:10", origin="LGA"),
        flight(8, "2013-06-21 15:10"),
        flight(9, "2013-06-21 03:50"),  # in New York it is still the same day
    ]
    found = run(traffic, flights).iloc[0]
    assert found["origin_hour_flights"] == 4
    assert found["origin_flights_before"] == 2
    assert found["origin_day_flights"] == 7


def test_aircraft_age_is_from_year_and_missing_if_unknown() -> None:
    planes = [
        {"tailnum": "N1", "year": 2003, "seats": 180},
        {"tailnum": "N2", "year": None, "seats": 55},
    ]
    found = run(
        aircraft, [flight(1, DECIDED), flight(2, DECIDED), flight(3, DECIDED)], planes=planes
    )
    assert found["plane_age"].fillna(-1).tolist() == [10, -1, -1]
    assert found["seats"].fillna(-1).tolist() == [180, 55, -1]


def test_flight_without_tail_number_has_no_aircraft() -> None:
    flights = [flight(1, DECIDED, tailnum=None), flight(2, DECIDED)]
    found = run(aircraft, flights, planes=[{"tailnum": "N2", "year": 2003, "seats": 55}])
    assert found["seats"].fillna(-1).tolist() == [-1, 55]


@pytest.mark.parametrize(
    ("date", "weekday"), [("2013-06-17", 0), ("2013-06-22", 5), ("2013-06-23", 6)]
)
def test_schedule_has_weekday_from_monday_and_block_in_minutes(date: str, weekday: int) -> None:
    found = run(schedule, [flight(1, f"{date} 15:10", out=50, late=99, block=61)]).iloc[0]
    assert (found["weekday"], found["block"], found["local_dep"], found["local_arr"]) == (
        weekday,
        61,
        670,
        731,
    )
    assert (found["dest"], found["distance"]) == ("BOS", 187)


def test_lookups_ignore_outcome_of_flight() -> None:
    """Only the plan is known: the same flight on time, late and cancelled has the same values."""
    fates = [flight(1, DECIDED, out, out) for out in (0, 500, None)]
    for group in (schedule, traffic, aircraft, weather):
        found = pd.concat([run(group, [fate]) for fate in fates], ignore_index=True)
        assert found.drop_duplicates().shape[0] == 1, group.__name__
