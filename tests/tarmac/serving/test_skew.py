"""The service returns the pipeline's own scores for the same inputs.

Their form and order do not matter.
"""

import shutil
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.outputs import write_json
from tarmac.pipeline.online.stage import list_records
from tests.conftest import required
from tests.flights import real
from tests.tarmac.serving import made
from tests.tarmac.serving.running import Service, running

pytestmark = pytest.mark.server

MONTHS, PERIOD = ("2013-10", "2013-11", "2013-12"), (date(2013, 11, 1), date(2014, 1, 1))
REPLAYED, TOLERANCE = 2000, 1e-6


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    """Return test flights in the order of their decisions.

    Each has the probability that the pipeline gave it.
    """
    scored = pd.read_parquet(required("data/predictions.parquet"))[
        [*problem.contract.KEY, "probability"]
    ]
    planned = pd.concat([real.prepared("flights", month).to_pandas() for month in MONTHS[1:]])
    drawn = scored.sample(REPLAYED, random_state=7).merge(
        planned, on=list(problem.contract.KEY), how="left", validate="one_to_one"
    )
    return drawn.sort_values(["sched_dep", *problem.contract.KEY], ignore_index=True)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    """The service with online features of all test months."""
    bundle = tmp_path_factory.mktemp("skew") / "bundle"
    features = pd.read_parquet(required("data/features") / "2013-12.parquet")
    made.write_online(real.tables(*MONTHS), PERIOD, features, bundle / "online")
    shutil.copy(required("models/model.onnx"), bundle)
    shutil.copy(required("models/card.md"), bundle)
    write_json(bundle / "release.json", {"version": "v0.0.1"})
    with running(bundle, bundle.parent / "log") as service:
        yield service


def test_single_requests_in_time_order_match_pipeline_scores(service: Service, flights):
    with service.client() as client:
        answers = [
            client.post("/predict", json=row).json()
            for row in map(problem.request.asked, list_records(flights))
        ]
    found = np.array([answer["probability"] for answer in answers])
    assert len(found) == REPLAYED
    assert np.abs(found - flights["probability"].to_numpy()).max() <= TOLERANCE


def test_row_and_column_batches_match_pipeline_scores(service: Service, flights):
    rows = [problem.request.asked(row) for row in list_records(flights)]
    names = sorted({name for row in rows for name in row})
    bodies = {"rows": rows}, {"columns": {name: [row.get(name) for row in rows] for name in names}}
    with service.client() as client:
        by_row, by_column = (client.post("/predict", json=body).json() for body in bodies)
    found = [answer["probability"] for answer in by_row["predictions"]]
    assert found == by_column["columns"]["probability"]
    assert np.abs(np.array(found) - flights["probability"].to_numpy()).max() <= TOLERANCE


def test_response_lists_missing_inputs_and_uses_live_values(service: Service, flights):
    row = problem.request.asked(list_records(flights)[0])
    later = {
        **row,
        "scheduled_departure": "2014-03-03T08:15:00-05:00",
        "scheduled_arrival": "2014-03-03T10:00:00-05:00",
    }
    with service.client() as client:
        answer = client.post("/predict", json=later).json()
        given = client.post(
            "/predict", json={**later, "live": {"temp": 30.0, "spare": 45.0}}
        ).json()
    assert {"temp", "spare", "origin_wait_1h", "flight_delay_21d", "origin_day_flights"} <= set(
        answer["missing"]
    )
    assert set(answer["missing"]) - set(given["missing"]) == {"temp", "spare"}
    assert answer["probability"] != given["probability"]
