"""Find features that look into the future.

All that became known from an instant on is rewritten. A feature that changes is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from flights.contract.columns import FEATURES, feature_names
from tests.flights.featurizer import Featurizer, Period, assert_same_flights, flights_of

Tables = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Moved:
    """The features that the rewriting changed.

    Each of a flight decided on by then is a leak. Those of later flights are listed apart.
    """

    leaks: list[str]
    later: list[str]


def moved(featurizer: Featurizer, tables: Tables, period: Period, instant: int) -> Moved:
    """Return what changes if everything known from `instant` on is something else.

    A flight is decided on at its cut-off, the lead before its scheduled departure. What happens at
    that very instant is not yet known.
    """
    before, after = (
        featurizer.features(given, period) for given in (tables, rewritten(tables, instant))
    )
    flights = flights_of(tables, period)
    assert_same_flights(before, flights)
    assert_same_flights(after, flights)
    decided = flights["sched_dep"] - featurizer.params.lead_hours * 60 <= instant
    assert 0 < decided.sum() < len(flights), "the instant must lie within the period"
    names = [name for name in feature_names(list(FEATURES)) if name in before]
    moves = {name: differs(before[name], after[name]) for name in names}
    return Moved(
        *([name for name in names if moves[name][rows].any()] for rows in (decided, ~decided))
    )


def rewritten(tables: Tables, instant: int, seed: int = 7) -> dict[str, pa.Table]:
    """Return the same timetable with another future.

    Every departure, arrival and observation from `instant` on is another.

    Nothing moves to before `instant`; some of it happens at that very minute. Flights that were
    cancelled fly. Some that flew are cancelled or diverted, and some observations are never made.
    """
    draw = np.random.default_rng(seed)
    return {
        **tables,
        "flights": _other_fates(tables["flights"], instant, draw),
        "weather": _other_weather(tables["weather"], instant, draw),
    }


def _other_fates(table: pa.Table, instant: int, draw: np.random.Generator) -> pa.Table:
    flights = table.to_pandas()
    size, block = len(flights), flights["sched_arr"] - flights["sched_dep"]
    open_dep, open_arr = (
        flights[name].isna() | (flights[name] >= instant) for name in ("dep", "arr")
    )
    soon = draw.random(size) < 0.3  # at the very instant, where the timetable allows
    wait = np.where(soon, -20, draw.integers(-10, 600, size))
    dep = _another(flights["dep"], np.maximum(instant, flights["sched_dep"] + wait))
    dep = dep.mask(flights["dep"].notna() & (draw.random(size) < 0.2)).where(
        open_dep, flights["dep"]
    )
    flight_time = np.where(soon, 1, block * draw.uniform(0.8, 1.2, size)).astype(int)
    arr = _another(flights["arr"], np.maximum(instant, dep + flight_time))
    arr = arr.mask(flights["arr"].notna() & (draw.random(size) < 0.1)).where(
        open_arr, flights["arr"]
    )
    for name, values in {"dep": dep, "arr": arr.where(dep.notna())}.items():
        column = pa.array(values.astype("Int32"), type=pa.int32())
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _another(old: pd.Series, new: pd.Series) -> pd.Series:
    return new + (new == old)


def _other_weather(table: pa.Table, instant: int, draw: np.random.Generator) -> pa.Table:
    """Rewrite the weather from the hour of `instant` on.

    An observation of that hour may be taken at any minute of it, so it is already open.
    """
    weather = table.to_pandas()
    later = weather["hour"] >= instant // 60
    for name in FEATURES["weather"]:
        values = weather[name].fillna(0) + draw.uniform(1, 9, len(weather))
        weather[name] = values.where(later, weather[name]).astype("float32")
    kept = ~later | (draw.random(len(weather)) < 0.9)
    return pa.Table.from_pandas(weather[kept], schema=table.schema, preserve_index=False)


def differs(one: pd.Series, other: pd.Series) -> pd.Series:
    return (one != other) & ~(one.isna() & other.isna())
