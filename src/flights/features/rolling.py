"""Sums of recent events at regular moments: the one mechanism behind history and operations.

Time is cut into steps (a quarter of an hour, a day). The board of a step sums what had happened
before the step began, so a decision within that step may read it. Sums are of integers: no order of
rows can change them.
"""

from collections.abc import Callable, Mapping, Sequence

import ibis
from ibis import Table
from ibis.expr.types import FloatingColumn, IntegerColumn

Measures = Callable[[Table], Mapping[str, IntegerColumn]]


def build_board(
    events: Table, keys: Sequence[str], windows: Sequence[int], measures: Measures
) -> Table:
    """Sum `measures` by `keys` and `step` over the last steps, for each window of `windows`.

    A window is a number of steps. `events` has the integer column `step` in which an event
    happened. `measures` sees every event once for each later step that counts it, with `step` then
    being that later one.

    Return `keys`, `step` and `<measure>_<window>`. A step with no event in its longest window has
    no row.
    """
    longest = max(windows)
    # The cast below: Spark allows none around it.
    seen = events.mutate(age=ibis.range(1, longest + 1).unnest())
    seen = seen.mutate(step=(seen.step + seen.age).cast("int32"))
    sums = {
        f"{name}_{window}": value.sum(where=None if window == longest else seen.age <= window)
        for name, value in measures(seen).items()
        for window in windows
    }
    return seen.group_by(*keys, "step").aggregate(**sums)


def join_columns(flights: Table, state: Table, keys: Sequence[str]) -> Table:
    """Add the other columns of `state` to the flights with the same `keys`.

    Values are missing if `state` has no such row.
    """
    new = [name for name in state.columns if name not in keys]
    return flights.left_join(state, list(keys)).select(*flights.columns, *new)


def compute_mean(
    total: IntegerColumn, count: IntegerColumn, prior: float = 0.0, digits: int = 1
) -> FloatingColumn:
    """Return `total / (count + prior)`, rounded; missing without a count.

    `prior` events of zero draw it towards zero. The rounding is below what a tree can use and
    halves the file.
    """
    known = count.nullif(0).cast("float64")
    return (total / (known + prior)).round(digits)
