"""Git queries: a branch's merge base, revisions and files of commits, and all changed paths."""

from pathlib import Path

import pytest

from tarmac.repository import git
from tarmac.repository.git import NAMED_BY_CI, GitError
from tests import commits
from tests.commits import run, work_in


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return work_in(tmp_path / "a clone", monkeypatch)


def commit(name: str) -> str:
    return commits.commit(**{name: name})


@pytest.fixture
def branch(here: Path) -> str:
    """A branch of two commits that left `main`, which has gone on since. Returns where it left."""
    run("init", "--quiet", "--initial-branch=main")
    commit("first")
    fork = commit("fork")
    run("switch", "--quiet", "--create", "change")
    commit("mine")
    commit("mine too")
    run("switch", "--quiet", "main")
    commit("theirs")
    run("switch", "--quiet", "change")
    return fork


def remote(name: str, revision: str) -> None:
    """What a fetch would have left under `origin`."""
    run("update-ref", f"refs/remotes/origin/{name}", revision)


@pytest.mark.parametrize("usual", ["main", "master"])
def test_merge_base_uses_local_default_branch(branch, usual):
    run("branch", "--move", "main", usual)
    assert git.find_merge_base() == branch


@pytest.mark.parametrize("usual", ["main", "master"])
def test_merge_base_prefers_origin_branch_to_local_one(branch, usual):
    remote(usual, branch)
    run("branch", "--force", "main", "change")
    assert git.find_merge_base() == branch


def test_merge_base_uses_default_branch_of_origin(branch):
    remote("trunk", branch)
    remote("main", "change")
    run("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    assert git.find_merge_base() == branch


@pytest.mark.parametrize("name", NAMED_BY_CI)
@pytest.mark.parametrize("target", ["release", "release/2.1"])
def test_merge_base_uses_branch_named_by_ci(branch, monkeypatch, name, target):
    remote(target, branch)
    for usual in ("main", "HEAD"):
        remote(usual, "change")
    monkeypatch.setenv(name, target)
    assert git.find_merge_base() == branch


@pytest.mark.parametrize("name", NAMED_BY_CI)
def test_merge_base_ignores_empty_ci_variable(branch, monkeypatch, name):
    monkeypatch.setenv(name, "")
    assert git.find_merge_base() == branch


@pytest.mark.parametrize("name", NAMED_BY_CI)
def test_merge_base_raises_if_ci_branch_was_not_fetched(branch, monkeypatch, name):
    monkeypatch.setenv(name, "release")
    with pytest.raises(GitError, match="origin/release") as caught:
        git.find_merge_base()
    assert "git fetch" in caught.value.hint


def test_merge_base_is_found_for_detached_head(branch):
    run("checkout", "--quiet", "--detach", "HEAD")
    assert git.find_merge_base() == branch


def test_merge_base_of_ci_merge_commit_is_target_branch(branch):
    """Check the base of a pull request that is checked out as its merge into the target.

    The base is then the target as it is.
    """
    run("checkout", "--quiet", "--detach", "main")
    run("merge", "--quiet", "--no-edit", "change")
    assert git.find_merge_base() == run("rev-parse", "main")


def test_merge_base_on_default_branch_is_head(branch):
    run("switch", "--quiet", "main")
    assert git.find_merge_base() == run("rev-parse", "HEAD")


def test_merge_base_of_single_commit_is_that_commit(here):
    run("init", "--quiet", "--initial-branch=main")
    first = commit("first")
    assert git.find_merge_base() == first


def test_merge_base_is_none_without_known_default_branch(branch):
    run("branch", "--move", "main", "trunk")
    assert git.find_merge_base() is None


def test_merge_base_and_commit_are_none_without_commits(here):
    run("init", "--quiet", "--initial-branch=main")
    assert git.find_merge_base() is None
    assert git.resolve_commit("HEAD") is None


@pytest.fixture
def shallow(branch: str, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a clone with the last commit of the change and of `main` only, as CI makes it.

    It is the working folder from here on.
    """
    run("switch", "--quiet", "main")
    run(
        "clone", "--quiet", "--depth=1", "--branch=change", here.as_uri(), str(tmp_path / "shallow")
    )
    monkeypatch.chdir(tmp_path / "shallow")
    return branch


@pytest.mark.parametrize("named", [True, False])
def test_merge_base_raises_in_shallow_clone_until_unshallowed(shallow, monkeypatch, named):
    run("fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main")
    if named:
        monkeypatch.setenv(NAMED_BY_CI[0], "main")
    with pytest.raises(GitError, match="no common commit in this clone") as caught:
        git.find_merge_base()
    assert "`git fetch --unshallow`" in caught.value.hint
    assert "\n" not in str(caught.value)
    run("fetch", "--quiet", "--unshallow", "origin")
    assert git.find_merge_base() == shallow


def test_merge_base_raises_for_unrelated_histories(branch):
    run("switch", "--quiet", "--orphan", "other")
    commit("other")
    with pytest.raises(GitError, match="no common commit"):
        git.find_merge_base()


@pytest.mark.parametrize(
    "revision", ["nonsense", "", "--all", "-h", "HEAD:fork", "HEAD~9", "main..change", "0" * 40]
)
def test_commit_is_none_for_invalid_revision(branch, revision):
    assert git.resolve_commit(revision) is None


def test_commit_resolves_branches_tags_and_abbreviations(branch):
    run("tag", "--annotate", "v1", "--message", "v1", "main")
    head, main = run("rev-parse", "HEAD"), run("rev-parse", "main")
    names = {
        "HEAD": head,
        "change": head,
        head[:8]: head,
        "main": main,
        "v1": main,
        "HEAD~2": branch,
    }
    assert {name: git.resolve_commit(name) for name in names} == names


def test_failed_command_raises_error_with_message_of_git(branch):
    with pytest.raises(GitError, match=r"^git diff failed: .*nonsense"):
        git.run_git("diff", "nonsense", "--")


def test_text_at_returns_committed_text_or_none(branch):
    Path("mine").write_text("since then")
    assert git.read_text_at("HEAD", Path("mine")) == "mine"
    assert git.read_text_at("HEAD~2", Path("mine")) is None
    assert git.read_text_at("nonsense", Path("mine")) is None


NAMES = (
    "two words",
    " leading",
    'quo"ted',
    "new\nline",
    "tab\tbed",
    "größe",
    "日本/語 ",
    "-dash",
    "*.glob",
    "back\\slash",
)


def test_changed_since_reports_unusual_names_exactly(branch, here):
    for name in NAMES:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("1")
    assert git.list_changed_paths("HEAD") == sorted(NAMES), "untracked"
    run("add", "--all")
    assert git.list_changed_paths("HEAD") == sorted(NAMES), "staged"
    run("commit", "--quiet", "--message", "odd names")
    assert git.list_changed_paths("HEAD") == []
    assert git.list_changed_paths("HEAD~1") == sorted(NAMES), "committed"
    for name in NAMES:
        Path(name).write_text("2")
    assert git.list_changed_paths("HEAD") == sorted(NAMES), "edited"


def test_changed_since_accepts_non_utf8_name(branch, here):
    """Git and Linux take any bytes for a name."""
    (here / b"caf\xe9".decode("utf-8", "surrogateescape")).write_text("1")
    Path("other").write_text("1")
    (odd, other) = git.list_changed_paths("HEAD")
    assert odd.startswith("caf")
    assert odd.isprintable(), "a report is written in UTF-8"
    assert other == "other"


def test_changed_since_lists_every_change_except_ignored_files(branch):
    Path(".gitignore").write_text("ignored\n")
    commit("more")
    for name in ("ignored", "new"):
        Path(name).write_text("1")
    Path("first").unlink()
    Path("mine").rename("moved")
    Path("fork").write_text("staged")
    run("add", "fork")
    assert git.list_changed_paths("HEAD") == ["first", "fork", "mine", "moved", "new"]
    assert set(git.list_changed_paths(branch)) == {
        "first",
        "fork",
        "mine too",
        "moved",
        "new",
        "more",
        ".gitignore",
    }


def test_changed_since_ignores_modification_time(branch):
    Path("mine").touch()
    assert git.list_changed_paths("HEAD") == []


def test_commands_ignore_git_variables_set_by_hook(branch, here, tmp_path, monkeypatch):
    """Check commands in a temporary clone while a hook's variables are set.

    Git names the hook's repository in them, which the commands must not touch.
    """
    before = run("rev-parse", "--abbrev-ref", "HEAD"), run("ls-files", "--stage")
    monkeypatch.setenv("GIT_DIR", str(here / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(here / ".git" / "index"))
    git.run_git("clone", "--quiet", "--shared", "--no-checkout", str(here), str(tmp_path / "clone"))
    git.run_git("checkout", "--quiet", "--detach", branch, folder=tmp_path / "clone")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert (run("rev-parse", "--abbrev-ref", "HEAD"), run("ls-files", "--stage")) == before
    assert sorted(path.name for path in (tmp_path / "clone").iterdir()) == [".git", "first", "fork"]
