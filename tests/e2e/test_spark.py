"""Spark matches DuckDB and survives the loss of workers.

It is a real cluster of a master and two workers.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flights.features.rolling import compute_mean
from tarmac.interface.problem import problem
from tarmac.pipeline import engine
from tarmac.pipeline.intervals.sample import Sample
from tarmac.policy import load_all_params
from tests.conftest import ROOT, Workspace
from tests.e2e.running import DVC, started
from tests.postgres import HOST, closed_port
from tests.servers.spark import PATIENCE, Cluster, spark
from tests.tarmac.batch.batches import write
from tests.waiting import wait_for

pytestmark = pytest.mark.java

# One process, so that Java starts once: tables as `dvc.yaml` has them made, and what no stage does.
WORK = """
from pathlib import Path
from tarmac.batch import run, spark
from tarmac.pipeline import engine
from tarmac.pipeline.base.log import configure_logging
from tarmac.pipeline.featurize import stage as featurize
from tarmac.pipeline.prepare import stage as prepare
from tests.e2e.test_spark import means
configure_logging()
means(engine.connect_backend("pyspark"), Path("pairs.parquet"), Path("means"))
for stage in (prepare, featurize):
    stage.main()
print(spark.predict_files(Path("asked"), Path("scores"), run.load_bundle(Path("bundle"))))
"""
LIVE = {"temp": 39.0, "wind_speed": 10.0}
TABLES = ("data/prepared", "data/features")


@dataclass(frozen=True)
class Run:
    """The workspace that Spark made, its output, and DuckDB's workspace.

    Spark made the tables, model and scores.
    """

    spark: Workspace
    duckdb: Workspace
    output: str


def means(backend: engine.Backend, pairs: Path, out: Path) -> None:
    """Every mean that some rows can have, as features round them."""
    shown = engine.show_files(backend, "pairs", [pairs])
    rounded = {
        f"to_{digits}": compute_mean(shown.total, shown.rows, digits=digits) for digits in (1, 2)
    }
    query = engine.compile_query(
        backend, shown.mutate(day=ibis.date("2013-01-01"), **rounded).order_by("rows", "total")
    )
    out.mkdir()
    engine.write_months(backend, query, "day", ["2013-01"], out)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with spark(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="module")
def ran(
    finished_template: Workspace, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Run the pipeline and a batch while workers are lost.

    In featurize a worker is killed and another one comes. In train one more dies.
    """
    workspace = Workspace(tmp_path_factory.mktemp("spark") / "repository")
    shutil.copytree(finished_template.path, workspace.path, symlinks=True)
    workspace.set_params(on_spark)
    ask(workspace)
    write_pairs(workspace.path / "pairs.parquet")
    for made in (*TABLES, "models/model.onnx", "metrics/prepare.json", "data/quarantine.csv"):
        path = workspace.path / made
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    code = {"PYTHONPATH": f"src{os.pathsep}{ROOT}"}
    with started(workspace, "python", "-c", WORK, env={**cluster.environment, **code}) as process:
        tables = kill_during_featurize(workspace, cluster, process) + rest(process)
    workspace.dvc("commit", "--quiet", "--force", "prepare", "featurize")
    with started(workspace, *DVC, "repro", "evaluate", env=cluster.environment) as process:
        model = kill_during_train(cluster, process) + rest(process)
    return Run(workspace, finished_template, tables + model)


def on_spark(params: dict) -> None:
    """Select the cluster, and enough rounds to meet a worker while it fits.

    The best round is kept.
    """
    params["engine"] = "pyspark"
    params["train"].update(max_rounds=120, early_stopping_rounds=120)


def rest(process) -> str:
    """What else a process prints, which ends well."""
    output = process.stdout.read()
    assert process.wait() == 0, output
    return output


def write_pairs(path: Path) -> None:
    """Write all shares of up to 300 rows, and as many sums below zero."""
    pairs = [(total, rows) for rows in range(1, 301) for total in range(-rows, rows + 1)]
    pq.write_table(
        pa.table(dict(zip(("total", "rows"), zip(*pairs, strict=True), strict=True))), path
    )


def kill_during_featurize(workspace: Workspace, cluster: Cluster, process) -> str:
    """Kill a worker that holds parts of the features that others have yet to read."""
    seen = until(process, "featurize compiled")
    begin = time.time()
    wait(process, lambda: cluster.holds("second", begin), "the second worker holds a part")
    cluster.kill("second")
    assert not list((workspace.path / TABLES[1]).glob("*.parquet")), (
        "featurize had ended before the worker was killed"
    )
    cluster.add("third")
    return seen


def kill_during_train(cluster: Cluster, process) -> str:
    """Kill a worker that has joined the others to fit.

    Half of the cores are gone, and no worker replaces them.
    """
    seen = until(process, "train     data")
    wait(process, lambda: cluster.fits("third"), "the third worker fits")
    cluster.kill("third")
    return seen


def until(process, start: str) -> str:
    """What a process prints, up to a line with that start."""
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith(start):
            return "".join(seen)
    raise AssertionError("".join(seen))


def wait(process, there: Callable[[], bool], otherwise: str) -> None:
    """Wait until a condition holds.

    Fail if the process ends before, or if it takes too long.
    """

    def is_there() -> bool:
        if there():
            return True
        assert process.poll() is None, process.stdout.read()
        return False

    wait_for(is_there, otherwise, PATIENCE)


def ask(workspace: Workspace) -> None:
    """Write a bundle, and what a client asks it: a folder of two files, one row of them wrong."""
    bundle = workspace.path / "bundle"
    shutil.copytree(workspace.path / "data" / "online", bundle / "online")
    for name in ("model.onnx", "card.md"):
        shutil.copy(workspace.path / "models" / name, bundle)
    (bundle / "release.json").write_text(json.dumps({"version": "v0.0.1", "commit": "0" * 40}))
    since = json.loads((bundle / "online" / "facts.json").read_text())["since"]
    rows = pq.read_table(
        workspace.path / "data" / "prepared" / "flights" / "2013-12.parquet"
    ).to_pylist()
    rows = [problem.request.asked(row) for row in rows if row["sched_dep"] - 120 >= since][:300]
    rows[7] = {**rows[7], "origin": "BOS"}
    write(rows[:200], workspace.path / "asked" / "a day.parquet")
    write(
        [{**row, "live": LIVE} for row in rows[200:]],
        workspace.path / "asked" / "later" / "b.parquet",
    )


def different(ours: pa.Table, theirs: pa.Table) -> list[str]:
    """Return the columns of another type or with another value.

    Files of Spark do not say which columns contain no null.
    """
    assert ours.column_names == theirs.column_names
    return [
        name
        for name in ours.column_names
        if ours[name].type != theirs[name].type or not ours[name].equals(theirs[name])
    ]


@pytest.mark.parametrize("folder", TABLES)
def test_tables_equal_duckdb_tables_despite_lost_worker(ran: Run, folder: str) -> None:
    names = sorted(
        path.relative_to(ran.duckdb.path) for path in (ran.duckdb.path / folder).rglob("*.parquet")
    )
    assert len(names) >= 4
    assert sorted(
        path.relative_to(ran.spark.path) for path in (ran.spark.path / folder).rglob("*")
    ) == sorted(path.relative_to(ran.duckdb.path) for path in (ran.duckdb.path / folder).rglob("*"))
    for name in names:
        ours, theirs = pq.read_table(ran.duckdb.path / name), pq.read_table(ran.spark.path / name)
        assert different(ours, theirs) == [], name


def test_means_are_rounded_as_in_duckdb(ran: Run, tmp_path: Path) -> None:
    means(engine.connect_backend(), ran.spark.path / "pairs.parquet", tmp_path / "means")
    ours, theirs = (
        pq.read_table(path / "2013-01.parquet")
        for path in (tmp_path / "means", ran.spark.path / "means")
    )
    assert len(ours) > 90_000
    assert different(ours, theirs) == []


def test_quarantine_and_counts_equal_those_of_duckdb(ran: Run) -> None:
    for name in ("data/quarantine.csv", "metrics/prepare.json"):
        assert (ran.spark.path / name).read_bytes() == (ran.duckdb.path / name).read_bytes()


def test_fit_restarts_on_remaining_workers(ran: Run) -> None:
    told = [line for line in ran.output.splitlines() if "another starts" in line]
    assert [line.split(":")[0] for line in told] == [
        "train     the fit on 2 cores failed, another starts"
    ]


def test_output_shows_stage_lines_without_java_messages(ran: Run) -> None:
    stages = ("prepare ", "featurize ", "baseline ", "train ", "evaluate ", "300 rows")
    dvc = ("'data/raw.dvc'", "Stage '", "Running stage", "> ", "Updating lock")
    lines = ran.output.partition("To track the changes")[0].splitlines()
    assert [line for line in lines if line and not line.startswith(stages + dvc)] == []
    assert (ran.spark.path / ".dvc/tmp/tarmac/spark.log").stat().st_size > 0


def test_cluster_model_scores_within_intervals_of_local_model(ran: Run) -> None:
    ours, theirs = (
        pq.read_table(made.path / "data" / "predictions.parquet").to_pandas()
        for made in (ran.duckdb, ran.spark)
    )
    sample = Sample.from_rows(
        ours[problem.contract.TARGET],
        ours[problem.contract.CLUSTER].astype(str),
        load_all_params(ran.duckdb.path / "params.yaml").intervals,
    )
    assert not ours["probability"].equals(theirs["probability"])  # it did fit another one
    for metric in ("roc_auc", "log_loss"):
        estimate = sample.estimate_metric(metric, ours["probability"].to_numpy())
        assert (
            estimate.low
            <= sample.compute_value(metric, theirs["probability"].to_numpy())
            <= estimate.high
        )


def test_batch_scores_equal_those_of_one_machine(ran: Run) -> None:
    assert "300 rows: 299 scored by v0.0.1 into scores, 1 rejected" in ran.output
    ran.spark.run(
        *("python", "-m", "tarmac.batch", "asked", "ours", "--bundle", "bundle"),
        env={"PYTHONPATH": "src"},
    )
    for name, written in {
        "a day.parquet": "a day.parquet",
        "later/b.parquet": "later%2Fb.parquet",
    }.items():
        ours = pq.ParquetFile(ran.spark.path / "ours" / name).read().replace_schema_metadata()
        parts = (ran.spark.path / "scores" / f"file={written}").glob("*.parquet")
        theirs = pa.concat_tables([pq.ParquetFile(part).read() for part in parts]).sort_by("row")
        assert theirs.replace_schema_metadata().equals(ours)
    rejects = "{}.rejects/a day.parquet.csv"
    assert (ran.spark.path / rejects.format("scores")).read_text() == (
        ran.spark.path / rejects.format("ours")
    ).read_text()
    assert (
        json.loads((ran.spark.path / "scores" / "_tarmac.json").read_text())["version"] == "v0.0.1"
    )


def test_unreachable_master_is_reported_in_one_line(finished: Workspace, cluster: Cluster) -> None:
    finished.set_params(lambda params: params.update(engine="pyspark"))
    with closed_port() as port:
        nobody = {**cluster.environment, "MASTER": f"spark://{HOST}:{port}", "PYTHONPATH": "src"}
        done = finished.run(
            "python", "-m", "tarmac.pipeline.featurize.stage", check=False, env=nobody
        )
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert told == [f"error: no Spark master responds at {nobody['MASTER']}"]
    assert "Traceback" not in done.stderr
