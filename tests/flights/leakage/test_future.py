"""Hiding the future from raw tables removes what became known after the cut-off.

Nothing known before it is removed.
"""

from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flights.leakage import future
from tarmac.policy import load_all_params
from tests.conftest import required

MONTHS = ["2013-11", "2013-12"]
SEEDS = st.integers(0, 2**48)


@pytest.fixture(scope="module")
def flights() -> pa.Table:
    return pq.read_table(required("data/raw/flights/2013-12.parquet"))


def departures(rows: pa.Table) -> pd.Series:
    frame = rows.to_pandas()
    scheduled = frame["time_hour"] + pd.to_timedelta(frame["minute"].astype(float), unit="m")
    return scheduled + pd.to_timedelta(frame["dep_delay"].astype(float), unit="m")


@given(SEEDS)
def test_draws_instant_within_months_and_is_deterministic(seed):
    cut = future.draw(MONTHS, seed)
    assert f"{cut:%Y-%m}" in MONTHS
    assert future.draw(MONTHS, seed) == cut


@settings(max_examples=5)
@given(SEEDS)
def test_hides_only_flight_outcomes_from_cutoff_onward(flights, seed):
    cut = future.draw(MONTHS[1:], seed)
    before, after = flights.to_pandas(), future.hide("flights", flights, cut).to_pandas()
    departed = departures(flights)
    early, later = departed < cut, ~(departed < cut)
    assert (
        after.loc[later, ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]]
        .isna()
        .all(axis=None)
    )
    assert after.loc[early, ["dep_time", "dep_delay"]].equals(
        before.loc[early, ["dep_time", "dep_delay"]]
    )
    landed = departed + pd.to_timedelta(before["air_time"].astype(float), unit="m")
    assert after.loc[landed >= cut, "arr_delay"].isna().all()
    long_ago = (departed < cut - timedelta(days=1)) & before["air_time"].notna()
    assert after[long_ago].equals(before[long_ago])
    plan = [name for name in before.columns if name not in future.OUTCOMES]
    assert after[plan].equals(before[plan])


@settings(max_examples=5)
@given(SEEDS)
def test_hides_weather_of_unfinished_hour(seed):
    weather = pq.read_table(required("data/raw/weather/2013-12.parquet"))
    cut = future.draw(MONTHS[1:], seed)
    hours = future.hide("weather", weather, cut).to_pandas()["time_hour"]
    assert cut - timedelta(hours=3) < hours.max() < cut.replace(minute=0)


def test_returns_static_table_unchanged(flights):
    assert future.hide("planes", flights, future.draw(MONTHS, 1)) is flights


@settings(max_examples=5)
@given(SEEDS)
def test_selects_flights_whose_prediction_time_has_passed(flights, seed):
    cut, params = future.draw(MONTHS[1:], seed), load_all_params().problem
    keys = future.decided("flights", flights, cut, params)
    frame = flights.to_pandas()
    scheduled = frame["time_hour"] + pd.to_timedelta(frame["minute"].astype(float), unit="m")
    assert len(keys) == (scheduled <= cut + timedelta(hours=params.lead_hours)).sum() > 0
    open_yet = departures(flights)[keys.index] >= cut
    assert open_yet.sum() > 20, "no leak could be seen"
    assert future.decided("weather", flights, cut, params).empty
