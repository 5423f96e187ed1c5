"""Valid raw rows of one month to prepared tables: compact, sorted, every time an instant in UTC."""

import ibis
from ibis import Table
from ibis import _ as row

from flights.contract.columns import FEATURES, KEY
from flights.timeline.clock import (
    build_utc_offsets,
    parse_clock_time,
    parse_day_minutes,
    to_epoch_minutes,
)
from flights.timeline.row import DAY, HOUR

# Airports that the source's own table lacks; all four keep Atlantic time without daylight saving.
MISSING_ZONES = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")


def clean(name: str, valid: dict[str, Table], month: str) -> Table:
    """Return the prepared table `name` of one month of valid raw tables.

    If the table is a lookup, `month` may be any month.
    """
    if name == "planes":
        return clean_planes(valid["planes"])
    if name == "weather":
        return clean_weather(valid["weather"])
    zones = build_airport_zones(valid["airports"])
    used = zones.semi_join(valid["flights"], zones.faa == valid["flights"].dest)
    names = sorted(used.select("zone").distinct().to_pyarrow()["zone"].to_pylist())
    first = parse_day_minutes(f"{month}-01") // DAY
    return clean_flights(valid["flights"], zones, build_utc_offsets(names, first - 1, first + 32))


def build_airport_zones(airports: Table) -> Table:
    """IANA time zone of every airport, by `faa` code."""
    known = airports.filter(row.tzone.notnull()).select("faa", zone=row.tzone)
    missing = ibis.memtable(list(MISSING_ZONES.items()), columns=["faa", "zone"])
    return known.union(missing.anti_join(known, "faa"))


def clean_planes(planes: Table) -> Table:
    """Return aircraft by tail number: year built and seats.

    The year is missing if the register does not know it.
    """
    return planes.select("tailnum", "year", "seats").order_by("tailnum")


def clean_weather(weather: Table) -> Table:
    """Return hourly observations in their source units.

    `hour` counts hours since 1970 in UTC.
    """
    values = {name: weather[name].cast("float32") for name in FEATURES["weather"]}
    hour = (to_epoch_minutes(weather.time_hour) // HOUR).cast("int32")
    return weather.select("origin", hour=hour, **values).order_by("hour", "origin")


def clean_flights(flights: Table, zones: Table, offsets: Table) -> Table:
    """Return flights with their row key and the instants `sched_dep`, `sched_arr`, `dep`, `arr`.

    `dep` is missing if the flight was cancelled, `arr` if it was cancelled or diverted. Actual
    instants are schedule plus delay. This is right over midnight and clock changes, where the local
    clock time is ambiguous.

    `zones` is `build_airport_zones`. `offsets` is `clock.build_utc_offsets` over the month and a
    day on either side.
    """
    day = ibis.date(row.year, row.month, row.day)
    timed = flights.left_join(zones, flights.dest == zones.faa).mutate(
        day=day,
        sched_dep=to_epoch_minutes(row.time_hour) + row.minute,
        landing=to_epoch_minutes(day) + parse_clock_time(row.sched_arr_time),
    )
    timed = _add_arrival(_add_arrival(timed, offsets, 0), offsets, DAY)
    # Arrival is the first time the destination's clock shows the scheduled time after departure.
    sched_arr = ibis.ifelse(row.arrival_0 > row.sched_dep, row.arrival_0, row[f"arrival_{DAY}"])
    return (
        timed.mutate(sched_arr=sched_arr)
        .select(
            *KEY,
            "dest",
            "tailnum",
            "distance",
            local_dep=parse_clock_time(row.sched_dep_time).cast("int16"),
            local_arr=parse_clock_time(row.sched_arr_time).cast("int16"),
            sched_dep=row.sched_dep.cast("int32"),
            sched_arr=row.sched_arr.cast("int32"),
            dep=(row.sched_dep + row.dep_delay).cast("int32"),
            arr=(row.sched_arr + row.arr_delay).cast("int32"),
        )
        .order_by("day", "origin", "sched_dep", "carrier", "flight")
    )


def _add_arrival(flights: Table, offsets: Table, later: int) -> Table:
    """Add `arrival_<later>`: `landing` plus `later` minutes on the destination's clock.

    The column is an instant.
    """
    local = flights.mutate(local_hour=(row.landing + later) // HOUR)
    joined = local.left_join(offsets, ["zone", "local_hour"])
    return joined.select(*flights.columns, **{f"arrival_{later}": row.landing + later - row.offset})
