"""Slices: every flight is in exactly one of each kind."""

import pandas as pd
import pytest

from flights.evaluation.slices import slices
from tests.flights import real

NIGHT, MORNING = "night to 8:59", "9:00 to 12:59"
AFTERNOON, EVENING = "13:00 to 16:59", "17:00 to midnight"


def departures(*minutes: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"local_dep": pd.Series(minutes, dtype="float32"), "origin": "JFK", "carrier": "AA"}
    )


@pytest.mark.parametrize(
    ("clock", "band"),
    [
        ("0:00", NIGHT),
        ("8:59", NIGHT),
        ("9:00", MORNING),
        ("12:59", MORNING),
        ("13:00", AFTERNOON),
        ("16:59", AFTERNOON),
        ("17:00", EVENING),
        ("23:59", EVENING),
    ],
)
def test_departure_band_follows_local_clock_time(clock: str, band: str) -> None:
    hour, minute = clock.split(":")
    assert slices(departures(int(hour) * 60 + int(minute)))["departure"].tolist() == [band]


def test_every_minute_of_the_day_is_in_one_band() -> None:
    sizes = slices(departures(*range(1440)))["departure"].value_counts()
    assert sizes.to_dict() == {NIGHT: 9 * 60, MORNING: 4 * 60, AFTERNOON: 4 * 60, EVENING: 7 * 60}


def test_every_real_flight_is_in_exactly_one_slice_of_each_kind() -> None:
    flights = real.prepared("flights", "2013-06").to_pandas()
    found = slices(flights)
    assert set(found) == {"origin", "carrier", "departure"}
    for kind, labels in found.items():
        assert labels.index.equals(flights.index), kind
        assert labels.notna().all()
        assert sum((labels == label).sum() for label in labels.unique()) == len(flights)
    assert found["origin"].tolist() == flights["origin"].tolist()
    assert found["carrier"].tolist() == flights["carrier"].tolist()
    assert set(found["departure"]) == {NIGHT, MORNING, AFTERNOON, EVENING}
