"""The retraining branch is one commit on top of the server's default branch.

The state of the clone does not matter.
"""

from pathlib import Path

import pytest

from tarmac.ci import branch
from tarmac.ci.branch import BranchError, push_result
from tarmac.repository.git import GitError
from tests.commits import commit, run, work_in

pytestmark = pytest.mark.program

MAKEFILE = "add-result:\n\t@git add result && test ! -e broken\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose server has one commit, on a default branch of another name than usual."""
    monkeypatch.setenv("REPO_TOKEN", "secret")
    folder = work_in(tmp_path / "clone", monkeypatch)
    run("init", "--quiet", "--initial-branch=trunk")
    commit(Makefile=MAKEFILE, result="0")
    run("clone", "--quiet", "--bare", ".", str(tmp_path / "server"))
    run("remote", "add", "origin", str(tmp_path / "server"))
    return folder


def server(*words: str) -> str:
    return run("-C", "../server", *words)


def retrained(here: Path, result: str) -> branch.PushedCommit | None:
    (here / "result").write_text(result)
    return push_result(f"retrained to {result}")


def test_commit_is_based_on_server_default_branch(here):
    pushed = retrained(here, "1")
    assert pushed == branch.PushedCommit(
        server("rev-parse", "retrain"), "trunk", pushed.content, new=True
    )
    assert server("rev-parse", "retrain^") == server("rev-parse", "trunk")
    assert server("log", "-1", "--format=%s", "retrain") == "retrained to 1"
    assert run("status", "--porcelain") == ""


def test_next_result_replaces_previous_commit(here):
    first = retrained(here, "1")
    second = retrained(here, "2")
    assert second.content != first.content
    assert server("rev-list", "--count", "trunk..retrain") == "1"
    assert server("show", "retrain:result") == "2"


def test_same_result_is_not_pushed_again(here):
    first = retrained(here, "1")
    run("switch", "--quiet", "trunk")
    assert retrained(here, "1") == branch.PushedCommit(
        first.commit, "trunk", first.content, new=False
    )


def test_result_already_on_default_branch_is_not_pushed(here):
    assert retrained(here, "0") is None
    assert server("branch", "--list", "retrain") == ""


def test_result_reverted_after_merge_is_pushed_as_new(here):
    first = retrained(here, "1")
    server("update-ref", "refs/heads/trunk", first.commit)
    run("fetch", "--quiet", "origin")
    run("switch", "--quiet", "--force-create", "trunk", "origin/trunk")
    commit(result="0")
    run("push", "--quiet", "origin", "trunk")
    assert retrained(here, "1").new
    assert server("rev-parse", "retrain^") == server("rev-parse", "trunk")


def on_server(name: str, tree: str, *parents: str, words: str = "mine") -> str:
    """Somebody's commit on a branch of the server."""
    made = server(
        "commit-tree", tree, *(word for parent in parents for word in ("-p", parent)), "-m", words
    )
    server("update-ref", f"refs/heads/{name}", made)
    return made


def test_unrelated_default_branch_commit_causes_no_new_push(here):
    first = retrained(here, "1")
    run("switch", "--quiet", "trunk")
    commit(readme="x")
    run("push", "--quiet", "origin", "trunk")
    assert retrained(here, "1") == branch.PushedCommit(
        first.commit, "trunk", first.content, new=False
    )


def theirs(first: branch.PushedCommit, how: str) -> str:
    signed = server("show", "--no-patch", "--format=%B", first.commit)
    old, new = server("rev-parse", "trunk^{tree}"), server("rev-parse", f"{first.commit}^{{tree}}")
    return {
        "on top": lambda: on_server("retrain", old, first.commit),
        "on top, empty": lambda: on_server("retrain", new, first.commit),
        "on top, signed": lambda: on_server("retrain", new, first.commit, words=signed),
        "amended": lambda: on_server("retrain", old, "trunk", words=signed),
        "instead": lambda: on_server("retrain", new, "trunk"),
        "a merge": lambda: on_server(
            "retrain", new, on_server("trunk", old, "trunk"), first.commit, words=signed
        ),
        "unrelated": lambda: on_server("retrain", new, words=signed),
    }[how]()


@pytest.mark.parametrize(
    "how",
    ["on top", "on top, empty", "on top, signed", "amended", "instead", "a merge", "unrelated"],
)
def test_refuses_to_overwrite_commit_of_another_user(here, how):
    tip = theirs(retrained(here, "1"), how)
    with pytest.raises(
        BranchError,
        match="the branch retrain on the server has commits of another author and is kept",
    ):
        retrained(here, "2")
    assert server("rev-parse", "retrain") == tip


def test_refuses_local_commits_ahead_of_default_branch(here):
    mine = commit(mine="1")
    with pytest.raises(
        BranchError, match="HEAD has commits that are not on origin/trunk"
    ) as caught:
        retrained(here, "1")
    assert caught.value.hint == "start from the default branch: `git switch trunk`"
    assert run("rev-parse", "HEAD") == mine
    assert (here / "result").read_text() == "1"


def test_branch_that_moves_during_push_is_not_overwritten(here, monkeypatch):
    retrained(here, "1")
    look = branch.look

    def overtaken() -> branch.RemoteBranches:
        found = look()
        server("update-ref", "refs/heads/retrain", "trunk")
        return found

    monkeypatch.setattr(branch, "look", overtaken)
    with pytest.raises(GitError, match="stale info"):
        retrained(here, "2")
    assert server("rev-parse", "retrain") == server("rev-parse", "trunk")
    assert run("show", "retrain:result") == "2", "the commit is lost"


def test_unreachable_server_keeps_result_for_retry(here):
    (here.parent / "server").rename(here.parent / "away")
    with pytest.raises(GitError):
        retrained(here, "1")
    assert (here / "result").read_text() == "1"
    (here.parent / "away").rename(here.parent / "server")
    assert retrained(here, "1").new


def test_pushes_nothing_when_adding_outputs_fails(here):
    (here / "broken").touch()
    with pytest.raises(BranchError, match="nothing was pushed"):
        retrained(here, "1")
    (here / "broken").unlink()
    assert retrained(here, "1").new
