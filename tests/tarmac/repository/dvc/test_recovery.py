"""Recovery after a killed `dvc exp run` restores the user's edits and branch.

It overwrites nothing newer.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tarmac.repository.dvc import recovery
from tests.conftest import Workspace
from tests.e2e.kills import STAGED, UNTRACKED, missing_edits
from tests.e2e.running import kill_at
from tests.moments import EDITED, MINE, OF_AN_EXPERIMENT

pytestmark = pytest.mark.kill

EXPERIMENT = ("exp", "run", "--name", "tried", "-S", "intervals.seed=8")  # runs the last stage


def edit(workspace: Workspace) -> None:
    with (workspace.path / EDITED).open("a") as file:
        file.write(MINE)
    for name in (STAGED, UNTRACKED):
        (workspace.path / name).write_text(MINE)
    workspace.run("git", "add", STAGED)


@pytest.fixture
def killed(finished_template: Workspace, tmp_path: Path) -> Callable[[str], Workspace]:
    def at(name: str) -> Workspace:
        """A workspace with edits in which an experiment was killed at a moment."""
        workspace = Workspace(tmp_path / "repository")
        shutil.copytree(finished_template.path, workspace.path, symlinks=True)
        edit(workspace)
        kill_at(workspace, name, *EXPERIMENT)
        return workspace

    return at


def branch(workspace: Workspace) -> str:
    return workspace.run("git", "symbolic-ref", "HEAD", check=False).stdout.strip()


def stashes(workspace: Workspace) -> list[str]:
    return workspace.run("git", "stash", "list", "--format=%gs").stdout.splitlines()


@pytest.mark.parametrize("moment", OF_AN_EXPERIMENT)
def test_restores_edits_and_branch_after_killed_experiment(killed, finished_template, moment):
    workspace = killed(moment)
    assert recovery.recover_experiment(workspace.path)
    assert branch(workspace) == "refs/heads/main"
    head = finished_template.run("git", "rev-parse", "HEAD").stdout
    assert workspace.run("git", "rev-parse", "HEAD").stdout == head
    assert not missing_edits(workspace)
    assert workspace.run("git", "fsck", "--no-dangling").returncode == 0
    assert recovery.recover_experiment(workspace.path) == [], "it finds something again"
    assert (
        workspace.dvc("exp", "list", "--name-only").stdout.split()
        == ["tried"][: moment == "result committed"]
    )


@pytest.mark.parametrize("moment", ["experiment waits", "edits in a hidden commit"])
def test_next_experiment_runs_alone_and_keeps_edits(killed, moment):
    workspace = killed(moment)
    recovery.recover_experiment(workspace.path)
    workspace.dvc(*EXPERIMENT)
    assert not missing_edits(workspace)
    assert branch(workspace) == "refs/heads/main"
    assert workspace.dvc("exp", "list", "--name-only").stdout.split() == ["tried"]


def test_keeps_work_after_kill_in_git_stash(killed):
    workspace = killed("edits stashed")
    (workspace.path / EDITED).write_text("newer\n")
    told = recovery.recover_experiment(workspace.path)
    assert not missing_edits(workspace)
    assert any("git stash" in line for line in told)
    assert workspace.run("git", "show", f"stash@{{0}}:{EDITED}").stdout == "newer\n"


def test_keeps_commits_made_after_kill(killed):
    workspace = killed("a stage runs")
    workspace.run("git", "switch", "--quiet", "main")
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", "mine")
    before = workspace.run("git", "rev-parse", "HEAD").stdout
    recovery.recover_experiment(workspace.path)
    assert workspace.run("git", "status", "--porcelain").stdout == ""
    assert workspace.run("git", "rev-parse", "HEAD").stdout == before
    assert branch(workspace) == "refs/heads/main"


def test_leaves_users_own_stash_in_place(finished):
    edit(finished)
    finished.run("git", "stash", "push", "--quiet", "--message", "for later")
    assert recovery.recover_experiment(finished.path) == []
    assert stashes(finished) == ["On main: for later"]


def test_leaves_head_detached_by_user(finished):
    finished.dvc(*EXPERIMENT)
    finished.run("git", "stash", "push", "--quiet")
    finished.run("git", "checkout", "--quiet", "--detach")
    assert recovery.recover_experiment(finished.path) == []
    assert branch(finished) == ""


def test_does_nothing_in_folder_without_repository(tmp_path):
    assert recovery.recover_experiment(tmp_path) == []
