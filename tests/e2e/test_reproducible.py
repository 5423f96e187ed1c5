"""The same commit gives the same bytes on any machine.

This holds with any number of threads, and by any command.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands
from tests.conftest import Workspace
from tests.e2e.running import (
    DVC,
    FROM_SOURCE,
    STAGES,
    TARMAC,
    delete_results,
    follow,
    forget,
    line_of,
    results,
    started,
)

SHOWN = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error")
ONE_CORE = (
    ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))) if shutil.which("taskset") else ()
)
ELSEWHERE = {
    "LC_ALL": "C",
    "LANG": "C",
    "TZ": "Asia/Tokyo",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
}
OTHERWISE = {
    "LC_ALL": "de_DE.UTF-8",
    "LANG": "de_DE.UTF-8",
    "TZ": "America/St_Johns",
    "PYTHONHASHSEED": "12345",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
}
# A machine with another number of cores: DuckDB counts them itself, no variable tells it.
WITH_THREADS = """
import runpy, sys, ibis
connect, threads = ibis.duckdb.connect, int(sys.argv[2])
ibis.duckdb.connect = lambda *arguments: connect(*arguments, threads=threads)
runpy.run_module(f"tarmac.pipeline.{sys.argv[1]}.stage", run_name="__main__", alter_sys=True)
"""


def clone(origin: Workspace, target: Path) -> Workspace:
    """What a colleague has after `git clone`: no data, no cache."""
    origin.run("git", "clone", "--quiet", "--no-hardlinks", ".", str(target))
    assert not any((target / name).exists() for name in ("data/raw", "data/features", ".dvc/cache"))
    return Workspace(target)


def tarmac(workspace: Workspace, command: str) -> subprocess.CompletedProcess[str]:
    """Run the `tarmac` command with the workspace's own code."""
    return workspace.run(*TARMAC, command, check=False, env=FROM_SOURCE)


def stages_run(text: str) -> list[str]:
    return re.findall(r"^Running stage '(\w+)':", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("prefix", "env"), [(ONE_CORE, ELSEWHERE), ((), OTHERWISE)], ids=["one core", "two threads"]
)
def test_result_is_independent_of_folder_threads_and_locale(
    finished_template: Workspace, tmp_path: Path, prefix: Sequence[str], env: Mapping[str, str]
):
    workspace = clone(finished_template, tmp_path / "another place")
    workspace.dvc("pull", "--quiet", "data/raw.dvc")
    (workspace.path / "dvc.lock").unlink()
    shutil.rmtree(workspace.path / "metrics")
    done = workspace.run(*prefix, *DVC, "repro", env=env)
    assert stages_run(done.stdout) == list(STAGES)
    assert (workspace.path / "dvc.lock").read_bytes() == (
        finished_template.path / "dvc.lock"
    ).read_bytes()
    assert workspace.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize("threads", [1, 5])
@pytest.mark.parametrize("stage", ["prepare", "featurize"])
def test_tables_are_independent_of_number_of_cores(finished, stage, threads):
    wanted = results(finished, stage)
    delete_results(finished, stage)
    finished.run(sys.executable, "-c", WITH_THREADS, stage, str(threads), env=FROM_SOURCE)
    assert {path: compute_dvc_hash(finished.path / path) for path in wanted} == wanted


def test_reproduce_confirms_committed_result(finished):
    done = tarmac(finished, "reproduce")
    assert done.returncode == 0, done.stderr
    assert stages_run(done.stdout) == list(STAGES)
    identical = dict(
        line.split()[1:] for line in done.stdout.splitlines() if line.startswith("  identical  ")
    )
    assert identical == {
        path: known for stage in STAGES for path, known in results(finished, stage).items()
    }
    assert done.stdout.splitlines()[-1].startswith("reproduced bit for bit")


def test_reproduce_rejects_changed_hash_and_outdated_result(finished):
    lock = finished.path / "dvc.lock"
    lock.write_text(
        lock.read_text().replace(results(finished, "featurize")["data/features"], f"{'f' * 32}.dir")
    )
    finished.set_params(lambda params: params["evaluate"].update(threshold_beta=2))
    finished.run("git", "commit", "--quiet", "--all", "--message", "a result that no run gives")
    done = tarmac(finished, "reproduce")
    assert done.returncode == 1
    differs = {
        line.split()[1] for line in done.stdout.splitlines() if line.startswith("  differs    ")
    }
    assert differs >= {
        "data/features",
        "metrics/tables",
        "metrics/evaluate/metrics.json",
        "dvc.lock",
    }
    assert not differs & {"data/prepared", "models/model.onnx", "models/baseline.onnx"}
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith("error: the rebuild differs from HEAD: data/features, ")
    assert hint.startswith("hint: ")


def test_training_result_of_earlier_parameters_is_restored(finished):
    names = [name for name in results(finished, "train") if name.startswith("metrics/train/plots")]
    assert names
    before = {name: (finished.path / name).read_bytes() for name in ("models/model.onnx", *names)}
    for depth in (2, 6):
        finished.set_params(
            lambda params, depth=depth: params["train"]["xgboost"].update(max_depth=depth)
        )
        done = finished.dvc("repro", "train")
    assert stages_run(done.stdout) == []
    assert {name: (finished.path / name).read_bytes() for name in before} == before


def test_run_in_fresh_clone_runs_stages_exactly_once(finished_template, tmp_path):
    workspace = clone(finished_template, tmp_path / "clone")
    first, second = tarmac(workspace, "run"), tarmac(workspace, "run")
    assert first.returncode == 0, first.stderr
    # Git has brought all that the card is made of, and the card.
    made = [stage for stage in STAGES if stage != "card"]
    assert stages_run(first.stdout) == made
    assert first.stdout.splitlines()[-1] == f"ran {', '.join(made)}: reproduced bit for bit"
    table = re.findall(r"^(\w+) +(0\.\d{6}) +(0\.\d{6}) +\+0\.000000$", first.stdout, re.MULTILINE)
    assert [name for name, committed, now in table if committed == now] == list(SHOWN)
    assert second.returncode == 0, second.stderr
    assert stages_run(second.stdout) == []
    assert (
        second.stdout.splitlines()[-1]
        == "nothing to run, all stages are up to date: the same as committed"
    )


@pytest.mark.parametrize("stage", ["prepare", "train"])
def test_run_completes_after_interruption(finished, stage):
    forget(finished, stage)
    with started(finished, *TARMAC, "run") as process:
        follow(process, line_of(stage))
        os.killpg(process.pid, signal.SIGINT)
        said = process.stdout.read()
        assert process.wait() not in (0, -signal.SIGKILL), said
    done = tarmac(finished, "run")
    assert done.returncode == 0, done.stderr
    assert stages_run(done.stdout) == [stage]
    assert done.stdout.splitlines()[-1] == f"ran {stage}: reproduced bit for bit"


@pytest.mark.parametrize(
    "command", [(*TARMAC, "pull"), (*DVC, "pull")], ids=["tarmac pull", "dvc pull"]
)
def test_pull_in_fresh_clone_restores_every_output(finished_template, tmp_path, command):
    workspace = clone(finished_template, tmp_path / "clone")
    done = workspace.run(*command, env=FROM_SOURCE)
    assert stages_run(done.stdout) == []
    wanted = commands.read_output_hashes(workspace.path)
    assert set(wanted) > {"data/raw", "data/predictions.parquet", "models/model.onnx"}
    assert {path: compute_dvc_hash(workspace.path / path) for path in wanted} == wanted
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0
    assert workspace.run("git", "status", "--porcelain").stdout == ""
