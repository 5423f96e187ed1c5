"""What must hold of every project: its tests call these functions.

Each raises `AssertionError` that says what does not hold. All of them run at the root of the
project, and those with a `folder` write only to it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from tarmac.interface.problem import PROJECT, SOURCE, problem
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.policy import load_all_params
from tarmac.repository.dvc import commands
from tarmac.review.look_ahead import change_future, compare_decided_rows
from tarmac.review.rebuild import FEATURIZING, find_first_test_month
from tarmac.review.result_folder import load_working_tree_result
from tarmac.review.verdict import evaluate_behaviours
from tarmac.serving.bundle import CARD, MODEL, ONLINE, RELEASE, Bundle
from tarmac.serving.form import FORM
from tarmac.testing import pipeline_file, stage_deps

ROOT = Path()
COPIED = (paths.PARAMS, Path(PROJECT), Path(SOURCE), Path("requirements"), Path("vendor"))
SEED = "5eed" * 10  # stands for a commit: draws the instant or the order of the other future
ROWS = 500  # that are predicted from requests
SAME = 1e-6  # of a prediction's size, between two ways to the same inputs


def check_stage_dependencies() -> None:
    """Check that each stage declares the code that it imports, and no other."""
    faults = stage_deps.list_faults(ROOT)
    assert not faults, "\n".join(faults)


def check_result_is_reproducible(folder: Path) -> None:
    """Run every stage in a copy, and check that each output has the bytes that `dvc.lock` names."""
    copy_inputs(folder)
    run_stages(folder, pipeline_file.stages(ROOT))
    different = [
        path
        for path, oid in commands.read_output_hashes().items()
        if path != str(paths.RAW) and compute_dvc_hash(folder / path) != oid
    ]
    assert not different, f"a second run gave other bytes: {', '.join(different)}"


def check_features_ignore_the_future(folder: Path) -> None:
    """Make the features with another future, and check that those of decided rows are the same.

    The future is what becomes known after a prediction: without time, the labels.
    """
    params = load_all_params()
    head = load_working_tree_result(SEED)
    copy_inputs(folder)
    first = find_first_test_month(params.split)
    cut = change_future(head, folder, first)
    run_stages(folder, FEATURIZING)
    changed, rows = compare_decided_rows(head, folder, params.problem, cut, first)
    assert rows, "no row was decided on before the other future began"
    assert not changed, f"these features know the future: {', '.join(changed)}"


def check_service_predicts_the_same(folder: Path) -> None:
    """Predict test rows from what a client sends, and compare with the pipeline's predictions."""
    bundle = Bundle(_build_bundle(folder))
    stored = pd.read_parquet(paths.PREDICTIONS).head(ROWS)
    inputs = bundle.build_inputs([problem.request.Row(**row) for row in _list_requests(stored)])
    predicted = pd.DataFrame(FORM.to_stored_columns(bundle.score(inputs)))
    for name in problem.contract.ANSWERS:
        np.testing.assert_allclose(
            predicted[name], stored[name], rtol=SAME, atol=SAME, err_msg=name
        )


def check_behavior() -> None:
    """Check that the model behaves as `evaluation/behaviour.py` says."""
    table = pd.read_csv(paths.TABLES / "behaviour.csv")
    checks = evaluate_behaviours(table, load_all_params().review.behaviour)
    failed = [f"{check.name}: {check.reason}" for check in checks if check.outcome == "fail"]
    assert not failed, "\n".join(failed)


def copy_inputs(folder: Path) -> None:
    """Copy what stages read and a person writes into a folder: code, parameters, raw data."""
    for name in (*COPIED, paths.RAW):
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def run_stages(folder: Path, names: Iterable[str]) -> None:
    """Run stages in a copy, in this order. Raise `AssertionError` with the output if one fails."""
    environment = {**os.environ, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    for name in names:
        command = [sys.executable, "-m", f"tarmac.pipeline.{name}.stage"]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"stage {name} failed:\n{done.stdout}{done.stderr}"


def _build_bundle(folder: Path) -> Path:
    """Return a folder with links to the result in the working tree, as the service reads it."""
    parts = {MODEL: paths.MODEL, CARD: paths.CARD, ONLINE: paths.ONLINE}
    for name, path in parts.items():
        (folder / name).symlink_to(path.resolve())
    (folder / RELEASE).write_text(json.dumps({"version": "workspace"}), encoding="utf-8")
    return folder


def _list_requests(stored: pd.DataFrame) -> list[dict[str, object]]:
    """Return the requests of the rows that some predictions are of."""
    key = list(problem.contract.KEY)
    files = sorted((paths.PREPARED / problem.contract.TABLES[0]).glob("*.parquet"))
    rows = pd.concat([pd.read_parquet(file) for file in files])
    rows = stored[key].merge(rows, on=key, how="left", validate="one_to_one")
    known = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return [problem.request.asked(row) for row in known]
