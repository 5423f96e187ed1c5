"""Check the repository.

The checks find what Git and DVC are in the middle of, and whether the result is what the code
makes.
"""

import sys
from pathlib import Path

from tarmac import policy
from tarmac.pipeline.base.paths import LOCK, PARAMS
from tarmac.repository import git
from tarmac.repository.doctor.finding import Diagnosis, capture_command, format_names
from tarmac.repository.dvc import commands, lockfile

RESULTS = (str(LOCK), "metrics", "models")
UNDER_WAY = {  # what Git keeps while it is at work
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
}


def commits() -> Diagnosis:
    """Whether this is a Git repository with a commit and its whole history."""
    head = git.run_git("rev-parse", "--short", "--verify", "HEAD").strip()
    if git.run_git("rev-parse", "--is-shallow-repository").strip() == "true":
        return Diagnosis(
            "warn",
            f"{head}, with a part of the history: no review and no lineage",
            "git fetch --unshallow",
        )
    return Diagnosis("ok", head)


def branch() -> Diagnosis:
    """Check whether a commit would be on a branch, and whether a killed DVC keeps edits.

    `dvc exp run` puts edits into Git's stash and detaches HEAD, for about a second.
    """
    name = git.run_git("branch", "--show-current").strip()
    stashed = git.run_git("stash", "list", "--format=%gd").split()
    if stashed and not name:
        what = f"HEAD is detached and edits lie in {stashed[0]}: perhaps a `dvc exp run` was killed"
        return Diagnosis("fail", what, "git switch --discard-changes BRANCH && git stash pop")
    if not name:
        return Diagnosis(
            "warn",
            "HEAD is detached: a commit would be on no branch",
            "git switch BRANCH, or -c NEW",
        )
    if stashed and git.resolve_commit(f"{stashed[0]}^1") == git.resolve_commit("HEAD"):
        return Diagnosis(
            "warn",
            f"{name}; edits lie in {stashed[0]}: yours, or of a killed `dvc exp run`",
            "git stash pop",
        )
    return Diagnosis("ok", name)


def merging() -> Diagnosis:
    """Whether a merge is not finished."""
    doing = [
        what
        for name, what in UNDER_WAY.items()
        if Path(git.run_git("rev-parse", "--git-path", name).strip()).exists()
    ]
    if unmerged := git.list_conflicted_paths():
        return Diagnosis(
            "fail",
            f"in conflict: {format_names(unmerged)}",
            "decide parameters, code and .dvc files, then make merge-lock",
        )
    if doing:
        return Diagnosis(
            "warn", f"{doing[0]} is not finished", "make merge-lock, then go on with it"
        )
    return Diagnosis("ok", "nothing under way")


def parameters() -> Diagnosis:
    """Whether params.yaml holds what the stages take."""
    policy.load_all_params()
    return Diagnosis("ok", str(PARAMS))


def locks() -> Diagnosis:
    """Check whether a killed DVC left a lock, and whether `dvc.lock` is complete.

    Such a lock stops every later command.
    """
    if stale := commands.find_stale_locks():
        return Diagnosis(
            "fail",
            f"left by a killed dvc: {format_names(map(str, stale))}",
            "make run, which clears it",
        )
    commands.read_output_hashes()
    if not LOCK.is_file():
        return Diagnosis(
            "fail", "there is no dvc.lock: nothing has run", "make run, and commit its result"
        )
    return Diagnosis(
        "ok", f"{len(lockfile.parse_stages(LOCK.read_text(encoding='utf-8')))} stages in {LOCK}"
    )


def result() -> Diagnosis:
    """Check whether the lock is what code, data and parameters make, and is committed.

    DVC decides what they make, without any data.
    """
    done = capture_command(
        sys.executable,
        "-m",
        "dvc",
        "repro",
        "--dry",
        "--allow-missing",
        env=commands.build_dvc_environment(),
    )
    if done.returncode:
        return Diagnosis(
            "fail", (done.stderr.strip() or "dvc failed").splitlines()[0], "fix it, then make run"
        )
    stale = [
        line.split("'")[1]
        for line in done.stdout.splitlines()
        if line.startswith("Running stage '")
    ]
    if stale:
        return Diagnosis(
            "warn",
            f"dvc.lock is not what this code makes: {format_names(stale)}",
            "make run, and commit its result",
        )
    changed = [
        line[3:] for line in git.run_git("status", "--porcelain", "--", *RESULTS).splitlines()
    ]
    if changed:
        return Diagnosis(
            "warn", f"not committed: {format_names(changed)}", "make push, then commit"
        )
    return Diagnosis("ok", "committed, and what this code makes")
