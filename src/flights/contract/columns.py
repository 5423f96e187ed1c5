"""The names that the machinery goes by: tables, row key, target, and the features of each group."""

from collections.abc import Sequence
from typing import Literal

TASK: Literal["binary", "multiclass", "regression"] = "binary"
MONTHLY = ("weather", "flights")  # tables with one file a month
LOOKUPS = ("planes",)  # prepared tables that are whole
# Raw tables in the order of validation: a later one is checked against earlier.
TABLES = ("airports", "planes", *MONTHLY)
# One row a flight; `day` is the local date of scheduled departure.
KEY = ("day", "carrier", "flight", "origin")
DAY: str | None = "day"  # the column that says when; None where rows have no time
CLUSTER = "day"  # flights of one day share its weather and its jams: intervals resample whole days
CLUSTERS = ("day", "days")  # what it is called
TARGET = "late"
CLASSES = ("on time", "late")  # what a target of 0 and of 1 is called
# The ways of slicing; predictions have a column for each.
SLICES = ("origin", "carrier", "departure")
ANSWERS = ("probability",)  # the columns of an answer: one a class where there are more than two
CATEGORICAL = ("carrier", "origin", "dest")  # text; every other feature is a float32 number

Group = Literal["schedule", "weather", "aircraft", "traffic", "history", "operations", "rotation"]
FEATURES: dict[Group, tuple[str, ...]] = {
    "schedule": (
        "carrier",
        "origin",
        "dest",
        "weekday",
        "local_dep",
        "local_arr",
        "block",
        "distance",
    ),
    "weather": (
        "temp",
        "dewp",
        "humid",
        "wind_dir",
        "wind_speed",
        "wind_gust",
        "precip",
        "pressure",
        "visib",
    ),
    "aircraft": ("plane_age", "seats"),
    "traffic": ("origin_hour_flights", "origin_flights_before", "origin_day_flights"),
    "history": (
        "flight_delay_21d",
        "flight_late_21d",
        "route_delay_1d",
        "route_delay_21d",
        "route_gain_21d",
        "hub_gain_1d",
        "origin_delay_1d",
        "origin_delay_7d",
        "origin_gain_1d",
        "dest_gain_1d",
    ),
    "operations": (
        "origin_wait_1h",
        "origin_wait_3h",
        "origin_late_3h",
        "origin_gone_1h",
        "origin_gone_3h",
        "origin_landed_1h",
        "origin_landed_3h",
        "carrier_wait_3h",
        "carrier_late_3h",
        "carrier_gone_1h",
        "hub_wait_3h",
        "hub_late_3h",
        "hub_landed_3h",
        "dest_landed_3h",
    ),
    "rotation": (
        "turn",
        "spare",
        "previous_wait",
        "previous_delay",
        "expected_spare",
        "legs_before",
    ),
}


def feature_names(groups: Sequence[str]) -> list[str]:
    """Feature names of some groups, in a fixed order."""
    return [name for group, features in FEATURES.items() if group in groups for name in features]
