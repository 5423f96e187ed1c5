"""Several machines work on one study, and one machine disappears.

Their clones share a real PostgreSQL database.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from tarmac.sweep.slots import select_effective_trials
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC, follow, started
from tests.postgres import postgres

STORAGE = "TARMAC_SWEEP_STORAGE"
SPACE = {
    "train.xgboost.learning_rate": {"low": 0.05, "high": 0.5},
    "train.xgboost.subsample": {"low": 0.5, "high": 1.0},
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres() as address:
        yield address.replace("postgresql+psycopg://", "postgresql://")


def machine(template: Workspace, target: Path) -> Workspace:
    """A clone with the outputs, as a colleague makes it."""
    shutil.copytree(template.path, target, symlinks=True)
    return Workspace(target)


@pytest.fixture(scope="module")
def committed(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = machine(finished_template, tmp_path_factory.mktemp("committed") / "repository")

    def searching(params: dict) -> None:
        params["sweep"].update(space=SPACE, sampler="random")
        params["train"].update(
            features=["schedule", "weather"], max_rounds=60, early_stopping_rounds=60
        )

    workspace.set_params(searching)
    workspace.dvc("repro", "--quiet")
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", "space")
    return workspace


def command(name: str, trials: int) -> list[str]:
    return [*TARMAC, "sweep", "--trials", str(trials), "--jobs", "2", "--top", "0", "--study", name]


def ended(url: str, name: str) -> list[optuna.trial.FrozenTrial]:
    address = url.replace("postgresql://", "postgresql+psycopg://")
    return select_effective_trials(optuna.load_study(study_name=name, storage=address).get_trials())


def one_each(trials: list[optuna.trial.FrozenTrial]) -> bool:
    """Whether every trial has come to its end, and none has run the parameters of another."""
    values = {json.dumps(trial.user_attrs["params"], sort_keys=True) for trial in trials}
    return {trial.state.name for trial in trials} == {"COMPLETE"} and len(values) == len(trials)


def by_machine(trials: list[optuna.trial.FrozenTrial]) -> dict[str, int]:
    """Trials by the sweep that ran them."""
    found = [trial.user_attrs["worker"].rpartition("-")[0] for trial in trials]
    return {name: found.count(name) for name in found}


def test_two_machines_run_every_trial_exactly_once(committed, tmp_path, url, monkeypatch):
    """Both start at the same moment, with no table in the database yet."""
    monkeypatch.setenv(STORAGE, url)
    sides = [machine(committed, tmp_path / name / "repository") for name in ("a", "b")]
    with (
        started(sides[0], *command("both", 16)) as one,
        started(sides[1], *command("both", 16)) as other,
    ):
        printed = [process.communicate(timeout=300)[0] for process in (one, other)]
        assert [one.returncode, other.returncode] == [0, 0], printed
    trials = ended(url, "both")
    assert len(trials) == 16
    assert one_each(trials)
    assert len(by_machine(trials)) == 2, "one machine had nothing to do"


def test_trials_of_killed_machine_are_run_by_the_other(committed, tmp_path, url, monkeypatch):
    """The plug of one is pulled: all its processes at once, and nobody there to say so."""
    monkeypatch.setenv(STORAGE, url)
    sides = [machine(committed, tmp_path / name / "repository") for name in ("a", "b")]
    with (
        started(sides[0], *command("plug", 24)) as gone,
        started(sides[1], *command("plug", 24)) as stays,
    ):
        follow(gone, lambda _, line: re.match(r"sweep  [3-9] of 24", line) is not None)
        for process in [gone.pid, *of_folder(sides[0].path)]:
            os.kill(process, signal.SIGKILL)
        printed = stays.communicate(timeout=300)[0]
        assert stays.returncode == 0, printed
    trials = ended(url, "plug")
    assert len(trials) == 24
    assert one_each(trials)
    assert any("retry_history" in trial.system_attrs for trial in trials), (
        "no trial was running when it went away"
    )


def of_folder(folder: Path) -> list[int]:
    """Workers of a clone."""
    found = subprocess.run(
        ["pgrep", "-f", "tarmac.sweep.worker"], check=False, capture_output=True, text=True
    )
    return [
        int(number)
        for number in found.stdout.split()
        if Path(f"/proc/{number}/cwd").resolve() == folder
    ]


def test_sweep_rejects_other_commit_and_restores_damaged_data(committed, tmp_path, url):
    here, other = (machine(committed, tmp_path / name / "repository") for name in ("a", "b"))
    env = {**FROM_SOURCE, STORAGE: url}
    here.run(*command("same", 1), env=env)
    other.run("git", "commit", "--quiet", "--allow-empty", "--message", "mine")
    refused = other.run(*command("same", 2), check=False, env=env)
    assert refused.returncode == 1
    assert "commit: " in refused.stderr
    assert (
        "error: the study 'same' was started with another commit, data or settings"
        in refused.stderr
    )
    assert url.split(":")[2].split("@")[0] not in refused.stderr + refused.stdout, "the password"
    other.run("git", "reset", "--quiet", "--hard", "HEAD~1")
    month = next((other.path / "data/features").glob("*.parquet"))
    whole = month.read_bytes()
    month.chmod(0o644)
    month.write_bytes(whole + b"more")
    other.run(*command("same", 2), env=env)
    assert month.read_bytes() == whole
    assert len(ended(url, "same")) == 2
