"""Rotation features are correct at their edges.

The edges are which leg came before, and what was known of it at the cut-off.
"""

import pandas as pd
import pytest

from flights.features import rotation
from tests.flights.features.tiny import flight, run

DECIDED = "2013-06-20 15:00"  # decided on at 13:00
KNOWN = ["previous_wait", "previous_delay", "expected_spare"]


def decided(*legs: dict, tailnum: str | None = "N1") -> pd.Series:
    return run(rotation, [flight(1, DECIDED, tailnum=tailnum), *legs]).iloc[0]


def leg(
    number: int, sched_dep: str, out: int | None = 0, late: int | None = 0, **changes: object
) -> dict:
    """An earlier departure of the same aircraft."""
    return flight(number, sched_dep, out, late, **{"tailnum": "N1", **changes})


def test_turn_and_spare_follow_schedule() -> None:
    found = decided(leg(2, "2013-06-20 10:00", block=90))
    assert found["turn"] == 210  # from 11:30 there to 15:00 here
    assert found["spare"] == 120  # of which 90 are for the way back
    assert found["legs_before"] == 1


@pytest.mark.parametrize(
    ("out", "late", "wait", "delay", "expected"),
    [
        (20, 30, 20, 30, 30),  # it has arrived: its arrival counts
        (20, None, 20, None, 20),  # it is in the air, or was diverted: its departure counts
        (20, 119, 20, 119, 119),  # it arrived a minute before the cut-off
        (20, 120, 20, None, 20),  # it arrives at the cut-off: not yet seen
        (179, 400, 179, None, 179),  # it left a minute before
        (180, 400, 180, None, 180),  # it is still at the gate
        (900, 900, 180, None, 180),  # and will be for long, of which nothing is known
        (None, None, 180, None, 180),  # nor that it never leaves
    ],
)
def test_previous_leg_is_known_only_up_to_cut_off(
    out: int | None, late: int | None, wait: int, delay: int | None, expected: int
) -> None:
    found = decided(leg(2, "2013-06-20 10:00", out, late))
    assert found["previous_wait"] == wait
    assert pd.isna(found["previous_delay"]) if delay is None else found["previous_delay"] == delay
    assert found["spare"] == 180
    assert found["expected_spare"] == 180 - expected


def test_leg_due_at_or_after_cut_off_has_no_wait() -> None:
    found = decided(leg(2, "2013-06-20 13:00", out=5, late=10))
    assert found[["previous_wait", "previous_delay"]].isna().all()
    assert found["expected_spare"] == found["spare"] == 0
    assert pd.notna(decided(leg(2, "2013-06-20 12:59", out=5))["previous_wait"])


def test_early_departure_counts_only_from_scheduled_time() -> None:
    """A departure due after the cut-off may have happened before it: that is not looked at."""
    assert pd.isna(decided(leg(2, "2013-06-20 13:10", out=-20))["previous_wait"])


@pytest.mark.parametrize(
    ("leaves", "counts"), [("2013-06-17 15:00", True), ("2013-06-17 14:59", False)]
)
def test_legs_older_than_three_days_are_ignored(leaves: str, counts: bool) -> None:
    found = decided(leg(2, leaves))
    assert found[["turn", "spare", *KNOWN]].notna().tolist() == [counts] * 5
    assert found["legs_before"] == 0  # it was another day


def test_previous_leg_is_the_latest_earlier_leg() -> None:
    found = decided(
        leg(2, "2013-06-20 08:00", out=99),
        leg(3, "2013-06-20 11:00", out=7),
        leg(4, "2013-06-20 16:00"),
    )
    assert found["previous_wait"] == 7
    assert found["turn"] == 180
    assert found["legs_before"] == 2


def test_other_aircraft_are_ignored() -> None:
    found = decided(leg(2, "2013-06-20 10:00", tailnum="N9"))
    assert found[["turn", "spare", *KNOWN]].isna().all()
    assert found["legs_before"] == 0


def test_flights_without_tail_number_are_not_one_aircraft() -> None:
    found = decided(leg(2, "2013-06-20 10:00", tailnum=None), tailnum=None)
    assert found[list(rotation.COLUMNS)].isna().all()


def test_legs_before_are_of_the_local_day_and_strictly_earlier() -> None:
    night = leg(2, "2013-06-20 03:50")  # 23:50 of the day before in New York
    # Planned for the same minute, which only a mistake in the timetable does.
    same = leg(3, DECIDED)
    assert decided(night, same, leg(4, "2013-06-20 04:10"))["legs_before"] == 1
