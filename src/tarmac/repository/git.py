"""Run the Git commands that Tarmac needs."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tarmac.interface.errors import UserError

# The branch that a change is to go into.
NAMED_BY_CI = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
BATCH = 1000  # revisions on one command line
USUAL = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
# Its word to hooks, over the folder's.
HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class GitError(UserError):
    """Git failed, with its own message."""


def run_git(*arguments: str, folder: Path = Path()) -> str:
    """What a Git command prints. Raises `GitError` where it fails."""
    done = _run_unchecked(*arguments, folder=folder)
    if done.returncode:
        raise _build_git_error(arguments[0], done.stderr)
    return done.stdout


def _build_git_error(command: str, stderr: str) -> GitError:
    """Return the error of a failed Git command; the lines after its first are indented."""
    lines = "\n  ".join(stderr.strip().splitlines())
    hint = "correct what Git reports, then run the same command again"
    return GitError(f"git {command} failed: {lines}", hint)


def build_git_environment() -> dict[str, str]:
    """The process environment in which Git goes by the working folder, also when a hook called."""
    return {name: value for name, value in os.environ.items() if name not in HOOKS}


def _run_unchecked(*arguments: str, folder: Path = Path()) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=build_git_environment(),
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",  # names of files may be any bytes
    )


def find_root(folder: Path) -> Path | None:
    """Return the root of the repository that a folder is in, or None if it is in none."""
    done = _run_unchecked("rev-parse", "--show-toplevel", folder=folder)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def remove_stale_locks(folder: Path = Path(), since: float = 0) -> None:
    """Remove the locks of Git's files that a killed process has left since an instant.

    Git itself keeps them, and refuses to run.
    """
    git_folder = Path(run_git("rev-parse", "--absolute-git-dir", folder=folder).strip())
    for path in [*git_folder.glob("*.lock"), *(git_folder / "refs").rglob("*.lock")]:
        if path.stat().st_mtime >= since:
            path.unlink(missing_ok=True)


def resolve_commit(revision: str) -> str | None:
    """The full name of a commit, or None where Git does not know the revision."""
    try:
        return run_git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        ).strip()
    except GitError:
        return None


def read_text_at(revision: str, path: Path, folder: Path = Path()) -> str | None:
    """A file of a commit, or None where the commit does not have it."""
    done = _run_unchecked("show", f"{revision}:./{path.as_posix()}", folder=folder)
    return done.stdout if done.returncode == 0 else None


def read_blob_at(revision: str, path: Path, folder: Path = Path()) -> bytes | None:
    """Return the bytes of a file of a commit, by its path from the top.

    Return None if the commit does not have the file.
    """
    command = ["git", "cat-file", "blob", f"{revision}:{path.as_posix()}"]
    done = subprocess.run(
        command, cwd=folder, env=build_git_environment(), check=False, capture_output=True
    )
    return done.stdout if done.returncode == 0 else None


def find_revisions_with_text(
    text: str, revisions: Sequence[str], paths: Sequence[str], folder: Path = Path()
) -> list[str]:
    """Those of some revisions that have a text in one of some paths, in the same order."""
    matching: set[str] = set()
    for start in range(0, len(revisions), BATCH):
        some = revisions[start : start + BATCH]
        options = ("--files-with-matches", "--fixed-strings", "--no-color", "-e", text)
        done = _run_unchecked("grep", *options, *some, "--", *paths, folder=folder)
        if done.returncode > 1:  # 1: found nowhere
            raise _build_git_error("grep", done.stderr)
        matching |= {line.partition(":")[0] for line in done.stdout.splitlines()}
    return [revision for revision in revisions if revision in matching]


def find_merge_base() -> str | None:
    """Return the commit at which this branch left the default branch, or the one that CI names.

    Return None if there is no such branch. Raise `GitError` if the branch or the history that is
    needed was not fetched.
    """
    named = [f"origin/{os.environ[name]}" for name in NAMED_BY_CI if os.environ.get(name)]
    branch = next((branch for branch in named or USUAL if resolve_commit(branch)), None)
    if named and branch is None:
        raise GitError(f"target branch {named[0]} is not in this clone", "run `git fetch origin`")
    if branch is None or resolve_commit("HEAD") is None:
        return None
    try:
        return run_git("merge-base", "HEAD", branch).strip()
    except GitError:
        message = f"HEAD and {branch} have no common commit in this clone"
        raise GitError(message, "run `git fetch --unshallow` if the clone is shallow") from None


def list_conflicted_paths() -> list[str]:
    """Return the paths that a merge has left to a person.

    They are in conflict, or still have conflict markers in them.
    """
    unmerged = run_git("diff", "--name-only", "--diff-filter=U", "-z").split("\0")
    lines = _run_unchecked(
        "-c", "core.quotePath=false", "diff", "--check", "HEAD", folder=Path()
    ).stdout.splitlines()
    marked = [line.rsplit(":", 2)[0] for line in lines if line.endswith("leftover conflict marker")]
    return sorted({*unmerged, *marked} - {""})


def list_changed_paths(revision: str) -> list[str]:
    """Paths that differ between a commit and the files that are here, untracked ones included."""
    tracked = run_git("diff", "--name-only", "--no-renames", "-z", revision, "--").split("\0")
    untracked = run_git("ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({*tracked, *untracked} - {""})
