"""Conversion of local clock times to instants.

Every instant is whole minutes since 1970 in UTC, so no session zone can shift it.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
from ibis import Table
from ibis.expr.types import Column, IntegerValue

from flights.timeline.row import HOUR

_EPOCH = datetime(1970, 1, 1)


def to_epoch_minutes(timestamp: Column) -> IntegerValue:
    """Whole minutes since 1970 of a UTC timestamp without zone."""
    return timestamp.cast("timestamp").epoch_seconds() // 60


def parse_clock_time(hhmm: Column) -> IntegerValue:
    """Minutes since midnight of a clock time written as the number hhmm; 2400 is 1440."""
    return hhmm // 100 * HOUR + hhmm % 100


def build_utc_offsets(zones: list[str], first_day: int, last_day: int) -> Table:
    """Return the offset of UTC from local time, for every zone and local hour of the days.

    Days are counted since 1970. The columns are `zone`, `local_hour` (hours since 1970 on the local
    clock) and `offset` (minutes). An hour that the clocks repeat in autumn is read as its first
    pass. An hour that they skip in spring is read as if they had not moved yet. Both are as in PEP
    495, fold 0.
    """
    hours = range(first_day * 24, (last_day + 1) * 24)
    rows = [(zone, hour, _compute_offset(ZoneInfo(zone), hour)) for zone in zones for hour in hours]
    return ibis.memtable(rows, columns=["zone", "local_hour", "offset"])


def _compute_offset(zone: ZoneInfo, local_hour: int) -> int:
    local = _EPOCH + timedelta(hours=local_hour)
    utc = local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    return int((local - utc).total_seconds()) // 60


def parse_day_minutes(day: str) -> int:
    """Minutes since 1970 of the first moment in UTC of an ISO date."""
    return (datetime.fromisoformat(day) - _EPOCH) // timedelta(minutes=1)
