"""online_features: exported lookups reproduce the pipeline's inputs.

They use what was known at the time, and nothing later.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarmac.interface.problem import problem
from tarmac.serving.online import FEW, OnlineFeatures
from tests.flights import real
from tests.flights.features.tiny import minute
from tests.flights.featurizer import Featurizer, assert_same_flights, flights_of
from tests.tarmac.serving import made

pytestmark = pytest.mark.slow

PERIOD = (date(2013, 11, 1), date(2014, 1, 1))
STORM = minute("2013-12-08 23:00")  # snow in New York, with many flights waiting


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return real.tables("2013-10", "2013-11", "2013-12")


@pytest.fixture(scope="module")
def flights(tables: dict[str, pa.Table]) -> pd.DataFrame:
    return flights_of(tables, PERIOD)


@pytest.fixture(scope="module")
def features(tables: dict[str, pa.Table], flights: pd.DataFrame) -> pd.DataFrame:
    found = Featurizer().features(tables, PERIOD)
    assert_same_flights(found, flights)
    return found


@pytest.fixture(scope="module")
def folder(
    tables: dict[str, pa.Table], features: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("made") / "online"
    made.write_online(tables, PERIOD, features, out)
    return out


@pytest.fixture(scope="module")
def online(folder: Path) -> OnlineFeatures:
    return OnlineFeatures(folder)


def assert_inputs(online: OnlineFeatures, flights: pd.DataFrame, features: pd.DataFrame) -> None:
    """What the tables give for some flights is what the pipeline computed, to the last bit."""
    found = online.build_inputs(
        problem.request.columns(made.rows_of(flights)), problem.contract.CATEGORICAL, made.NUMBERS
    )
    wanted = features[made.NUMBERS].to_numpy(np.float32)
    apart = (found.numbers != wanted) & ~(np.isnan(found.numbers) & np.isnan(wanted))
    assert not apart.any(), [made.NUMBERS[place] for place in np.flatnonzero(apart.any(axis=0))]
    assert np.array_equal(
        found.categories, features[list(problem.contract.CATEGORICAL)].to_numpy(object)
    )


def test_lookup_of_every_flight_matches_pipeline_inputs(online, flights, features):
    assert len(flights) > 55_000
    assert_inputs(online, flights, features)


def test_online_features_are_complete_within_their_period(tables, flights, features, tmp_path):
    """Also of the evening before the first day, which is after midnight in UTC."""
    online = made.make_online(
        tables, (date(2013, 12, 25), PERIOD[1]), features, out=tmp_path / "online"
    )
    cut = flights["sched_dep"] - 120
    within = (cut >= online.facts["since"]) & (cut <= online.facts["until"])
    assert (flights["day"][within] == date(2013, 12, 24)).sum() > 30
    assert_inputs(online, flights[within], features[within])


@pytest.mark.parametrize("size", [1, 2, FEW, FEW + 1])
def test_lookup_does_not_depend_on_number_of_requested_rows(online, flights, features, size):
    for start in np.random.default_rng(7).integers(0, len(flights) - size, 100):
        part = slice(start, start + size)
        assert_inputs(online, flights.iloc[part], features.iloc[part])


def test_features_known_at_cutoff_match_later_pipeline_inputs(tables, flights, features, tmp_path):
    period = (date(2013, 12, 1), PERIOD[1])
    online = made.make_online(as_known_at(tables, STORM), period, features, out=tmp_path / "online")
    until = online.facts["until"]
    assert STORM - 60 < until < STORM
    cut = flights["sched_dep"] - 120
    decided = (cut >= online.facts["since"]) & (cut <= until) & (flights["day"] >= period[0])
    assert decided.sum() > 6_000
    assert_inputs(online, flights[decided], features[decided])


def test_features_unknown_at_prediction_time_are_missing(tables, flights, features, tmp_path):
    online = made.make_online(
        as_known_at(tables, STORM), (date(2013, 12, 1), PERIOD[1]), features, out=tmp_path / "s"
    )
    later = flights[flights["sched_dep"] - 120 >= online.facts["until"] + 24 * 60]
    found = online.build_inputs(
        problem.request.columns(made.rows_of(later[:500])),
        problem.contract.CATEGORICAL,
        made.NUMBERS,
    )
    for group in ("weather", "history", "operations", "rotation"):
        places = [made.NUMBERS.index(name) for name in problem.contract.FEATURES[group]]
        assert np.isnan(found.numbers[:, places]).all(), group


@pytest.mark.parametrize(
    ("name", "step", "minutes"), [("weather", "hour", 60), ("hub_due", "quarter", 15)]
)
def test_exports_only_rows_used_within_period(online, folder, name, step, minutes):
    steps = pq.read_table(folder / f"{name}.parquet")[step].to_numpy().astype(int)
    known = (steps + (step == "hour")) * minutes
    assert known.min() == online.facts["since"]
    assert known.max() <= online.facts["until"]


def as_known_at(tables: dict[str, pa.Table], instant: int) -> dict[str, pa.Table]:
    """Return the tables as they were at an instant.

    They have the whole timetable, and nothing that had not happened.
    """
    flights = tables["flights"].to_pandas()
    for name in ("dep", "arr"):
        known = flights[name].where(flights[name] < instant)
        column = pa.array(known.astype("Int32"), type=pa.int32())
        place = tables["flights"].schema.get_field_index(name)
        tables = {**tables, "flights": tables["flights"].set_column(place, name, column)}
    weather = tables["weather"].to_pandas()
    kept = pa.array(weather["hour"] < instant // 60)
    return {**tables, "weather": tables["weather"].filter(kept)}
