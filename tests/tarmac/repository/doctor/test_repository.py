"""Checks of the repository: each is told of the state that it is for, made by the commands that lead into it."""

import shutil
from pathlib import Path

import pytest

from tarmac.pipeline.base.params import ParamsError
from tarmac.repository.doctor import repository
from tarmac.repository.dvc import commands
from tarmac.repository.git import GitError
from tests.conftest import Workspace
from tests.e2e.running import DVC, kill_when, started


def outcomes() -> dict[str, str]:
    checks = ("commits", "branch", "merging", "parameters", "locks", "result")
    return {name: getattr(repository, name)().outcome for name in checks}


def test_a_finished_workspace_has_a_fault(here):
    assert set(outcomes().values()) == {"ok"}


def test_a_part_of_the_history_passes_for_all_of_it(here, monkeypatch):
    here.run("git", "clone", "--quiet", "--depth=1", here.path.as_uri(), "../shallow")
    monkeypatch.chdir(here.path.parent / "shallow")
    found = repository.commits()
    assert (found.outcome, found.do) == ("warn", "git fetch --unshallow")


def test_a_folder_without_git_or_commit_passes_for_a_repository(here):
    here.run("rm", "-r", ".git")
    with pytest.raises(GitError):
        repository.commits()
    here.run("git", "init", "--quiet")
    with pytest.raises(GitError):
        repository.commits()


def test_a_detached_head_is_not_told(here):
    here.run("git", "switch", "--quiet", "--detach")
    assert repository.branch().outcome == "warn"
    assert "no branch" in repository.branch().what


def test_edits_that_a_killed_experiment_put_away_are_not_told_or_not_found_again(here):
    """A power cut in the second in which DVC keeps the edits in Git's stash."""
    edited = here.path / "src/tarmac/ingest/raw_data.py"
    edited.write_text(f"{edited.read_text()}\n# an edit of mine\n")
    mine, head = edited.read_text(), here.path / ".git/HEAD"
    with started(here, *DVC, "exp", "run", "-S", "train.seed=9") as process:
        put_away = here.path / ".git/refs/stash"
        assert kill_when(process, lambda: put_away.exists() and not head.read_text().startswith("ref:"))
    assert edited.read_text() != mine
    found = repository.branch()
    assert found.outcome == "fail"
    assert "a `dvc exp run` was killed" in found.what
    here.run("bash", "-c", found.do.replace("BRANCH", "main"))
    assert edited.read_text() == mine
    assert repository.branch().outcome == "ok"


def test_a_stash_of_this_commit_is_not_told_or_one_of_another_is(here):
    Path("params.yaml").write_text("x")
    here.run("git", "stash")
    found = repository.branch()
    assert (found.outcome, found.do) == ("warn", "git stash pop")
    here.run("git", "commit", "--quiet", "--allow-empty", "--message", "later")
    assert repository.branch().outcome == "ok"


def conflict(workspace: Workspace, path: str, *command: str) -> None:
    """Two branches that both add to a file, brought together by a command."""
    for name in ("theirs", "ours"):
        workspace.run("git", "switch", "--quiet", "--create", name, "main")
        with (workspace.path / path).open("a") as file:
            file.write(f"\n# {name}\n")
        workspace.run("git", "commit", "--quiet", "--all", "--message", name)
    workspace.run("git", *command, "theirs", check=False)


@pytest.mark.parametrize("command", ["merge", "rebase", "cherry-pick"])
def test_a_merge_that_is_not_finished_is_not_told(here, command):
    conflict(here, "params.yaml", command)
    found = repository.merging()
    assert (found.outcome, found.what) == ("fail", "in conflict: params.yaml")
    assert "make merge-lock" in found.do
    here.run("git", "add", "params.yaml")
    assert "in conflict: params.yaml" in repository.merging().what, "the marks are still in it"
    here.run("git", "checkout", "--quiet", "ours", "--", "params.yaml")
    found = repository.merging()
    assert (found.outcome, found.what) == ("warn", f"a {command} is not finished")


def test_a_mistake_in_the_parameters_is_not_told(here):
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("max_rounds:", "max_round:"))
    with pytest.raises(ParamsError, match="unknown key"):
        repository.parameters()


def test_a_lock_that_stops_every_later_command_is_not_told(here):
    stale = commands.LOCKS[0]
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.write_text("")
    assert repository.locks().outcome == "fail"
    assert str(stale) in repository.locks().what
    assert stale.exists(), "a check changes nothing"
    stale.unlink()
    assert repository.locks().outcome == "ok"


@pytest.mark.parametrize("cut", [True, False])
def test_a_cut_or_missing_lock_is_not_told(here, cut):
    if cut:
        commands.LOCK.write_bytes(commands.LOCK.read_bytes()[:2000])
    else:
        commands.LOCK.unlink()
    assert repository.locks().outcome == "fail"


def test_a_lock_that_the_code_does_not_make_or_that_is_not_committed_is_not_told(here):
    with Path("src/tarmac/pipeline/evaluate/curves.py").open("a") as file:
        file.write("\n# a remark\n")
    found = repository.result()
    assert (found.outcome, found.what) == ("warn", "dvc.lock is not what this code makes: evaluate")
    here.run("git", "restore", "src")
    commands.LOCK.write_text(commands.LOCK.read_text() + "\n")
    found = repository.result()
    assert (found.outcome, found.what) == ("warn", "not committed: dvc.lock")


def test_a_result_can_be_asked_for_only_where_the_data_is(here):
    shutil.rmtree("data/raw")
    shutil.rmtree(".dvc/cache")
    assert repository.result().outcome == "ok"


def test_a_pipeline_that_dvc_cannot_read_is_not_told(here, capfd):
    Path("dvc.yaml").write_text("stages: [")
    found = repository.result()
    assert found.outcome == "fail"
    assert "dvc.yaml" in found.what
    assert capfd.readouterr().err == "", "DVC's words stand in the line"
