"""Operations features are correct at their edges.

The edges are quarter-hour boards, windows, and flights still at the gate.
"""

import pandas as pd
import pytest

from flights.features import operations
from tests.flights.features.tiny import PARAMS, flight, run

DECIDED = "2013-06-20 15:10"  # decided on at 13:10, so the boards are those of 13:00
LANDED = ("origin_landed_1h", "origin_landed_3h", "hub_landed_3h", "dest_landed_3h")


def decided(*past: dict, leaves: str = DECIDED, **changes: object) -> pd.Series:
    return run(operations, [flight(1, leaves, **changes), *past]).iloc[0]


@pytest.mark.parametrize(
    ("due", "counts_1h", "counts_3h"),
    [
        ("12:59", True, True),
        ("13:00", False, False),  # due in the quarter that has begun
        ("12:00", True, True),
        ("11:59", False, True),
        ("10:00", False, True),
        ("09:59", False, False),
    ],
)
def test_due_departures_count_within_window(due: str, counts_1h: bool, counts_3h: bool) -> None:
    found = decided(flight(2, f"2013-06-20 {due}", out=0))
    assert pd.notna(found["origin_wait_1h"]) == pd.notna(found["carrier_gone_1h"]) == counts_1h
    assert pd.notna(found["origin_wait_3h"]) == pd.notna(found["hub_late_3h"]) == counts_3h


@pytest.mark.parametrize(
    ("leaves", "board"),
    [("15:00", "13:00"), ("15:14", "13:00"), ("15:15", "13:15"), ("14:59", "12:45")],
)
def test_boards_are_of_last_full_quarter_hour_before_cut_off(leaves: str, board: str) -> None:
    waiting = flight(2, "2013-06-20 12:30", None, None)
    found = decided(waiting, leaves=f"2013-06-20 {leaves}")
    expected = pd.Timestamp(f"2013-06-20 {board}") - pd.Timestamp("2013-06-20 12:30")
    assert found["origin_wait_1h"] == expected / pd.Timedelta(minutes=1)


@pytest.mark.parametrize(
    ("out", "wait", "gone"),
    [
        (-10, -10, 1),
        (29, 29, 1),  # it left a minute before one looks
        (30, 30, 0),  # it leaves as one looks: not yet seen
        (400, 30, 0),  # it will leave much later, of which nothing is known
        (None, 30, 0),  # nor that it never will
    ],
)
def test_wait_at_gate_is_counted_only_up_to_board_time(
    out: int | None, wait: int, gone: int
) -> None:
    found = decided(flight(2, "2013-06-20 12:30", out, None if out is None else out))
    for name in ("origin_wait_1h", "origin_wait_3h", "carrier_wait_3h", "hub_wait_3h"):
        assert found[name] == wait, name
    for name in ("origin_gone_1h", "origin_gone_3h", "carrier_gone_1h"):
        assert found[name] == gone, name


def test_late_is_strictly_beyond_configured_limit() -> None:
    flights = [
        flight(1, DECIDED),
        flight(2, "2013-06-20 12:30", 16),
        flight(3, "2013-06-20 12:30", 15),
    ]
    assert run(operations, flights).iloc[0]["origin_late_3h"] == 0.5
    params = PARAMS.model_copy(update={"late_minutes": 16})
    assert run(operations, flights, params).iloc[0]["hub_late_3h"] == 0


@pytest.mark.parametrize(
    ("lands", "counts_1h", "counts_3h"),
    [
        ("12:59", True, True),
        ("13:00", False, False),
        ("12:00", True, True),
        ("11:59", False, True),
        ("09:59", False, False),
    ],
)
def test_landings_count_within_window(lands: str, counts_1h: bool, counts_3h: bool) -> None:
    leaves = pd.Timestamp(f"2013-06-20 {lands}") - pd.Timedelta(minutes=60 + 25)
    found = decided(flight(2, f"{leaves:%Y-%m-%d %H:%M}", out=20, late=25))
    counts = dict.fromkeys(LANDED, counts_3h) | {"origin_landed_1h": counts_1h}
    for name in LANDED:
        assert (found[name] == 25) if counts[name] else pd.isna(found[name]), name


def test_landing_counts_regardless_of_scheduled_departure() -> None:
    assert decided(flight(2, "2013-06-19 11:00", out=1440, late=1440))["origin_landed_3h"] == 1440


def test_boards_separate_airline_airport_and_destination() -> None:
    others = {"carrier": {"carrier": "B6"}, "origin": {"origin": "LGA"}, "dest": {"dest": "LAX"}}
    past = {
        differs: flight(2, "2013-06-20 11:30", out=10, late=20, **change)
        for differs, change in others.items()
    }
    seen = {differs: decided(other) for differs, other in past.items()}
    expected = {
        "origin": {"carrier", "dest"},
        "carrier": {"origin", "dest"},
        "hub": {"dest"},
        "dest": {"carrier", "origin"},
    }
    for name in (column for column in operations.COLUMNS if column.endswith("3h")):
        counted = {differs for differs, found in seen.items() if pd.notna(found[name])}
        assert counted == expected[name.split("_")[0]], name


def test_means_are_over_all_departures_of_the_board() -> None:
    """An airport's mean is over its flights, not over its airlines' means."""
    past = [flight(number, "2013-06-20 12:30", out=out) for number, out in ((2, 0), (3, 3), (4, 6))]
    other = flight(5, "2013-06-20 12:30", out=15, carrier="B6")
    found = decided(*past, other)
    assert (found["origin_wait_1h"], found["hub_wait_3h"]) == (6, 3)


def test_minutes_are_rounded_to_tenths_and_shares_to_hundredths() -> None:
    late = {2: 20, 3: 0, 4: 0}
    past = [flight(n, "2013-06-20 12:30", out=by, late=by) for n, by in late.items()]
    found = decided(*past)
    assert (found["origin_wait_1h"], found["origin_late_3h"]) == (6.7, 0.33)
