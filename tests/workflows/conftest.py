"""Provide the fixtures of the rehearsal.

They are a team's repository with a policy that its small model meets, on the fake of GitHub.
"""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Workspace, copy_repository, once
from tests.workflows.github import GitHub, serving
from tests.workflows.rehearsal import SLUG, TOKEN, Rehearsal

FEATURES = ["schedule", "weather", "aircraft", "traffic", "history", "operations"]
WIDE = {  # bounds and regression: only a model that has learned next to nothing is beyond them
    "roc_auc": ("higher", 0.5, 0.3),
    "average_precision": ("higher", 0.1, 0.3),
    "log_loss": ("lower", 1.0, 0.05),
    "brier": ("lower", 0.5, 0.3),
    "calibration_error": ("lower", 0.5, 0.3),
}


def loosen(params: dict) -> None:
    """A small model that behaves, and bounds that it meets."""
    params["train"]["features"] = FEATURES
    params["train"]["xgboost"].update(learning_rate=0.1, min_child_weight=10)
    params["intervals"]["resamples"] = 100
    metrics = {
        name: {"better": way, "max_regression": most, "worst_allowed": floor}
        for name, (way, floor, most) in WIDE.items()
    }
    policy = params["review"]
    policy.update(metrics=metrics, slices={"max_regression": 1.0, "worst_allowed": 0.0}, drift=1.0)
    policy["behaviour"] = {"min_move": 0.0, "usable": 0.0}
    policy["cost"].update(
        scoring_microseconds=100_000.0, pipeline_minutes=60.0, memory_gigabytes=64.0
    )


@pytest.fixture(scope="session")
def base(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return the default branch. Do not change it.

    It is the small workspace with the workflows, its own policy, and its result.
    """

    def make(folder: Path) -> None:
        shutil.copytree(finished_template.path, folder / "repository", symlinks=True)
        copy_workflows(folder / "repository")
        workspace = Workspace(folder / "repository")
        workspace.set_params(loosen)
        commit_result(workspace, "policy")

    return Workspace(once(tmp_path_factory, "default-branch", make) / "repository")


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The code alone, committed: for what needs no result. Do not change it."""
    workspace = copy_repository(tmp_path_factory.mktemp("code") / "repository")
    copy_workflows(workspace.path)
    workspace.run("git", "init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "Test"), ("user.email", "test@example.org")):
        workspace.run("git", "config", name, value)
    commit(workspace, "code")
    return workspace


def copy_workflows(target: Path) -> None:
    """What the jobs need of the repository besides the pipeline."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, target)
    shutil.copytree(ROOT / ".github", target / ".github")


def commit_result(workspace: Workspace, message: str) -> None:
    """Do what a person does before a pull request.

    Rebuild, push the outputs, and commit everything.
    """
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    commit(workspace, message)


def commit(workspace: Workspace, message: str) -> None:
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", message)


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    with serving(GitHub(SLUG, TOKEN, tmp_path_factory.mktemp("github"))) as github:
        yield github


@pytest.fixture(scope="module")
def rehearsal(
    github: GitHub, base: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Rehearsal:
    return Rehearsal(github, tmp_path_factory.mktemp("rehearsal"), base)


@pytest.fixture
def person(rehearsal: Rehearsal) -> Workspace:
    """Somebody's copy of the repository."""
    return rehearsal.work("person")


@pytest.fixture(scope="module")
def opened(rehearsal: Rehearsal) -> dict[str, Any]:
    """A pull request that changes a parameter, as the API tells it, and its files."""
    pull = rehearsal.pull(rehearsal.change(rehearsal.work("author"), "params.yaml"))
    return deepcopy({"pull": pull, "files": rehearsal.github.files[pull["number"]]})


@pytest.fixture
def number(rehearsal: Rehearsal, opened: dict[str, Any]) -> int:
    """That pull request, open, and nothing posted yet."""
    rehearsal.forget()
    pull, files = deepcopy(opened["pull"]), deepcopy(opened["files"])
    rehearsal.github.pulls[:] = [pull]
    rehearsal.github.files[pull["number"]] = files
    return pull["number"]
