"""Repository checks of the doctor.

Each reports the state it exists for, produced by real commands.
"""

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


def test_every_check_is_ok_in_finished_workspace(here):
    assert set(outcomes().values()) == {"ok"}


def test_warns_of_shallow_clone(here, monkeypatch):
    here.run("git", "clone", "--quiet", "--depth=1", here.path.as_uri(), "../shallow")
    monkeypatch.chdir(here.path.parent / "shallow")
    found = repository.commits()
    assert (found.outcome, found.do) == ("warn", "git fetch --unshallow")


def test_requires_git_repository_with_commit(here):
    here.run("rm", "-r", ".git")
    with pytest.raises(GitError):
        repository.commits()
    here.run("git", "init", "--quiet")
    with pytest.raises(GitError):
        repository.commits()


def test_warns_of_detached_head(here):
    here.run("git", "switch", "--quiet", "--detach")
    assert repository.branch().outcome == "warn"
    assert "no branch" in repository.branch().what


def test_suggested_command_restores_edits_of_killed_experiment(here):
    """A power cut in the second in which DVC keeps the edits in Git's stash."""
    edited = here.path / "src/tarmac/ingest/pinned_distribution.py"
    edited.write_text(f"{edited.read_text()}\n# an edit of mine\n")
    mine, head = edited.read_text(), here.path / ".git/HEAD"
    with started(here, *DVC, "exp", "run", "-S", "train.seed=9") as process:
        put_away = here.path / ".git/refs/stash"
        assert kill_when(
            process, lambda: put_away.exists() and not head.read_text().startswith("ref:")
        )
    assert edited.read_text() != mine
    found = repository.branch()
    assert found.outcome == "fail"
    assert "a `dvc exp run` was killed" in found.what
    here.run("bash", "-c", found.do.replace("BRANCH", "main"))
    assert edited.read_text() == mine
    assert repository.branch().outcome == "ok"


def test_warns_of_stash_only_if_made_on_current_commit(here):
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
def test_reports_conflicts_and_unfinished_git_operation(here, command):
    conflict(here, "params.yaml", command)
    found = repository.merging()
    assert (found.outcome, found.what) == ("fail", "in conflict: params.yaml")
    assert "make merge-lock" in found.do
    here.run("git", "add", "params.yaml")
    assert "in conflict: params.yaml" in repository.merging().what, "the marks are still in it"
    here.run("git", "checkout", "--quiet", "ours", "--", "params.yaml")
    found = repository.merging()
    assert (found.outcome, found.what) == ("warn", f"a {command} is not finished")


def test_rejects_unknown_parameter(here):
    Path("params.yaml").write_text(
        Path("params.yaml").read_text().replace("max_rounds:", "max_round:")
    )
    with pytest.raises(ParamsError, match="unknown key"):
        repository.parameters()


def test_reports_stale_dvc_lock_without_removing_it(here):
    stale = commands.LOCKS[0]
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.write_text("")
    assert repository.locks().outcome == "fail"
    assert str(stale) in repository.locks().what
    assert stale.exists(), "a check changes nothing"
    stale.unlink()
    assert repository.locks().outcome == "ok"


@pytest.mark.parametrize("cut", [True, False])
def test_truncated_or_missing_lock_file_fails(here, cut):
    if cut:
        commands.LOCK.write_bytes(commands.LOCK.read_bytes()[:2000])
    else:
        commands.LOCK.unlink()
    assert repository.locks().outcome == "fail"


def test_warns_of_outdated_or_uncommitted_lock_file(here):
    with Path("src/tarmac/pipeline/evaluate/curves.py").open("a") as file:
        file.write("\n# a remark\n")
    found = repository.result()
    assert (found.outcome, found.what) == ("warn", "dvc.lock is not what this code makes: evaluate")
    here.run("git", "restore", "src")
    commands.LOCK.write_text(commands.LOCK.read_text() + "\n")
    found = repository.result()
    assert (found.outcome, found.what) == ("warn", "not committed: dvc.lock")


def test_checks_result_without_data(here):
    shutil.rmtree("data/raw")
    shutil.rmtree(".dvc/cache")
    assert repository.result().outcome == "ok"


def test_reports_unreadable_pipeline_without_stderr_output(here, capfd):
    Path("dvc.yaml").write_text("stages: [")
    found = repository.result()
    assert found.outcome == "fail"
    assert "dvc.yaml" in found.what
    assert capfd.readouterr().err == "", "DVC's words stand in the line"
