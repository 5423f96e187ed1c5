"""Traffic: how busy the origin's timetable is that local day.

The timetable is known in advance, its cancellations are not.
"""

import ibis
from ibis import _ as row

from flights.contract.columns import FEATURES
from flights.features.inputs import FeatureInputs
from flights.timeline.clock import to_epoch_minutes
from flights.timeline.row import DAY, HOUR
from tarmac.interface.lookup import Lookup

COLUMNS = FEATURES["traffic"]
PLACE = ("origin", "day")


def lookups(known: FeatureInputs) -> list[Lookup]:
    """Return lookups of the number of departures scheduled at the origin.

    The numbers are those in the same hour, earlier that day, and all that day. A timetable is known
    a day before the first prediction that it serves. A number is missing if the timetable lists no
    such departure.
    """
    # The first instant of the period, in UTC, is an evening of the day before.
    listed = known.flights.filter(to_epoch_minutes(row.day) >= known.start - DAY).mutate(
        local_hour=row.local_dep // HOUR
    )
    by_minute = listed.group_by(*PLACE, "local_dep").aggregate(n=row.count())
    earlier = ibis.window(group_by=list(PLACE), order_by="local_dep", preceding=(None, 1))
    before = by_minute.mutate(origin_flights_before=row.n.sum().over(earlier).fill_null(0)).drop(
        "n"
    )
    counts = {
        "origin_hour_flights": listed.group_by(*PLACE, "local_hour").aggregate(
            origin_hour_flights=row.count()
        ),
        "origin_flights_before": before,
        "origin_day_flights": listed.group_by(*PLACE).aggregate(origin_day_flights=row.count()),
    }
    return [_build_lookup(name, table) for name, table in counts.items()]


def _build_lookup(name: str, table: ibis.Table) -> Lookup:
    keys = tuple(column for column in table.columns if column != name)
    return Lookup(name, table, keys, to_epoch_minutes(table.day) - DAY, 3 * DAY)
