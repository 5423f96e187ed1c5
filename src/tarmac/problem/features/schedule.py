"""Schedule: what the timetable says of the flight itself."""

from ibis import Table
from ibis import _ as row

from tarmac.problem.features.known import Known
from tarmac.problem.names import FEATURES, KEY

COLUMNS = FEATURES["schedule"]


def columns(flights: Table, known: Known) -> Table:
    """What is planned, with `weekday` (Monday is 0) and `block`, the scheduled minutes from gate to gate."""
    weekday = row.day.day_of_week.index().cast("int16")
    table = flights.mutate(weekday=weekday, block=row.sched_arr - row.sched_dep)
    return table.select(*dict.fromkeys((*KEY, *COLUMNS)))
