"""Compute the features of one flight directly from their definitions.

The code is slow and plain, and shares nothing with the features' own code. Every function returns
exact fractions, or None if there is no value. `DIGITS` says how they are rounded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

Exact = dict[str, Fraction | None]
DAY, QUARTER = 24 * 60, 15
NEW_DAY = 5 * 60  # 05:00 in UTC, midnight in New York in winter
DOUBT = 3  # flights on time that are added to every mean of the past days


@dataclass(frozen=True)
class Past:
    """Prepared flights of the month and the one before, and what the predictions are about."""

    flights: pd.DataFrame
    lead_hours: int
    late_minutes: int

    def cut(self, flight: pd.Series) -> int:
        """The instant at which the flight's prediction is made."""
        return int(flight.sched_dep) - self.lead_hours * 60

    def arrived(self, since: int, before: int, **same: object) -> pd.DataFrame:
        """The flights that had arrived in a span of time, with the given values in common."""
        arr = self.flights["arr"].to_numpy()
        return _alike(self.flights[(arr >= since) & (arr < before)], same)

    def due(self, since: int, before: int, **same: object) -> pd.DataFrame:
        """The flights that should have left in a span of time."""
        sched_dep = self.flights["sched_dep"].to_numpy()
        return _alike(self.flights[(sched_dep >= since) & (sched_dep < before)], same)


def _alike(flights: pd.DataFrame, same: dict[str, object]) -> pd.DataFrame:
    for column, value in same.items():
        flights = flights[flights[column] == value]
    return flights


def _mean(values: list[int], doubt: int = 0) -> Fraction | None:
    return Fraction(int(sum(values)), len(values) + doubt) if values else None


def history(past: Past, flight: pd.Series) -> Exact:
    """Return means over the days that were over at the cut-off.

    A flight belongs to the day in which it arrived.
    """
    today = (past.cut(flight) - NEW_DAY) // DAY * DAY + NEW_DAY

    def over(
        days: int, measure: Callable[[pd.DataFrame], pd.Series], *columns: str
    ) -> Fraction | None:
        flights = past.arrived(
            today - days * DAY, today, **{column: flight[column] for column in columns}
        )
        return _mean(measure(flights).tolist(), DOUBT)

    def delay(flights: pd.DataFrame) -> pd.Series:
        return flights["arr"] - flights["sched_arr"]

    def late(flights: pd.DataFrame) -> pd.Series:
        return delay(flights) > past.late_minutes

    def gain(flights: pd.DataFrame) -> pd.Series:
        return delay(flights) - (flights["dep"] - flights["sched_dep"])

    return {
        "flight_delay_21d": over(21, delay, "carrier", "flight"),
        "flight_late_21d": over(21, late, "carrier", "flight"),
        "route_delay_1d": over(1, delay, "carrier", "origin", "dest"),
        "route_delay_21d": over(21, delay, "carrier", "origin", "dest"),
        "route_gain_21d": over(21, gain, "carrier", "origin", "dest"),
        "hub_gain_1d": over(1, gain, "carrier", "origin"),
        "origin_delay_1d": over(1, delay, "origin"),
        "origin_delay_7d": over(7, delay, "origin"),
        "origin_gain_1d": over(1, gain, "origin"),
        "dest_gain_1d": over(1, gain, "dest"),
    }


def operations(past: Past, flight: pd.Series) -> Exact:
    """The boards as they stood at the last full quarter of an hour before the cut-off."""
    now = past.cut(flight) // QUARTER * QUARTER

    def departures(hours: int, *columns: str) -> tuple[list[int], list[bool]]:
        due = past.due(now - hours * 60, now, **{column: flight[column] for column in columns})
        gone = [bool(dep < now) for dep in due["dep"]]  # one that never left is never gone
        behind = [
            int((dep if left else now) - sched)
            for dep, left, sched in zip(due["dep"], gone, due["sched_dep"], strict=True)
        ]
        return behind, gone

    def wait(hours: int, *columns: str) -> Fraction | None:
        return _mean(departures(hours, *columns)[0])

    def late(hours: int, *columns: str) -> Fraction | None:
        return _mean([minutes > past.late_minutes for minutes in departures(hours, *columns)[0]])

    def gone(hours: int, *columns: str) -> Fraction | None:
        return _mean(departures(hours, *columns)[1])

    def landed(hours: int, *columns: str) -> Fraction | None:
        down = past.arrived(now - hours * 60, now, **{column: flight[column] for column in columns})
        return _mean((down["arr"] - down["sched_arr"]).tolist())

    hub = ("carrier", "origin")
    return {
        "origin_wait_1h": wait(1, "origin"),
        "origin_wait_3h": wait(3, "origin"),
        "origin_late_3h": late(3, "origin"),
        "origin_gone_1h": gone(1, "origin"),
        "origin_gone_3h": gone(3, "origin"),
        "origin_landed_1h": landed(1, "origin"),
        "origin_landed_3h": landed(3, "origin"),
        "carrier_wait_3h": wait(3, "carrier"),
        "carrier_late_3h": late(3, "carrier"),
        "carrier_gone_1h": gone(1, "carrier"),
        "hub_wait_3h": wait(3, *hub),
        "hub_late_3h": late(3, *hub),
        "hub_landed_3h": landed(3, *hub),
        "dest_landed_3h": landed(3, "dest"),
    }


def rotation(past: Past, flight: pd.Series) -> Exact:
    """What the aircraft's previous departure from New York says at the cut-off."""
    names = ("turn", "spare", "previous_wait", "previous_delay", "expected_spare", "legs_before")
    found: Exact = dict.fromkeys(names)
    if pd.isna(flight.tailnum):
        return found
    legs = _alike(past.flights, {"tailnum": flight.tailnum})
    found["legs_before"] = Fraction(
        int(((legs["day"] == flight.day) & (legs["sched_dep"] < flight.sched_dep)).sum())
    )
    before = [leg for leg in legs.itertuples() if _place(leg) < _place(flight)]
    if before:
        previous = max(before, key=_place)
        if flight.sched_dep - previous.sched_dep <= 72 * 60:
            found |= _turn(previous, flight, past.cut(flight))
    return found


def _place(leg: Any) -> tuple[int, str, int, str]:
    """Where a leg stands in the order of an aircraft's departures."""
    return leg.sched_dep, leg.carrier, leg.flight, leg.origin


def _turn(previous: Any, flight: pd.Series, cut: int) -> Exact:
    turn = int(flight.sched_dep - previous.sched_arr)
    spare = turn - int(previous.sched_arr - previous.sched_dep)
    wait = delay = None
    if previous.sched_dep < cut:
        left = previous.dep if previous.dep < cut else cut  # one that never left is still waiting
        wait = int(left - previous.sched_dep)
    if previous.arr < cut:
        delay = int(previous.arr - previous.sched_arr)
    known = delay if delay is not None else wait if wait is not None else 0
    numbers = {
        "turn": turn,
        "spare": spare,
        "previous_wait": wait,
        "previous_delay": delay,
        "expected_spare": spare - known,
    }
    return {name: None if number is None else Fraction(number) for name, number in numbers.items()}


def digits(name: str) -> int:
    """Return the number of decimals that a feature is rounded to.

    Features that count whole things have none to lose.
    """
    measure = name.split("_")[-2] if name[-1] in "hd" and name[-2].isdigit() else ""
    return {"late": 2, "gone": 2}.get(measure, 1)


def possible(exact: Fraction | None, places: int) -> set[float | None]:
    """Return the float32 numbers that the exact one may be rounded to.

    There is one, or two if it lies exactly between them.
    """
    if exact is None:
        return {None}
    scaled = exact * 10**places
    whole, rest = divmod(scaled, 1)
    nearest = (
        {whole}
        if rest < Fraction(1, 2)
        else {whole + 1}
        if rest > Fraction(1, 2)
        else {whole, whole + 1}
    )
    return {float(np.float32(int(number) / 10**places)) for number in nearest}
