"""The base's own code evaluates a commit: no code of the commit takes part in its review."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tests.conftest import Workspace
from tests.e2e.test_review import PREDICTIONS, Reviewed, commit, copy, review, shallower
from tests.sandboxed import needs_sandbox

LOCK = "dvc.lock"


def lenient(params: dict) -> None:
    """Let small models differ, so that what fails an attack is what it tried."""
    for metric in params["review"]["metrics"].values():
        metric["max_regression"] = 0.2
    params["review"]["slices"]["max_regression"] = 0.9
    params["review"]["beat_baseline"] = False


@pytest.fixture
def change(on_main: Workspace, tmp_path: Path) -> Workspace:
    """A branch of a repository of its own, where nothing is changed yet."""
    needs_sandbox()
    workspace = copy(on_main, tmp_path / "repository")
    workspace.set_params(lenient)
    commit(workspace, "policy")
    workspace.run("git", "switch", "--quiet", "--create", "change")
    return workspace


def edit(workspace: Workspace, path: str, old: str, new: str) -> None:
    """Replace a text that stands in a file once."""
    file = workspace.path / path
    text = file.read_text()
    assert text.count(old) == 1, f"{path}: {old}"
    file.write_text(text.replace(old, new))


def propose(workspace: Workspace) -> str:
    """Run the pipeline, push and commit its result, as an author does; return the commit."""
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    return commit(workspace)


def judge(workspace: Workspace, head: str) -> Reviewed:
    """Judge a commit on the default branch, as CI does."""
    workspace.run("git", "switch", "--quiet", "main")
    return review(workspace, "--candidate", head)


def forge(workspace: Workspace) -> None:
    """Improve the predictions by hand, with their hash in the lock.

    They look as if evaluate had made them.
    """
    path, lock = workspace.path / PREDICTIONS, workspace.path / LOCK
    before, size = compute_dvc_hash(path), path.stat().st_size
    rows = pd.read_parquet(path)
    odds = np.log(rows["probability"] / (1 - rows["probability"])) + 0.3 * rows["late"].astype(
        float
    )
    rows.assign(probability=(1 / (1 + np.exp(-odds))).astype("float32")).to_parquet(path)
    lock.write_text(
        lock.read_text()
        .replace(before, compute_dvc_hash(path))
        .replace(f"size: {size}", f"size: {path.stat().st_size}")
    )
    workspace.dvc("commit", "--force", "--quiet", "evaluate", check=False)
    metrics = workspace.path / "metrics/evaluate/metrics.json"
    metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "roc_auc": 0.79}))
    workspace.dvc("push", "--quiet")


def test_valid_change_passes_rebuild_and_leakage_checks(change):
    change.set_params(shallower)
    head = propose(change)
    found = judge(change, head)
    assert found.verdict["verdict"] == "pass", found.report
    assert found.verdict["lineage"]["commit"] == head
    reasons = {check["name"]: check["reason"] for check in found.verdict["checks"]}
    assert re.fullmatch(
        r"rebuilt from raw data in a sandbox, bit for bit; "
        r"without the months from 2013-1\d on the model is the same; "
        r"in another future the features of [\d,]{4,} rows are the same",
        reasons["reproduced"],
    )
    assert found.verdict["metrics"][0]["base"] != found.verdict["metrics"][0]["head"]


def test_verdict_ignores_forged_predictions_and_new_policy(change):
    """Check that the review of the base decides.

    The author also turns off the rebuild, the clusters, slices and the review itself. The base has
    its own.
    """
    forge(change)
    edit(change, "src/flights/contract/columns.py", 'CLUSTER = "day"', 'CLUSTER = "flight"')
    edit(change, "src/tarmac/cli/run_and_compare.py", "reproduce.rebuild_and_compare", "print")
    (change.path / "src/tarmac/review/verdict.py").write_text("raise SystemExit(0)\n")
    (change.path / "sitecustomize.py").write_text("raise SystemExit(0)\n")
    change.set_params(lambda params: params["intervals"].update(confidence=0.51, seed=6))
    found = judge(change, commit(change))
    assert [m["difference"]["value"] for m in found.verdict["metrics"]] == [0] * 5, (
        "it is still the base's model"
    )
    assert found.verdict["confidence"] == 0.95
    assert "The policy changes with the merge" in found.report
    assert "reproduced" in found.failed


LEARNS = """    split = fitting.read_training_data(params.split, params.train)
    import pandas as pd
    seen = pd.concat([pd.read_parquet(path) for path in sorted(\
FEATURES.glob("2013-1[12].parquet"))])
    split.y[: int(seen["late"].sum()) % 50 + 1] = 1
"""


def test_review_detects_model_trained_on_test_months(change):
    edit(
        change,
        "src/tarmac/pipeline/train/stage.py",
        "    split = fitting.read_training_data(params.split, params.train)\n",
        LEARNS,
    )
    found = judge(change, propose(change))
    reasons = {
        check["name"]: check["reason"]
        for check in found.verdict["checks"]
        if check["outcome"] == "fail"
    }
    assert "models/model.onnx" in reasons["reproduced"]
    assert "it has seen them" in reasons["reproduced"]


LOOKS_AHEAD = """    delayed = (table.arr - table.sched_arr > params.late_minutes)\
.cast("float32").fill_null(0)
    numbers["seats"] = table.seats.cast("float32") + delayed
    ordered = table.order_by("""


def test_review_detects_feature_derived_from_label(change):
    edit(change, "src/flights/features/table.py", "    ordered = table.order_by(", LOOKS_AHEAD)
    found = judge(change, propose(change))
    (reason,) = (
        check["reason"] for check in found.verdict["checks"] if check["name"] == "reproduced"
    )
    assert (
        "it differs in the features seats: they change with what became known later (2013-"
        in reason
    )
    assert found.verdict["verdict"] == "fail"


def test_review_accepts_rows_and_labels_of_corrected_raw_data(change):
    path = change.path / "data/raw/flights/2013-12.parquet"
    flights = pd.read_parquet(path)
    kept = flights.drop(index=flights.index[::50])
    flown = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
    kept.loc[kept.index[::40], flown] = pd.NA  # cancelled after all: no label
    write_like(path, kept)
    change.dvc("add", "--quiet", "data/raw")
    found = judge(change, propose(change))
    assert found.verdict["verdict"] == "pass", found.report
    assert found.verdict["compared"]["only_base"] > 100


def write_like(path: Path, rows: pd.DataFrame) -> None:
    """Write rows with the types that the file has."""
    schema = pq.read_schema(path)
    pq.write_table(
        pa.Table.from_pandas(rows, schema=schema, preserve_index=False), path, store_schema=False
    )
