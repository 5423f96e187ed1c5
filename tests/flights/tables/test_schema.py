"""Rules of the raw tables: each one rejects its faults and accepts unusual valid rows."""

from datetime import datetime

import pandas as pd
import pytest

from flights.contract.columns import MONTHLY
from flights.tables.schema import BLANKED, KEYS, schema
from tarmac.pipeline.prepare.validation import TableError, validate_table
from tests.flights import rows

# A change to one valid row, and the rules that it breaks, each as (column, rule).
FAULTS: dict[str, list[tuple[dict, set[tuple[str, str]]]]] = {
    "flights": [
        ({"arr_time": 2375, "arr_delay": 730}, {("arr_time", "clock_time")}),
        ({"arr_time": -1, "arr_delay": 754}, {("arr_time", "clock_time")}),
        ({"arr_time": 2401, "arr_delay": 716}, {("arr_time", "clock_time")}),
        ({"sched_arr_time": 1260, "arr_delay": -60}, {("sched_arr_time", "clock_time")}),
        ({"dep_time": 865}, {("dep_time", "clock_time")}),  # which adds up to 9:05 all the same
        ({"dep_time": 906}, {("dep_delay", "of_clock")}),
        (
            {"sched_dep_time": 860},
            {("sched_dep_time", "clock_time"), ("hour", "of_schedule"), ("minute", "of_schedule")},
        ),
        ({"hour": 8}, {("hour", "is_local"), ("hour", "of_schedule")}),
        ({"minute": 1}, {("minute", "of_schedule")}),
        ({"time_hour": datetime(2013, 6, 10, 14)}, {("hour", "is_local")}),
        ({"time_hour": datetime(2013, 6, 11, 13)}, {("hour", "is_local")}),
        ({"time_hour": datetime(2013, 7, 10, 13)}, {("hour", "is_local")}),
        ({"day": 31}, {("hour", "is_local")}),  # June has none
        (rows.departing("2013-07-10 09:00"), {("month", "of_file")}),
        (rows.departing("2012-06-10 09:00"), {("month", "of_file")}),
        ({"tailnum": None}, {("tailnum", "departed")}),
        ({"dep_time": None, "dep_delay": None}, {("arr_delay", "departed")}),
        ({"dep_delay": None}, {("dep_delay", "departed")}),
        ({"dep_time": None, "arr_delay": None}, {("dep_delay", "departed")}),
        ({"arr_delay": 12}, {("arr_delay", "of_clock")}),  # another flight's
        ({"arr_time": 1306}, {("arr_delay", "of_clock")}),
        ({"dep_time": 901, "dep_delay": 2881}, {("dep_delay", "delay_possible")}),
        ({"dep_time": 259, "dep_delay": -361}, {("dep_delay", "delay_possible")}),
        ({"arr_time": 1206, "arr_delay": 2881}, {("arr_delay", "delay_possible")}),
        ({"arr_time": 604, "arr_delay": -361}, {("arr_delay", "delay_possible")}),
        ({"carrier": "A"}, {("carrier", "well_formed")}),
        ({"carrier": "aa"}, {("carrier", "well_formed")}),
        ({"flight": 0}, {("flight", "in_range")}),
        ({"flight": 10000}, {("flight", "in_range")}),
        ({"origin": "PHL"}, {("origin", "origin_known")}),
        ({"dest": "QQQ"}, {("dest", "place_known")}),
        ({"distance": 9}, {("distance", "in_range")}),
        ({"distance": 12001}, {("distance", "in_range")}),
        ({"air_time": 4}, {("air_time", "in_range")}),
        ({"air_time": 1441}, {("air_time", "in_range")}),
    ],
    "weather": [
        ({"origin": "PHL"}, {("origin", "origin_known")}),
        ({"temp": 131.0}, {("temp", "in_range")}),
        ({"temp": -61.0}, {("temp", "in_range")}),
        ({"temp": float("inf")}, {("temp", "in_range")}),
        ({"dewp": 101.0}, {("dewp", "in_range")}),
        ({"humid": -0.1}, {("humid", "in_range")}),
        ({"wind_dir": 361}, {("wind_dir", "in_range")}),
        ({"wind_speed": 1048.36}, {("wind_speed", "wind_possible")}),
        ({"wind_speed": -1.0}, {("wind_speed", "wind_possible")}),
        ({"wind_gust": 150.1}, {("wind_gust", "wind_possible")}),
        ({"precip": 10.1}, {("precip", "in_range")}),
        ({"pressure": 849.0}, {("pressure", "in_range")}),
        ({"visib": 20.1}, {("visib", "in_range")}),
        ({"time_hour": datetime(2013, 6, 10, 15)}, {("hour", "is_local")}),
        ({"month": 7, "time_hour": datetime(2013, 7, 10, 13)}, {("month", "of_file")}),
    ],
    "planes": [
        ({"tailnum": "N1"}, {("tailnum", "well_formed")}),
        ({"year": 0}, {("year", "year_possible")}),
        ({"year": 1939}, {("year", "year_possible")}),
        ({"year": 2101}, {("year", "year_possible")}),
        ({"seats": 0}, {("seats", "in_range")}),
        ({"seats": 901}, {("seats", "in_range")}),
        ({"engines": 0}, {("engines", "in_range")}),
        ({"engines": 9}, {("engines", "in_range")}),
    ],
    "airports": [
        ({"faa": "lax"}, {("faa", "well_formed")}),
        ({"lat": 90.5}, {("lat", "in_range")}),
        ({"lon": -180.5}, {("lon", "in_range")}),
    ],
}
# Rows that look odd and are right.
ACCEPTED: dict[str, list[dict]] = {
    "flights": [
        {
            "dep_time": None,
            "dep_delay": None,
            "arr_time": None,
            "arr_delay": None,
            "air_time": None,
            "tailnum": None,
        },
        {"arr_delay": None, "air_time": None},
        rows.departing("2013-06-10 23:50", dep_time=5, dep_delay=15),
        rows.departing("2013-06-10 00:05", dep_time=2355, dep_delay=-10),
        rows.departing("2013-06-10 23:59", dep_time=2400, dep_delay=1),
        {"dep_time": 900, "dep_delay": 2880, "arr_time": 1205, "arr_delay": 2880},
        {"dep_time": 300, "dep_delay": -360, "arr_time": 605, "arr_delay": -360},
        {"dest": "SJU"},
        {"flight": 9999, "distance": 10, "air_time": 5},
    ],
    "weather": [
        {"temp": None, "wind_dir": None, "wind_speed": None, "wind_gust": None, "pressure": None},
        {"wind_speed": 150.0, "wind_gust": 0.0, "humid": 100.0, "wind_dir": 360},
    ],
    "planes": [{"year": None, "speed": None}, {"year": 1940}, {"seats": 900}],
    "airports": [{"tzone": None}, {"lat": -90.0, "lon": 180.0}],
}
OTHERS = {
    "flights": ({"flight": 21}, {"flight": 22}),
    "weather": ({"origin": "LGA"}, {"origin": "EWR"}),
    "planes": ({"tailnum": "N21AA"}, {"tailnum": "N22AA"}),
    "airports": ({"faa": "ATL"}, {"faa": "ORD"}),
}
MONTH = "2013-06"


def schema_of(table: str) -> object:
    valid = {"airports": rows.airports().to_pandas(types_mapper=pd.ArrowDtype)}
    return schema(table, MONTH if table in MONTHLY else None, valid)


def checked(table: str, *changes: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    return validate_table(rows.frame(table, *changes), schema_of(table), KEYS[table], BLANKED)


def broken_rules(broken: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(broken["column"], broken["rule"], strict=True))


def cases(source: dict[str, list]) -> list:
    """Every case with its table, named by the columns that it changes and its place."""
    numbered = [
        (table, place, case) for table, found in source.items() for place, case in enumerate(found)
    ]
    return [
        pytest.param(
            table,
            case,
            id=f"{table} {place} {' '.join(case[0] if isinstance(case, tuple) else case)}",
        )
        for table, place, case in numbered
    ]


@pytest.mark.parametrize(("table", "fault"), cases(FAULTS))
def test_fault_breaks_only_its_rules_and_affects_only_its_row(table: str, fault: tuple) -> None:
    change, expected = fault
    before, after = OTHERS[table]
    valid, broken = checked(table, before, change, after)
    assert broken_rules(broken) == expected
    assert broken["row"].nunique() == 1
    blanked = {column for column, rule in expected if rule in ("wind_possible", "year_possible")}
    assert set(broken["action"]) == ({"blanked"} if blanked else {"set aside"})
    kept = [before, {**change, **dict.fromkeys(blanked)}, after] if blanked else [before, after]
    pd.testing.assert_frame_equal(valid, rows.frame(table, *kept))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param(
            {"time_hour": datetime(2012, 6, 10, 13)},
            ("hour", "is_local"),
            id="instant of another year",
        ),
        pytest.param(
            {"dest": "XXX"}, ("dest", "place_known"), id="destination without a time zone"
        ),
    ],
)
def test_flight_with_wrong_or_missing_instants_breaks_one_rule(
    change: dict, rule: tuple[str, str]
) -> None:
    _, broken = checked("flights", {"flight": 1}, change)
    assert broken_rules(broken) == {rule}


@pytest.mark.parametrize(("table", "change"), cases(ACCEPTED))
def test_unusual_valid_row_is_kept(table: str, change: dict) -> None:
    valid, broken = checked(table, change)
    assert broken.empty
    pd.testing.assert_frame_equal(valid, rows.frame(table, change))


@pytest.mark.parametrize("table", FAULTS)
def test_first_row_of_duplicate_key_is_kept(table: str) -> None:
    copy = {
        "flights": {"dest": "ORD"},
        "weather": {"temp": 50.0},
        "planes": {"seats": 10},
        "airports": {"name": "x"},
    }
    valid, broken = checked(table, {}, OTHERS[table][0], copy[table])
    assert broken_rules(broken) == {(KEYS[table][0], "unique")}
    pd.testing.assert_frame_equal(valid, rows.frame(table, {}, OTHERS[table][0]))


NEVER_MISSING = {
    "flights": (
        *("sched_dep_time", "sched_arr_time", "dest", "distance", "hour", "minute", "time_hour"),
        *("year", "month", "day", "carrier", "flight", "origin"),
    ),
    "weather": ("origin", "time_hour", "year", "month", "day", "hour", "precip", "visib"),
    "planes": ("tailnum", "seats", "engines", "type", "manufacturer", "model", "engine"),
    "airports": ("faa", "name", "lat", "lon", "alt", "tz", "dst"),
}


def essential() -> list:
    return [(table, column) for table, columns in NEVER_MISSING.items() for column in columns]


@pytest.mark.parametrize(("table", "column"), essential())
def test_missing_required_value_quarantines_its_row(table: str, column: str) -> None:
    valid, broken = checked(table, OTHERS[table][0], {column: None})
    assert (column, "present") in broken_rules(broken)
    assert set(broken["action"]) == {"set aside"}
    pd.testing.assert_frame_equal(valid, rows.frame(table, OTHERS[table][0]))


def test_every_rule_and_required_column_has_a_fault_case() -> None:
    for table, faults in FAULTS.items():
        found = schema_of(table)
        rules = {
            (name, check.name) for name, column in found.columns.items() for check in column.checks
        }
        rules |= {tuple(check.name.split(":")) for check in found.checks}
        assert rules == set().union(*(expected for _, expected in faults)), table
        required = {name for name, column in found.columns.items() if not column.nullable}
        assert required == set(NEVER_MISSING[table]), table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="dest"), "column 'dest' is missing"),
        (
            lambda f: f.rename(columns={"dest": "destination"}),
            "column 'destination' is unknown; column 'dest' is missing",
        ),
        (
            lambda f: f.astype({"distance": "int64[pyarrow]"}),
            r"column 'distance' is int64\[pyarrow\], expected int16",
        ),
        (
            lambda f: f.astype({"distance": "double[pyarrow]"}),
            r"column 'distance' is double\[pyarrow\], expected int16",
        ),
        (lambda f: f.assign(weight=1), "column 'weight' is unknown"),
    ],
)
def test_unexpected_columns_or_types_raise_naming_the_column(change: object, message: str) -> None:
    with pytest.raises(TableError, match=message):
        validate_table(
            change(rows.frame("flights", {})), schema_of("flights"), KEYS["flights"], BLANKED
        )
