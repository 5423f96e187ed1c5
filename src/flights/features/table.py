"""Features known `lead_hours` before scheduled departure, in groups that training can select.

A group says what a flight looks up; what it says by itself stands in `timeline/row.py`. The service
looks up the same, in the same tables, so a feature is written once.
"""

from collections.abc import Sequence
from types import ModuleType

import ibis
from ibis import Table
from ibis import _ as row
from ibis.expr.types import IntegerScalar

from flights.contract.columns import CATEGORICAL, KEY, TARGET, feature_names
from flights.contract.params import Params
from flights.features import aircraft, history, operations, rotation, schedule, traffic, weather
from flights.features.inputs import FeatureInputs
from flights.features.rolling import join_columns
from flights.timeline.clock import to_epoch_minutes
from flights.timeline.row import DAY, HOUR, derived, own
from tarmac.interface.lookup import Lookup

NAN = ibis.literal(float("nan"), "float32")
LOOKBACK_DAYS = 25  # how far before a period's first day its features may reach
GROUPS: dict[str, ModuleType] = {
    "schedule": schedule,
    "weather": weather,
    "aircraft": aircraft,
    "traffic": traffic,
    "history": history,
    "operations": operations,
    "rotation": rotation,
}


def features(tables: dict[str, Table], params: Params) -> Table:
    """Return row key, all features and target of the flights of a period.

    Rows are sorted by day, origin and time. Numbers are float32. The target is 1, 0, or missing if
    a flight never arrived.

    `tables` are the prepared tables; they reach back `LOOKBACK_DAYS` before the period if there is
    a past. Its table `period` has one row: the dates `first` (included) and `after` (not). The
    expression depends on the tables' columns only: one serves every period.
    """
    known = seen(tables, params)
    first, after = (tables["period"][name].as_scalar() for name in ("first", "after"))
    table = join_lookups(known.flights.filter(row.day >= first, row.day < after), lookups(known))
    inputs = feature_names(list(GROUPS))
    # What is no number or no text is missing.
    # This also makes the file's types the same for every month.
    numbers = {
        name: table[name].cast("float32").nullif(NAN) for name in inputs if name not in CATEGORICAL
    }
    texts = {name: table[name].nullif("") for name in CATEGORICAL if name not in KEY}
    ordered = table.order_by("day", "origin", "sched_dep", "carrier", "flight")
    return ordered.select(*KEY, **texts, **numbers, **{TARGET: ordered[TARGET]})


def lookups(known: FeatureInputs) -> list[Lookup]:
    """What the features of all groups look up."""
    return [lookup for group in GROUPS.values() for lookup in group.lookups(known)]


def seen(tables: dict[str, Table], params: Params) -> FeatureInputs:
    """Return what the features of a period may look at.

    It includes the target and what follows from the timetable.
    """
    late = (row.arr - row.sched_arr > params.late_minutes).cast("int8")
    dated = tables["flights"].mutate(
        date=to_epoch_minutes(row.day) // DAY, year=row.day.year(), **{TARGET: late}
    )
    flights = dated.mutate(**own(dated, params))
    return FeatureInputs(
        flights,
        tables["weather"],
        tables["planes"],
        to_epoch_minutes(tables["period"].first.as_scalar()),
        params,
    )


def span(known: FeatureInputs) -> tuple[IntegerScalar, IntegerScalar]:
    """Return the first and the last instant at which a prediction can be made from what is known.

    Both are in minutes since 1970, UTC. The first flight of the period is predicted `lead_hours`
    before it; the last thing that is known is an arrival.
    """
    return known.start - known.params.lead_hours * HOUR, known.flights.arr.max()


def join_lookups(flights: Table, wanted: Sequence[Lookup]) -> Table:
    """Flights with all that they look up, and what follows from it."""
    for lookup in wanted:
        flights = join_columns(flights, lookup.table, lookup.keys)
    return flights.mutate(**derived(flights))
