"""Traffic: how busy the origin's timetable is that local day; it is known in advance, its cancellations are not."""

import ibis
from ibis import Table
from ibis import _ as row

from tarmac.problem.clock import HOUR
from tarmac.problem.features.known import Known
from tarmac.problem.names import FEATURES, KEY

COLUMNS = FEATURES["traffic"]


def columns(flights: Table, known: Known) -> Table:
    """The number of departures scheduled at the origin in the same hour, earlier that day, and all that day."""
    day = {"group_by": ["origin", "day"]}
    hour = {"group_by": ["origin", "day", row.local_dep // HOUR]}
    earlier = ibis.range_window(**day, order_by="local_dep", preceding=(None, 1))
    return flights.select(
        *KEY,
        origin_hour_flights=row.sched_dep.count().over(ibis.window(**hour)),
        origin_flights_before=row.sched_dep.count().over(earlier),
        origin_day_flights=row.sched_dep.count().over(ibis.window(**day)),
    )
