"""Broken input stops a stage with a one-line error.

The stage leaves no output that DVC would accept as a result.
"""

import pyarrow as pa
import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tests.conftest import Workspace
from tests.e2e import damage
from tests.e2e.running import leftovers, results

FLIGHTS, WEATHER, FEATURES = (
    "data/raw/flights/2013-10.parquet",
    "data/raw/weather/2013-10.parquet",
    "data/features",
)
PREPARED, MODEL, LAST = (
    "data/prepared/flights/2013-10.parquet",
    "models/model.onnx",
    "data/raw/flights/2013-12.parquet",
)
TOO_DIRTY = damage.every(20, "sched_dep_time", 2375)  # no clock shows it: 5 % of the rows
SHARE = "max_quarantine_share"
AGAIN = "hint: delete it and fetch it again"
FETCH = "hint: fetch it with `make pull`, or make it with `dvc repro`"
FETCH_ALL = "hint: fetch them with `make pull`"


def broken(name: str, stage: str, path: str, how: object, *told: str):
    return pytest.param(stage, path, how, told or (path,), id=name)


RAW = [
    broken("a file cut short", "prepare", FLIGHTS, damage.truncate, FLIGHTS, AGAIN),
    broken("no Parquet between its marks", "prepare", FLIGHTS, damage.fake, FLIGHTS, AGAIN),
    broken("a file that expands", "prepare", FLIGHTS, damage.expand, FLIGHTS, "2.5 GB in memory"),
    broken("a lookup cut short", "prepare", "data/raw/planes.parquet", damage.truncate),
    broken(
        "a month missing in the middle",
        "prepare",
        FLIGHTS,
        damage.remove,
        "data/raw/flights",
        "2013-10",
    ),
    broken(
        "months that differ",
        "prepare",
        LAST,
        damage.remove,
        "data/raw/weather",
        "2013-12",
        "2013-11",
    ),
    broken(
        "a file that is no month",
        "prepare",
        FLIGHTS,
        damage.copy_to("copy.parquet"),
        "data/raw/flights/copy",
    ),
    broken(
        "a month twice",
        "prepare",
        FLIGHTS,
        damage.copy_to("2013-10 (1).parquet"),
        "flights/2013-10 (1)",
    ),
    broken(
        "a column renamed",
        "prepare",
        FLIGHTS,
        damage.rename("dep_time"),
        FLIGHTS,
        "'dep_time' is missing",
    ),
    broken(
        "a column of text",
        "prepare",
        FLIGHTS,
        damage.retype("dep_time", pa.string()),
        FLIGHTS,
        "'dep_time' is",
    ),
    broken(
        "a column of reals",
        "prepare",
        WEATHER,
        damage.retype("wind_dir", pa.float64()),
        WEATHER,
        "int16",
    ),
    broken(
        "a month without rows", "prepare", FLIGHTS, damage.no_rows, FLIGHTS, "hint: ingest it again"
    ),
    broken(
        "a month too dirty",
        "prepare",
        FLIGHTS,
        TOO_DIRTY,
        FLIGHTS,
        SHARE,
        "sched_dep_time: clock_time (190 rows)",
    ),
    broken("an empty folder", "prepare", "data/raw", damage.empty_folder, "data/raw", FETCH_ALL),
    broken(
        "another month's rows",
        "prepare",
        LAST,
        damage.copy_to("2013-10.parquet"),
        FLIGHTS,
        "month: of_file",
    ),
]
LATER = [
    broken("a prepared month cut short", "featurize", PREPARED, damage.truncate),
    broken("a prepared month that is no Parquet", "featurize", PREPARED, damage.fake),
    broken(
        "a prepared month missing",
        "featurize",
        PREPARED,
        damage.remove,
        "data/prepared/flights",
        "2013-10",
    ),
    broken("a feature table cut short", "train", f"{FEATURES}/2013-10.parquet", damage.truncate),
    broken("a feature missing", "train", f"{FEATURES}/2013-10.parquet", damage.rename("temp")),
    broken(
        "test features that are no Parquet", "evaluate", f"{FEATURES}/2013-12.parquet", damage.fake
    ),
    broken("no model", "evaluate", MODEL, damage.remove, MODEL, FETCH),
    broken("a model that is a text", "evaluate", MODEL, damage.garbage),
    broken("a model cut short", "evaluate", MODEL, damage.truncate),
    broken(
        "a model of another program",
        "evaluate",
        MODEL,
        damage.foreign_model,
        MODEL,
        "Tarmac did not export it",
    ),
]
PARAMS = [
    broken(
        "a share above one",
        "prepare",
        "params.yaml",
        damage.replace_text(f"{SHARE}: 0.01", f"{SHARE}: 3"),
    ),
    broken(
        "an unknown model",
        "train",
        "params.yaml",
        damage.replace_text("model: xgboost", "model: forest"),
    ),
    broken("no YAML", "evaluate", "params.yaml", damage.replace_text("\nevaluate:", "\nevaluate")),
]


def one_line(text: str, start: str) -> str:
    """The only error that a stage wrote to stderr."""
    lines = [line for line in text.splitlines() if not line.startswith("hint: ")]
    assert len(lines) == 1, text
    assert lines[0].startswith(start)
    return lines[0]


@pytest.mark.parametrize(("stage", "path", "how", "told"), [*RAW, *LATER, *PARAMS])
def test_broken_input_stops_stage_and_leaves_outputs_unchanged(finished, stage, path, how, told):
    lock = (finished.path / "dvc.lock").read_bytes()
    how(finished.path / path)
    done = finished.stage(stage, check=False)
    assert done.returncode == 1
    line = one_line(done.stderr, "error: ")
    assert [
        words for words in told if words not in (done.stderr if "hint: " in words else line)
    ] == []
    assert "Error(" not in line, "what follows from the cause is told as well"
    assert (finished.path / "dvc.lock").read_bytes() == lock
    assert {
        name: compute_dvc_hash(finished.path / name) for name in results(finished, stage)
    } == results(finished, stage)
    assert not leftovers(finished)
    assert finished.dvc("status", "--quiet", stage, check=False).returncode == 1


THROUGH_DVC = [
    broken("raw data too dirty", "prepare", FLIGHTS, TOO_DIRTY, FLIGHTS, "clock_time"),
    broken("raw data cut short", "prepare", FLIGHTS, damage.truncate, FLIGHTS, AGAIN),
    broken(
        "an impossible parameter",
        "evaluate",
        "params.yaml",
        damage.replace_text("calibration_bins: ", "bins: "),
    ),
]


@pytest.mark.parametrize(("stage", "path", "how", "told"), THROUGH_DVC)
def test_failed_run_succeeds_once_input_is_restored(finished, stage, path, how, told):
    lock, before = (finished.path / "dvc.lock").read_bytes(), (finished.path / path).read_bytes()
    how(finished.path / path)
    done = finished.dvc("repro", check=False)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert said, done.stderr
    assert all(words in (done.stderr if "hint: " in words else said[0]) for words in told)
    assert "Traceback" not in done.stderr
    assert (finished.path / "dvc.lock").read_bytes() == lock
    assert finished.dvc("status", "--quiet", check=False).returncode == 1
    (finished.path / path).write_bytes(before)
    assert_same_again(finished, lock)


@pytest.mark.parametrize("path", [PREPARED, f"{FEATURES}/2013-10.parquet", MODEL])
def test_run_restores_damaged_output(finished, path):
    lock = (finished.path / "dvc.lock").read_bytes()
    damage.truncate(finished.path / path)
    assert_same_again(finished, lock)


def assert_same_again(workspace: Workspace, lock: bytes) -> None:
    """A run ends with the lock, and with every tracked file as committed."""
    workspace.dvc("repro")
    assert (workspace.path / "dvc.lock").read_bytes() == lock
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0
    assert workspace.run("git", "status", "--porcelain").stdout == ""
