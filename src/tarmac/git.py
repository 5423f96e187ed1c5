"""The few questions that Tarmac asks Git."""

import os
import subprocess
from pathlib import Path

NAMED_BY_CI = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")  # the branch that a change is to go into
USUAL = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
HOOKS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
)  # its word to hooks, over the folder's


class GitError(ValueError):
    """Git refused, with its own words."""


def git(*arguments: str, folder: Path = Path()) -> str:
    """What a Git command prints. Raises `GitError` where it fails."""
    done = _run(*arguments, folder=folder)
    if done.returncode:
        raise GitError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def environment() -> dict[str, str]:
    """The process environment in which Git goes by the working folder, also when a hook called."""
    return {name: value for name, value in os.environ.items() if name not in HOOKS}


def _run(*arguments: str, folder: Path = Path()) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment(),
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",  # names of files may be any bytes
    )


def commit(revision: str) -> str | None:
    """The full name of a commit, or None where Git does not know the revision."""
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except GitError:
        return None


def text_at(revision: str, path: Path, folder: Path = Path()) -> str | None:
    """A file of a commit, or None where the commit does not have it."""
    done = _run("show", f"{revision}:./{path.as_posix()}", folder=folder)
    return done.stdout if done.returncode == 0 else None


def merge_base() -> str | None:
    """Where this branch left the default branch (or the one that CI names); None where there is no such branch.

    Raises `GitError` where the branch or the history that is needed was not fetched.
    """
    named = [f"origin/{os.environ[name]}" for name in NAMED_BY_CI if os.environ.get(name)]
    branch = next((branch for branch in named or USUAL if commit(branch)), None)
    if named and branch is None:
        raise GitError(f"{named[0]}, which this change is to go into, is not here: `git fetch origin` brings it")
    if branch is None or commit("HEAD") is None:
        return None
    try:
        return git("merge-base", "HEAD", branch).strip()
    except GitError:
        raise GitError(f"HEAD and {branch} have no commit in common here: `git fetch --unshallow` first") from None


def changed_since(revision: str) -> list[str]:
    """Paths that differ between a commit and the files that are here, untracked ones included."""
    tracked = git("diff", "--name-only", "--no-renames", "-z", revision, "--").split("\0")
    untracked = git("ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({*tracked, *untracked} - {""})
