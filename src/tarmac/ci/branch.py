"""Commit and push the branch of the retraining, and never replace commits of somebody else.

The branch is one commit on the default branch. The next retraining replaces it.
"""

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass

from tarmac.interface.errors import UserError
from tarmac.repository.git import run_git

BRANCH = "retrain"
SIGNED = re.compile(r"^Retraining: ([0-9a-f]{64})$", re.MULTILINE)
TOKEN = "REPO_TOKEN"  # noqa: S105 -- the variable's name


class BranchError(UserError):
    """What keeps the retraining from being pushed."""


@dataclass(frozen=True)
class RemoteBranches:
    """What the server has."""

    default: str  # the default branch's name
    tip: str  # of the branch of the retraining; empty where there is none


@dataclass(frozen=True)
class PushedCommit:
    """The commit that the branch has now."""

    commit: str
    default: str  # the branch that it started from
    content: str  # the same for the same result, on whatever commit of the default branch
    new: bool


def push_result(subject: str) -> PushedCommit | None:
    """Commit the result in the working tree, and push it to the server's retraining branch.

    Return None if the default branch has the same result. What cannot be pushed stays as the local
    branch. Raise `BranchError` if the server's branch has commits of somebody else.
    """
    remote = look()
    if remote.tip and not is_own_branch(remote.tip, remote.default):
        raise BranchError(
            f"the branch {BRANCH} on the server has commits of another author and is kept",
            f"merge or rename the branch {BRANCH}, then run `make propose` again",
        )
    content = commit_result(subject, remote)
    if content is None:
        return None
    if (
        remote.tip
        and _list_unmerged_commits(remote.tip, remote.default)
        and read_signature(remote.tip) == content
    ):
        return PushedCommit(remote.tip, remote.default, content, new=False)
    run_git(
        "push",
        "--quiet",
        f"--force-with-lease={BRANCH}:{remote.tip}",
        "origin",
        f"HEAD:refs/heads/{BRANCH}",
    )
    return PushedCommit(run_git("rev-parse", "HEAD").strip(), remote.default, content, new=True)


def look() -> RemoteBranches:
    """Fetch the default branch and that of the retraining, by the names that the server has now."""
    listed = run_git("ls-remote", "--symref", "origin", "HEAD", f"refs/heads/{BRANCH}").splitlines()
    default = next(
        (line.split()[1] for line in listed if line.startswith("ref: ")), ""
    ).removeprefix("refs/heads/")
    tip = next((line.split()[0] for line in listed if line.endswith(f"\trefs/heads/{BRANCH}")), "")
    if not default:
        raise BranchError(
            "the Git server `origin` reports no default branch",
            "set the default branch in the settings of the repository on the server",
        )
    wanted = [default, *([BRANCH] if tip else [])]
    run_git(
        "fetch",
        "--quiet",
        "origin",
        *(f"+refs/heads/{name}:refs/remotes/origin/{name}" for name in wanted),
    )
    return RemoteBranches(default, tip)


def is_own_branch(tip: str, default: str) -> bool:
    """Return whether the only unmerged commit of a branch is one that `commit_result` makes.

    Return true, too, if the branch has no unmerged commit.
    """
    beyond = _list_unmerged_commits(tip, default)
    if len(beyond) != 1:
        return not beyond
    _, *parents = run_git("rev-list", "--parents", "--max-count=1", tip).split()
    return len(parents) == 1 and read_signature(tip) == _hash_changes(parents[0], tip)


def commit_result(subject: str, remote: RemoteBranches) -> str | None:
    """Commit the result on the local branch, and return the hash of its content.

    Return None if the default branch has the same content.
    """
    if not is_own_branch("HEAD", remote.default):
        raise BranchError(
            f"HEAD has commits that are not on origin/{remote.default}",
            f"start from the default branch: `git switch {remote.default}`",
        )
    run_git("switch", "--quiet", "--force-create", BRANCH)
    run_git(
        "reset",
        "--quiet",
        "--soft",
        run_git("merge-base", "HEAD", f"origin/{remote.default}").strip(),
    )
    _add_outputs()
    content = _hash_changes("HEAD")
    if content == _hash_text(""):
        return None
    run_git("commit", "--quiet", "--message", subject, "--message", f"Retraining: {content}")
    return content


def _list_unmerged_commits(revision: str, default: str) -> list[str]:
    """The commits of a revision that the default branch lacks."""
    return run_git("rev-list", revision, f"^origin/{default}").split()


def read_signature(revision: str) -> str:
    """The content that a commit says it has."""
    signed = SIGNED.findall(run_git("show", "--no-patch", "--format=%B", revision))
    return signed[-1] if signed else ""


def _add_outputs() -> None:
    """Push the outputs and stage the result, as for every branch of a machine.

    The programs that do it need no token and get none.
    """
    env = {name: value for name, value in os.environ.items() if name != TOKEN}
    try:
        subprocess.run(["make", "--silent", "add-result"], check=True, env=env)
    except (OSError, subprocess.CalledProcessError):
        raise BranchError(
            "sending the outputs to the DVC remote failed (see above); nothing was pushed",
            "fix the cause (`make push` shows it), then run `make propose` again",
        ) from None


def _hash_changes(before: str, after: str = "") -> str:
    """Return a hash of what a commit (or the index) gives to the files that it changes.

    It covers mode, object and path of every file that differs from the other commit.
    """
    compared = [before, after] if after else ["--cached", before]
    fields = run_git("diff", "--raw", "--no-abbrev", "--no-renames", "-z", *compared, "--").split(
        "\0"
    )
    given = []
    for entry, path in zip(fields[::2], fields[1::2], strict=False):
        # Modes and hashes, of before and of after each, and what was done.
        _, mode, _, oid, _ = entry.split(" ")
        given.append(f"{mode} {oid} {path}")
    return _hash_text("\0".join(given))


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
