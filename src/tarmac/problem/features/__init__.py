"""Features known `lead_hours` before scheduled departure, in groups that training can take or leave."""

from types import ModuleType

from ibis import Table
from ibis import _ as row

from tarmac.problem.clock import HOUR, instant
from tarmac.problem.features import aircraft, history, operations, rotation, schedule, traffic, weather
from tarmac.problem.features.known import Known
from tarmac.problem.names import CATEGORICAL, KEY, TARGET, feature_names
from tarmac.problem.params import ProblemParams

LOOKBACK_DAYS = 25  # how far before a month's first day its features may reach
GROUPS: dict[str, ModuleType] = {
    "schedule": schedule,
    "weather": weather,
    "aircraft": aircraft,
    "traffic": traffic,
    "history": history,
    "operations": operations,
    "rotation": rotation,
}


def features(tables: dict[str, Table], month: str, params: ProblemParams) -> Table:
    """Row key, all features and target of one month's flights, sorted by day, origin and time.

    `tables` are the prepared tables, reaching back `LOOKBACK_DAYS` before the month where there is a past. Numbers are
    float32; the target is 1, 0, or missing where a flight never arrived.
    """
    late = (row.arr - row.sched_arr > params.late_minutes).cast("int8")
    flights = tables["flights"].mutate(cut=row.sched_dep - params.lead_hours * HOUR, **{TARGET: late})
    known = Known(flights, tables["weather"], tables["planes"], instant(f"{month}-01"), params)
    table = flights.filter(row.day.strftime("%Y-%m") == month)
    for group in GROUPS.values():
        table = group.add(table, known)
    inputs = feature_names(list(GROUPS))
    numbers = {name: table[name].cast("float32") for name in inputs if name not in CATEGORICAL}
    texts = [name for name in CATEGORICAL if name not in KEY]
    return table.order_by("day", "origin", "sched_dep", "carrier", "flight").select(
        *KEY, *texts, **numbers, **{TARGET: table[TARGET]}
    )
