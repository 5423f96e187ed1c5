"""Features of real flights equal an independent computation, flight by flight.

The computation follows their definitions.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from flights.contract.columns import FEATURES
from tests.flights import real
from tests.flights.features import oracle, samples
from tests.flights.features.oracle import Exact, Past

BY_HAND = {"history": oracle.history, "operations": oracle.operations, "rotation": oracle.rotation}
LEAD, LATE, SIZE = samples.PROBLEMS[0]


@pytest.mark.parametrize("problem", samples.PROBLEMS, ids=str)
@pytest.mark.parametrize("group", BY_HAND)
def test_values_equal_independent_computation(group: str, problem: tuple[int, int, int]) -> None:
    by_hand: Callable[[Past, pd.Series], Exact] = BY_HAND[group]
    wrong = samples.disagreements(by_hand, *problem)
    assert not wrong, "\n".join(wrong[:9])
    counts = samples.variety(by_hand, *problem)
    assert set(counts) == set(FEATURES[group])
    assert min(counts.values()) > 2


def drawn() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and raw rows of the drawn flights."""
    found, _, flights = samples.month(LEAD, LATE)
    rows = samples.chosen(flights, 300)
    return found.iloc[rows].reset_index(drop=True), samples.raw_rows().iloc[rows].reset_index(
        drop=True
    )


def assert_numbers(found: pd.Series, expected: list[float | None]) -> None:
    np.testing.assert_array_equal(
        found.to_numpy("float32"), np.array(expected, dtype="float32"), err_msg=str(found.name)
    )
    assert found.nunique() > 1


def test_traffic_counts_the_raw_timetable_of_the_day() -> None:
    found, raw = drawn()
    month = samples.raw_rows()
    days = [
        month[(month["origin"] == row.origin) & (month["date"] == row.date)]
        for row in raw.itertuples()
    ]
    assert_numbers(found["origin_day_flights"], [len(day) for day in days])
    pairs = list(zip(days, raw.itertuples(), strict=True))
    hours = [
        (day["sched_dep_time"] // 100 == row.sched_dep_time // 100).sum() for day, row in pairs
    ]
    assert_numbers(found["origin_hour_flights"], hours)
    assert_numbers(
        found["origin_flights_before"],
        [(day["sched_dep_time"] < row.sched_dep_time).sum() for day, row in pairs],
    )


def test_schedule_matches_raw_timetable() -> None:
    found, raw = drawn()
    for name in ("carrier", "origin", "dest"):
        assert found[name].tolist() == raw[name].tolist()
    assert_numbers(found["weekday"], [date.weekday() for date in raw["date"]])  # Monday is 0
    assert_numbers(
        found["local_dep"], [time // 100 * 60 + time % 100 for time in raw["sched_dep_time"]]
    )
    assert_numbers(
        found["local_arr"], [time // 100 * 60 + time % 100 for time in raw["sched_arr_time"]]
    )
    assert_numbers(found["distance"], raw["distance"].tolist())


def test_block_is_the_planned_time_from_gate_to_gate() -> None:
    found, _, flights = samples.month(LEAD, LATE)
    assert_numbers(found["block"], (flights["sched_arr"] - flights["sched_dep"]).tolist())


def test_weather_is_raw_observation_of_hour_before_cut_off() -> None:
    found, raw = drawn()
    observed = pd.concat([real.raw(f"weather/{month}").to_pandas() for month in samples.MONTHS])
    observed = observed.set_index(["origin", "time_hour"])
    due = raw["time_hour"] + pd.to_timedelta(raw["minute"], "min")
    hour = (due - pd.Timedelta(hours=LEAD)).dt.floor("h") - pd.Timedelta(hours=1)
    expected = observed.reindex(pd.MultiIndex.from_arrays([raw["origin"], hour]))
    for name in FEATURES["weather"]:
        assert_numbers(found[name], expected[name].tolist())


def test_aircraft_values_match_register() -> None:
    found, raw = drawn()
    planes = real.raw("planes").to_pandas().set_index("tailnum").reindex(raw["tailnum"])
    assert_numbers(found["seats"], planes["seats"].tolist())
    assert_numbers(found["plane_age"], (2013 - planes["year"]).tolist())
    assert found["plane_age"].isna().sum() > found["seats"].isna().sum() > 0


def test_target_is_late_beyond_limit_and_missing_if_not_arrived() -> None:
    for lead, limit, _ in samples.PROBLEMS:
        found, _, flights = samples.month(lead, limit)
        behind = flights["arr"] - flights["sched_arr"]
        expected = (behind > limit).astype("float64").where(behind.notna())
        pd.testing.assert_series_equal(
            found["late"], expected, check_names=False, check_dtype=False
        )
        assert (behind == limit).any()  # a flight exactly at the limit is on time
