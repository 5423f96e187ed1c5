"""Schedule: what the timetable says of the flight itself."""

from ibis import Table
from ibis import _ as row

from tarmac.problem.features.known import Known
from tarmac.problem.names import FEATURES

COLUMNS = FEATURES["schedule"]


def add(flights: Table, known: Known) -> Table:
    """Adds `weekday` (Monday is 0) and `block`, the scheduled minutes from gate to gate."""
    weekday = row.day.day_of_week.index().cast("int16")
    return flights.mutate(weekday=weekday, block=row.sched_arr - row.sched_dep)
