"""A sweep by one command on the small workspace completes and is certified.

It is also stopped, killed and resumed.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import optuna
import pytest

from tarmac.sweep.slots import select_effective_trials
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC, follow, kill, started
from tests.waiting import wait_for

SPACE = {
    "train.xgboost.max_depth": {"low": 2, "high": 8},
    "train.xgboost.learning_rate": {"low": 0.05, "high": 0.5, "log": True},
    "train.xgboost.subsample": {"choices": [0.5, 0.8, 1.0]},
}


def searching(params: dict) -> None:
    params["sweep"]["space"] = SPACE
    params["train"]["features"] = ["schedule", "weather"]


@pytest.fixture(scope="module")
def template(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a small search space, and its result. Copy it, do not change it."""
    target = tmp_path_factory.mktemp("sweep") / "repository"
    shutil.copytree(finished_template.path, target, symlinks=True)
    workspace = Workspace(target)
    workspace.set_params(searching)
    workspace.dvc("repro", "--quiet")
    commit(workspace, "space")
    return workspace


@pytest.fixture
def workspace(template: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(template.path, tmp_path / "repository", symlinks=True)
    return Workspace(tmp_path / "repository")


def commit(workspace: Workspace, message: str) -> None:
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", message)


def sweep(
    workspace: Workspace, trials: int, *options: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = workspace.run(
        *TARMAC, "sweep", "--trials", str(trials), *options, check=check, env=FROM_SOURCE
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def trials(workspace: Workspace, name: str = "sweep") -> list[optuna.trial.FrozenTrial]:
    """The trials that count, as the storage has them."""
    storage = f"sqlite:///{workspace.path}/.dvc/tmp/tarmac/sweep.db"
    return select_effective_trials(optuna.load_study(study_name=name, storage=storage).get_trials())


def drawn(workspace: Workspace, name: str = "sweep") -> list[tuple[dict, float]]:
    """Parameters and value of every trial, in the order of their places."""
    found = sorted(
        trials(workspace, name),
        key=lambda trial: trial.system_attrs.get("retry_history", [trial.number])[0],
    )
    return [(trial.user_attrs["params"], trial.value) for trial in found]


def trained(workspace: Workspace) -> Mapping[str, float]:
    return json.loads((workspace.path / "metrics/train/metrics.json").read_text())["validation"]


def test_best_trial_is_reproduced_by_pipeline_on_branch(workspace):
    done = sweep(workspace, 6, "--jobs", "2", "--top", "2")
    found = sorted(trials(workspace), key=lambda trial: trial.value)
    assert [trial.state.name for trial in found] == ["COMPLETE"] * 6
    assert trained(workspace) == found[0].user_attrs["metrics"]
    assert trained(workspace)["log_loss"] == found[0].value
    names = [f"sweep-{trial.number}" for trial in found[:2]]
    listed = workspace.dvc("exp", "list", "--name-only").stdout.split()
    assert set(names) <= set(listed)
    assert [name for name in names if f"certified: {name}, " in done.stdout] == names
    tree = workspace.params["train"]["xgboost"]
    assert all(
        tree[key.split(".")[-1]] == value for key, value in found[0].user_attrs["params"].items()
    )
    assert workspace.dvc("status").stdout.strip() == "Data and pipelines are up to date."
    assert workspace.run("git", "rev-parse", "--abbrev-ref", "HEAD").stdout == "main\n"
    again = sweep(workspace, 6, "--top", "2")
    assert "Running stage" not in again.stdout
    assert trained(workspace) == found[0].user_attrs["metrics"]


def test_same_seed_gives_same_trials(workspace):
    sweep(workspace, 5, "--top", "0", "--study", "one")
    sweep(workspace, 5, "--top", "0", "--study", "two")
    assert drawn(workspace, "one") == drawn(workspace, "two")


def test_stopped_sweep_resumes_with_identical_trials(workspace):
    """Sixteen trials: the sampler chooses by what it has seen from the eleventh on."""
    with started(
        workspace, *TARMAC, "sweep", "--trials", "16", "--top", "0", "--study", "cut"
    ) as process:
        follow(process, progress)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 130, rest
    kept = re.search(r"stopped: (\d+) of 16 trials are kept; the same command goes on", rest)
    assert kept
    assert 1 <= int(kept[1]) < 16
    assert "Traceback" not in rest
    assert workers(workspace) == []
    sweep(workspace, 16, "--top", "0", "--study", "cut")
    sweep(workspace, 16, "--top", "0", "--study", "whole")
    assert drawn(workspace, "cut") == drawn(workspace, "whole")


def progress(_: int, line: str) -> bool:
    """Whether a line says that at least one trial has ended, and not the last one."""
    return re.match(r"sweep  [1-9]\d* of \d+ .* left", line) is not None


def workers(workspace: Workspace) -> list[int]:
    """Processes that work in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "cwd").resolve() == workspace.path
            if here and b"tarmac.sweep.worker" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_every_trial_runs_once_despite_killed_worker(workspace):
    with started(
        workspace, *TARMAC, "sweep", "--trials", "16", "--jobs", "2", "--top", "0"
    ) as process:
        follow(process, progress)
        os.kill(workers(workspace)[0], signal.SIGKILL)
        rest = process.stdout.read()
        assert process.wait(120) == 0, rest
    assert [trial.state.name for trial in trials(workspace)] == ["COMPLETE"] * 16
    assert len({json.dumps(values) for values, _ in drawn(workspace)}) == 16


def test_workers_end_after_sweep_is_killed(workspace):
    with started(
        workspace, *TARMAC, "sweep", "--trials", "500", "--jobs", "2", "--top", "0"
    ) as process:
        follow(process, progress)
        kill(process)
    wait_for(lambda: not workers(workspace), "the workers end")
    done = len([trial for trial in trials(workspace) if trial.state.is_finished()])
    sweep(workspace, done + 2, "--top", "0")
    assert [trial.state.name for trial in trials(workspace)][: done + 2].count(
        "COMPLETE"
    ) == done + 2


def test_worker_ends_if_its_sweep_is_already_gone(workspace):
    sweep(workspace, 1, "--top", "0")
    arguments = ("sweep", "500", "late", "1")  # as if process 1 had started it
    done = workspace.run(
        sys.executable, "-m", "tarmac.sweep.worker", *arguments, check=False, env=FROM_SOURCE
    )
    assert done.returncode == 130, done.stderr
    assert {trial.state.name for trial in trials(workspace)} == {"COMPLETE", "WAITING"}


def test_trial_without_heartbeat_is_not_waited_for(workspace):
    sweep(workspace, 1, "--top", "0")
    storage = f"sqlite:///{workspace.path}/.dvc/tmp/tarmac/sweep.db"
    left = optuna.load_study(study_name="sweep", storage=storage).ask().number
    sweep(workspace, 3, "--top", "0")
    assert [trial.state.name for trial in trials(workspace)] == ["COMPLETE"] * 3
    assert left not in {trial.number for trial in trials(workspace)}


def test_failed_trial_is_reported_and_others_continue(workspace):
    workspace.set_params(
        lambda params: params["sweep"]["space"].update(
            {"train.device": {"choices": ["cpu", "cuda"]}}
        )
    )
    done = sweep(workspace, 6)
    states = [trial.state.name for trial in trials(workspace)]
    assert set(states) == {"COMPLETE", "FAIL"}
    assert f"{states.count('FAIL')} failed" in done.stdout
    assert re.search(
        r"trial \d failed: train.device is cuda but XGBoost trained on cpu", done.stdout
    )
    assert "certified: sweep-" in done.stdout


def test_halving_prunes_poor_trials(workspace):
    workspace.set_params(
        lambda params: params["sweep"].update(
            halving={"min_rounds": 5, "factor": 2}, sampler="random"
        )
    )
    sweep(workspace, 10, "--top", "1")
    found = trials(workspace)
    states = [trial.state.name for trial in found]
    assert 2 <= states.count("PRUNED") <= 8
    assert set(states) == {"COMPLETE", "PRUNED"}
    best = min(
        (trial for trial in found if trial.state.name == "COMPLETE"), key=lambda trial: trial.value
    )
    assert trained(workspace) == best.user_attrs["metrics"]


def test_grid_covers_exactly_its_points(workspace):
    space = {
        "train.xgboost.max_depth": {"low": 2, "high": 4},
        "train.xgboost.subsample": {"choices": [0.5, 1.0]},
    }
    workspace.set_params(lambda params: params["sweep"].update(sampler="grid", space=space))
    sweep(workspace, 99, "--jobs", "2", "--top", "0")
    points = sorted(tuple(values.values()) for values, _ in drawn(workspace))
    assert points == [(depth, share) for depth in (2, 3, 4) for share in (0.5, 1.0)]


@pytest.mark.parametrize(
    "name",
    ["src/tarmac/pipeline/models/new.py", "src/tarmac/pipeline/training/estimators.py", "dvc.yaml"],
)
def test_sweep_refuses_uncommitted_source(workspace, name):
    with (workspace.path / name).open("a") as file:
        file.write("# mine\n")
    done = sweep(workspace, 1, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: stages read files that are not committed",
        f"  {name}",
        "hint: commit them, or put them away with `git stash --include-untracked`",
    ]
    assert not (workspace.path / ".dvc/tmp/tarmac/sweep.db").exists()


def test_study_rejects_other_commit_or_settings(workspace):
    sweep(workspace, 1, "--top", "0")
    workspace.set_params(lambda params: params["train"].update(seed=8))
    done = sweep(workspace, 2, "--top", "0", check=False)
    assert done.returncode == 1
    assert "  train.seed: 7 in the study, 8 here" in done.stderr
    commit(workspace, "seed")
    assert "commit: " in sweep(workspace, 2, "--top", "0", check=False).stderr
    assert len(trials(workspace)) == 1


def test_study_is_listed_from_best_to_worst(workspace):
    sweep(workspace, 4, "--top", "0")
    done = workspace.run(*TARMAC, "sweep", "show", env=FROM_SOURCE)
    rows = [line.split() for line in done.stdout.splitlines() if " complete " in line]
    assert [row[2] for row in rows] == [
        f"{value:.6f}" for value in sorted(trial.value for trial in trials(workspace))
    ]
    missing = workspace.run(
        *TARMAC, "sweep", "show", "--study", "none", check=False, env=FROM_SOURCE
    )
    assert "no study 'none'" in missing.stderr
