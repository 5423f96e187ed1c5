"""History: how flights like this one fared over the days that were over at the cut-off."""

from collections.abc import Mapping

from ibis import Table
from ibis import _ as row
from ibis.expr.types import IntegerColumn

from flights.contract.columns import FEATURES
from flights.features.inputs import FeatureInputs
from flights.features.rolling import build_board, compute_mean
from flights.timeline.row import DAY, DAY_START
from tarmac.interface.lookup import Lookup

REACH = 24 * DAY  # the longest window, the lead, and the part of a day that each may add
# Flights on time that every mean starts with, so that a single bad day does not stand for a route.
PRIOR = 3.0
KEYS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "flight": (("carrier", "flight"), (21,)),
    "route": (("carrier", "origin", "dest"), (1, 21)),
    "hub": (("carrier", "origin"), (1,)),
    "origin": (("origin",), (1, 7)),
    "dest": (("dest",), (1,)),
}
COLUMNS = FEATURES["history"]


def lookups(known: FeatureInputs) -> list[Lookup]:
    """Return lookups of punctuality over past days.

    The columns are the mean arrival delay, the share late, and the mean gain en route (arrival less
    departure delay). A flight counts from the day after it arrived.
    """
    arrived = known.flights.filter(row.arr >= known.start - REACH)
    arrived = arrived.mutate(
        step=_compute_day(row.arr), delay=row.arr - row.sched_arr, out=row.dep - row.sched_dep
    )
    return [_build_lookup(arrived, name, keys, windows) for name, (keys, windows) in KEYS.items()]


def _build_lookup(
    arrived: Table, name: str, keys: tuple[str, ...], windows: tuple[int, ...]
) -> Lookup:
    daily = arrived.group_by(*keys, "step").aggregate(
        n=row.count(), late=row.late.sum(), delay=row.delay.sum(), gain=(row.delay - row.out).sum()
    )
    wanted = [column for column in COLUMNS if column.startswith(f"{name}_")]
    state = _compute_means(build_board(daily, keys, windows, _select_measures), name, wanted)
    table = state.select(*keys, *wanted, past_day=row.step)
    return Lookup(f"{name}_days", table, (*keys, "past_day"), table.past_day * DAY + DAY_START, DAY)


def _compute_day(instant: IntegerColumn) -> IntegerColumn:
    return ((instant - DAY_START) // DAY).cast("int32")


def _select_measures(daily: Table) -> Mapping[str, IntegerColumn]:
    return {name: daily[name] for name in ("n", "late", "delay", "gain")}


def _compute_means(state: Table, name: str, wanted: list[str]) -> Table:
    columns = {}
    for column in wanted:
        measure, days = column.removeprefix(f"{name}_").removesuffix("d").split("_")
        digits = 2 if measure == "late" else 1
        columns[column] = compute_mean(
            state[f"{measure}_{days}"], state[f"n_{days}"], PRIOR, digits
        )
    return state.mutate(**columns)
