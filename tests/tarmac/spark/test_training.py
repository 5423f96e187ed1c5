"""XGBoost on Spark matches plain XGBoost for multiclass and regression.

For binary problems, see tests/e2e/test_spark.py.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS, SplitParams, Task
from tarmac.pipeline.models.dataset import Split
from tarmac.pipeline.training import estimators, export
from tarmac.spark import session, training
from tests.postgres import HOST
from tests.servers.spark import configure, home
from tests.tarmac.pipeline import sample

pytestmark = pytest.mark.java

PARTS = {"train": "2013-01", "validation": "2013-02", "test": "2013-03"}
SPLIT = SplitParams.model_validate(
    {part: {"first": month, "last": month} for part, month in PARTS.items()}
)


@pytest.fixture(scope="module", autouse=True)
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start Spark on two cores, with few rows per batch.

    So all rows of a batch are to train on, as they are in a year of real rows.
    """
    home()
    folder = tmp_path_factory.mktemp("spark")
    configure(
        folder / "conf", spark_master="local[2]", spark_sql_execution_arrow_maxRecordsPerBatch="50"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SPARK_CONF_DIR", str(folder / "conf"))
        patch.setenv("SPARK_LOCAL_IP", HOST)
        patch.setattr(session, "ADDRESS", HOST)
        yield
        session.open_session().stop()
        session.open_session.cache_clear()


@pytest.mark.parametrize(
    "task", [TASKS["multiclass"], TASKS["regression"]], ids=lambda task: task.kind
)
def test_spark_model_matches_plain_xgboost_and_exports(task: Task, tmp_path: Path) -> None:
    params, rows = (
        sample.params("xgboost"),
        [sample.rows(count, count, task) for count in (600, 300)],
    )
    for month, part in zip(PARTS.values(), rows, strict=False):
        part.to_parquet(tmp_path / f"{month}.parquet")
    inputs, alone = sample.fitted(params, *rows, task=task)
    X, y = rows[1][inputs.names], rows[1][problem.contract.TARGET].to_numpy()
    seen: list[dict[str, float]] = []
    together = estimators.fit_model(
        params,
        inputs,
        Split(rows[0][inputs.names], rows[0][problem.contract.TARGET].to_numpy(), X, y),
        lambda _, metrics: seen.append(metrics),
        task,
        partial(training.fit_xgboost, folder=tmp_path, split=SPLIT, task=task),
    )
    ours, theirs = (
        estimators.compute_round_metrics(y, estimators.compute_predictions(one, X, task), task)[
            task.loss_metric
        ]
        for one in (alone, together)
    )
    assert theirs == pytest.approx(ours, rel=0.1)
    assert min(metrics[task.loss_metric] for metrics in seen) == pytest.approx(theirs, rel=1e-4)
    export.export_onnx(together, inputs, tmp_path / "model.onnx", {}, task)
    assert (
        export.check_parity(together, inputs, tmp_path / "model.onnx", X, task) < export.TOLERANCE
    )


def test_jobs_raise_when_cluster_lacks_required_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ALONE", 0.5)
    told = "Spark needs 3 cores, and its cluster had fewer for 0.5 seconds"
    with pytest.raises(session.ClusterError, match=told) as caught, session.watch_jobs(3):
        session.open_session().range(10**12).selectExpr("sum(id % 7)").collect()
    assert caught.value.hint == "start workers, then run the command again"
