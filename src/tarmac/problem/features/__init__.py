"""Features known `lead_hours` before scheduled departure, in groups that training can take or leave."""

from types import ModuleType

from ibis import Table
from ibis import _ as row

from tarmac.problem.clock import HOUR, minutes
from tarmac.problem.features import aircraft, history, operations, rotation, schedule, traffic, weather
from tarmac.problem.features.known import Known
from tarmac.problem.features.rolling import attach
from tarmac.problem.names import CATEGORICAL, KEY, TARGET, feature_names
from tarmac.problem.params import ProblemParams

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


def features(tables: dict[str, Table], params: ProblemParams) -> Table:
    """Row key, all features and target of the flights of a period, sorted by day, origin and time.

    `tables` are the prepared tables, reaching back `LOOKBACK_DAYS` before the period where there is a past, and
    `period` with one row: the dates `first` (included) and `after` (not). Numbers are float32; the target is 1, 0, or
    missing where a flight never arrived. The expression depends on the tables' columns only: one serves every period.
    """
    late = (row.arr - row.sched_arr > params.late_minutes).cast("int8")
    flights = tables["flights"].mutate(cut=row.sched_dep - params.lead_hours * HOUR, **{TARGET: late})
    first, after = (tables["period"][name].as_scalar() for name in ("first", "after"))
    known = Known(flights, tables["weather"], tables["planes"], minutes(first), params)
    wanted = flights.filter(row.day >= first, row.day < after)
    table = wanted.select(*KEY, TARGET, "sched_dep")
    for group in GROUPS.values():
        table = attach(table, group.columns(wanted, known), KEY)
    inputs = feature_names(list(GROUPS))
    numbers = {name: table[name].cast("float32") for name in inputs if name not in CATEGORICAL}
    texts = [name for name in CATEGORICAL if name not in KEY]
    ordered = table.order_by("day", "origin", "sched_dep", "carrier", "flight")
    return ordered.select(*KEY, *texts, **numbers, **{TARGET: ordered[TARGET]})
