"""Rules of a valid raw table.

A row that breaks a rule is quarantined. If the rule is in `BLANKED`, the row only loses the value.
Of rows with the same key the first stays, whatever other rule it breaks: two rows that disagree are
not repaired by luck.

A rule about one column is a check of that column. A rule across columns is a check of the table,
named `column:rule`.
"""

from collections.abc import Callable, Collection
from typing import TypeAlias

import pandas as pd
import pandera.pandas as pa

from flights.tables.clean import MISSING_ZONES
from flights.tables.raw import RAW_TYPES

Frame: TypeAlias = pd.DataFrame
Mask: TypeAlias = pd.Series  # of booleans, one a row

ORIGINS = ("EWR", "JFK", "LGA")
HOME_ZONE = "America/New_York"
WIND_LIMIT = 150.0  # miles an hour; the strongest wind ever seen at these airports is well below
DELAY_LIMIT = 48 * 60  # minutes
KEYS = {
    "flights": ["year", "month", "day", "carrier", "flight", "origin"],
    "weather": ["origin", "time_hour"],
    "planes": ["tailnum"],
    "airports": ["faa"],
}
# The value is set to missing, the row stays.
BLANKED = frozenset({"wind_possible", "year_possible"})


def schema(table: str, month: str | None, valid: dict[str, Frame]) -> pa.DataFrameSchema:
    """Return the Pandera schema of a raw table.

    `valid` has the tables already validated, in the order of `TABLES`.
    """
    checks, rules = CHECKS[table](valid)
    if month is not None:
        rules.append(_build_rule("month:of_file", lambda frame: _format_month(frame) == month))
    columns = {
        field.name: pa.Column(
            pd.ArrowDtype(field.type),
            checks.get(field.name, []),
            nullable=field.name in NULLABLE.get(table, ()),
        )
        for field in RAW_TYPES[table]
    }
    return pa.DataFrameSchema(
        columns,
        rules,
        strict=True,
        ordered=True,
        unique=KEYS[table],
        report_duplicates="exclude_first",
    )


NULLABLE = {
    "flights": ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"),
    "weather": ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "pressure"),
    "planes": ("year", "speed"),
    "airports": ("tzone",),
}


def _build_airport_checks(
    valid: dict[str, Frame],
) -> tuple[dict[str, list[pa.Check]], list[pa.Check]]:
    return {
        "faa": [_build_pattern_check(r"[A-Z0-9]{3}")],
        "lat": [_build_range_check(-90, 90)],
        "lon": [_build_range_check(-180, 180)],
    }, []


def _build_plane_checks(
    valid: dict[str, Frame],
) -> tuple[dict[str, list[pa.Check]], list[pa.Check]]:
    checks = {
        "tailnum": [_build_pattern_check(r"[A-Z0-9]{5,6}")],
        "year": [_build_range_check(1940, 2100, "year_possible")],
        "seats": [_build_range_check(1, 900)],
        "engines": [_build_range_check(1, 8)],
    }
    return checks, []


def _build_weather_checks(
    valid: dict[str, Frame],
) -> tuple[dict[str, list[pa.Check]], list[pa.Check]]:
    checks = {
        "origin": [_build_member_check(ORIGINS, "origin_known")],
        "temp": [_build_range_check(-60, 130)],
        "dewp": [_build_range_check(-80, 100)],
        "humid": [_build_range_check(0, 101)],
        "wind_dir": [_build_range_check(0, 360)],
        "wind_speed": [_build_range_check(0, WIND_LIMIT, "wind_possible")],
        "wind_gust": [_build_range_check(0, WIND_LIMIT, "wind_possible")],
        "precip": [_build_range_check(0, 10)],
        "pressure": [_build_range_check(850, 1100)],
        "visib": [_build_range_check(0, 20)],
    }
    return checks, [_build_rule("hour:is_local", _is_local_hour)]


def _build_flight_checks(
    valid: dict[str, Frame],
) -> tuple[dict[str, list[pa.Check]], list[pa.Check]]:
    clock = pa.Check(
        lambda time: time.between(0, 2400) & (_compute_minutes(time) < 60), name="clock_time"
    )
    delay = _build_range_check(-DELAY_LIMIT // 8, DELAY_LIMIT, "delay_possible")
    airports = valid["airports"]
    places = set(airports.loc[airports["tzone"].notna(), "faa"]) | set(MISSING_ZONES)
    checks = {
        **{name: [clock] for name in ("sched_dep_time", "sched_arr_time", "dep_time", "arr_time")},
        "dep_delay": [delay],
        "arr_delay": [delay],
        "carrier": [_build_pattern_check(r"[A-Z0-9]{2}")],
        "flight": [_build_range_check(1, 9999)],
        "origin": [_build_member_check(ORIGINS, "origin_known")],
        "dest": [_build_member_check(places, "place_known")],
        "distance": [_build_range_check(10, 12000)],
        "air_time": [_build_range_check(5, 1440)],
    }
    return checks, _build_time_rules()


def _build_time_rules() -> list[pa.Check]:
    """Return the rules across the columns of one flight.

    Its clock times, its delay and what became of it must agree.
    """
    scheduled = "sched_dep_time"
    return [
        _build_rule("hour:is_local", _is_local_hour),
        _build_rule("hour:of_schedule", lambda f: f["hour"] == f[scheduled] // 100),
        _build_rule("minute:of_schedule", lambda f: f["minute"] == _compute_minutes(f[scheduled])),
        _build_rule(
            "dep_delay:of_clock",
            lambda f: _is_delay_consistent(f[scheduled], f["dep_time"], f["dep_delay"]),
        ),
        _build_rule(
            "arr_delay:of_clock",
            lambda f: _is_delay_consistent(f["sched_arr_time"], f["arr_time"], f["arr_delay"]),
        ),
        _build_rule("arr_delay:departed", lambda f: f["dep_time"].notna() | f["arr_delay"].isna()),
        _build_rule("dep_delay:departed", lambda f: f["dep_time"].isna() == f["dep_delay"].isna()),
        _build_rule("tailnum:departed", lambda f: f["tailnum"].notna() | f["dep_time"].isna()),
    ]


def tallies(valid: dict[str, Frame]) -> dict[str, int]:
    """Count what is no error but missing.

    This is labels, and what the joins of a month's valid flights will not find.
    """
    observed = pd.MultiIndex.from_frame(valid["weather"][["origin", "time_hour"]])
    flights, planes = valid["flights"], valid["planes"]
    aged = flights["tailnum"].isin(planes.loc[planes["year"].notna(), "tailnum"])
    return {
        "cancelled": int(flights["dep_time"].isna().sum()),
        "diverted": int((flights["dep_time"].notna() & flights["arr_delay"].isna()).sum()),
        "tailnum_missing": int(flights["tailnum"].isna().sum()),
        "aircraft_unknown": int((~flights["tailnum"].isin(planes["tailnum"])).sum()),
        "aircraft_age_unknown": int((~aged).sum()),
        "weather_missing": int(
            (~pd.MultiIndex.from_frame(flights[["origin", "time_hour"]]).isin(observed)).sum()
        ),
        "zone_supplied": int(flights["dest"].isin(list(MISSING_ZONES)).sum()),
    }


CHECKS = {
    "airports": _build_airport_checks,
    "planes": _build_plane_checks,
    "weather": _build_weather_checks,
    "flights": _build_flight_checks,
}


def _build_rule(name: str, holds: Callable[[Frame], Mask]) -> pa.Check:
    return pa.Check(
        lambda frame: pd.Series(holds(frame), index=frame.index).fillna(True).astype(bool),
        name=name,
    )


def _build_range_check(low: float, high: float, name: str = "in_range") -> pa.Check:
    return pa.Check(lambda values: values.between(low, high), name=name)


def _build_member_check(values: Collection[str], name: str) -> pa.Check:
    return pa.Check(lambda texts: texts.isin(list(values)), name=name)


def _build_pattern_check(pattern: str) -> pa.Check:
    return pa.Check(lambda values: values.str.fullmatch(pattern), name="well_formed")


def _format_month(frame: Frame) -> "pd.Series[str]":
    return frame["year"].astype(str) + "-" + frame["month"].astype(str).str.zfill(2)


def _is_local_hour(frame: Frame) -> Mask:
    """`time_hour` (UTC) shows `hour` on the clocks of New York, on the day that the row names."""
    local = (
        frame["time_hour"].astype("datetime64[s]").dt.tz_localize("UTC").dt.tz_convert(HOME_ZONE).dt
    )
    return (
        (local.hour == frame["hour"])
        & (local.day == frame["day"])
        & (local.month == frame["month"])
        & (local.year == frame["year"])
    )


def _is_delay_consistent(scheduled: Mask, actual: Mask, delay: Mask) -> Mask:
    """Scheduled clock time plus delay is the actual clock time, over midnight too."""
    due, seen = (time // 100 * 60 + _compute_minutes(time) for time in (scheduled, actual))
    apart = seen - due - delay
    return apart - apart // 1440 * 1440 == 0


def _compute_minutes(time: Mask) -> Mask:
    """Minutes of a clock time hhmm (pandas has no remainder of Arrow integers)."""
    return time - time // 100 * 100
