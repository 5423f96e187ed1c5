"""Operations: the airports' boards at the last full quarter of an hour before the cut-off."""

from collections.abc import Mapping

import ibis
from ibis import Table
from ibis import _ as row
from ibis.expr.types import IntegerColumn

from flights.contract.columns import FEATURES
from flights.features.inputs import FeatureInputs
from flights.features.rolling import build_board, compute_mean
from flights.timeline.row import DAY, QUARTER
from tarmac.interface.lookup import Lookup

REACH = 3 * DAY  # a flight that lands within the last three hours was due to leave no earlier
WINDOWS = (4, 12)  # steps: one hour, three hours
HUB = ("carrier", "origin")
COLUMNS = FEATURES["operations"]


def lookups(known: FeatureInputs) -> list[Lookup]:
    """Return lookups of departures and arrivals over the last one and three hours.

    By origin, carrier, both (hub) and destination:

    - `wait`: mean minutes behind schedule of the departures due. A flight still at the gate counts
      with its delay so far.
    - `late`: share of the departures due that are behind by more than `late_minutes`.
    - `gone`: share of the departures due that had left.
    - `landed`: mean arrival delay of the flights that had landed, in minutes.
    """
    recent = known.flights.filter(row.sched_dep >= known.start - REACH)
    due = recent.mutate(step=_compute_step(row.sched_dep), one=ibis.literal(1, "int32"))
    landed = due.filter(row.arr.notnull()).mutate(
        step=_compute_step(row.arr), delay=row.arr - row.sched_arr
    )
    waits = build_board(
        due, HUB, WINDOWS, lambda seen: _measure_waits(seen, known.params.late_minutes)
    )
    arrivals = build_board(landed, HUB, WINDOWS, _measure_landings)
    to_dest = build_board(landed, ("dest",), WINDOWS, _measure_landings)
    owners = {"origin": ("origin",), "carrier": ("carrier",), "hub": HUB}
    boards = [(name, keys, state) for name, keys in owners.items() for state in (waits, arrivals)]
    rolled = [_build_lookup(name, keys, _sum_by_keys(state, keys)) for name, keys, state in boards]
    return [*rolled, _build_lookup("dest", ("dest",), to_dest)]


def _compute_step(instant: IntegerColumn) -> IntegerColumn:
    return (instant // QUARTER).cast("int32")


def _measure_waits(due: Table, late_minutes: int) -> Mapping[str, IntegerColumn]:
    now = due.step * QUARTER
    gone = (due.dep < now).fill_null(False)
    behind = ibis.ifelse(gone, due.dep, now) - due.sched_dep
    return {
        "due": due.one,
        "gone": gone.cast("int32"),
        "wait": behind,
        "late": (behind > late_minutes).cast("int32"),
    }


def _measure_landings(landed: Table) -> Mapping[str, IntegerColumn]:
    return {"down": landed.one, "landed": landed.delay}


def _sum_by_keys(hubs: Table, keys: tuple[str, ...]) -> Table:
    sums = {name: hubs[name].sum() for name in hubs.columns if name not in (*HUB, "step")}
    return hubs if keys == HUB else hubs.group_by(*keys, "step").aggregate(**sums)


def _build_lookup(name: str, keys: tuple[str, ...], state: Table) -> Lookup:
    """The means of `state` that `COLUMNS` names for `name`."""
    columns = {}
    for column in COLUMNS:
        owner, measure, hours = column.split("_")
        window = int(hours.removesuffix("h")) * 60 // QUARTER
        if owner == name and f"{measure}_{window}" in state.columns:
            count = "down" if measure == "landed" else "due"
            digits = 2 if measure in ("late", "gone") else 1
            columns[column] = compute_mean(
                state[f"{measure}_{window}"], state[f"{count}_{window}"], digits=digits
            )
    table = state.select(*keys, quarter=state.step, **columns)
    board_name = f"{name}_{'due' if f'due_{WINDOWS[0]}' in state.columns else 'landed'}"
    return Lookup(board_name, table, (*keys, "quarter"), table.quarter * QUARTER, QUARTER)
