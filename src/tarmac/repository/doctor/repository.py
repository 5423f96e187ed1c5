"""The repository: what Git and DVC are in the middle of, and whether the result is what the code makes."""

import sys
from pathlib import Path

from tarmac import policy
from tarmac.pipeline.base.paths import LOCK, PARAMS
from tarmac.repository import git
from tarmac.repository.doctor.finding import Finding, ask, some
from tarmac.repository.dvc import commands, lockfile

RESULTS = (str(LOCK), "metrics", "models")
UNDER_WAY = {  # what Git keeps while it is at work
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
}


def commits() -> Finding:
    """Whether this is a Git repository with a commit and its whole history."""
    head = git.git("rev-parse", "--short", "--verify", "HEAD").strip()
    if git.git("rev-parse", "--is-shallow-repository").strip() == "true":
        return Finding("warn", f"{head}, with a part of the history: no review and no lineage", "git fetch --unshallow")
    return Finding("ok", head)


def branch() -> Finding:
    """Whether a commit would be on a branch, and whether a killed `dvc exp run` keeps somebody's edits.

    It puts them into Git's stash and detaches HEAD, for about a second.
    """
    name, stashed = git.git("branch", "--show-current").strip(), git.git("stash", "list", "--format=%gd").split()
    if stashed and not name:
        what = f"HEAD is detached and edits lie in {stashed[0]}: perhaps a `dvc exp run` was killed"
        return Finding("fail", what, "git switch --discard-changes BRANCH && git stash pop")
    if not name:
        return Finding("warn", "HEAD is detached: a commit would be on no branch", "git switch BRANCH, or -c NEW")
    if stashed and git.commit(f"{stashed[0]}^1") == git.commit("HEAD"):
        return Finding(
            "warn", f"{name}; edits lie in {stashed[0]}: yours, or of a killed `dvc exp run`", "git stash pop"
        )
    return Finding("ok", name)


def merging() -> Finding:
    """Whether a merge is not finished."""
    doing = [
        what for name, what in UNDER_WAY.items() if Path(git.git("rev-parse", "--git-path", name).strip()).exists()
    ]
    if unmerged := git.undecided():
        return Finding(
            "fail", f"in conflict: {some(unmerged)}", "decide parameters, code and .dvc files, then make merge-lock"
        )
    if doing:
        return Finding("warn", f"{doing[0]} is not finished", "make merge-lock, then go on with it")
    return Finding("ok", "nothing under way")


def parameters() -> Finding:
    """Whether params.yaml holds what the stages take."""
    policy.load()
    return Finding("ok", str(PARAMS))


def locks() -> Finding:
    """Whether a killed DVC left a lock that stops every later command, and whether `dvc.lock` is whole."""
    if stale := commands.stale_locks():
        return Finding("fail", f"left by a killed dvc: {some(map(str, stale))}", "make run, which clears it")
    commands.outputs()
    if not LOCK.is_file():
        return Finding("fail", "there is no dvc.lock: nothing has run", "make run, and commit its result")
    return Finding("ok", f"{len(lockfile.stages(LOCK.read_text(encoding='utf-8')))} stages in {LOCK}")


def result() -> Finding:
    """Whether the lock is what code, data and parameters make, by DVC's word and without any data, and is committed."""
    done = ask(sys.executable, "-m", "dvc", "repro", "--dry", "--allow-missing", env=commands.environment())
    if done.returncode:
        return Finding("fail", (done.stderr.strip() or "dvc failed").splitlines()[0], "mend it, then make run")
    if stale := [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage '")]:
        return Finding(
            "warn", f"dvc.lock is not what this code makes: {some(stale)}", "make run, and commit its result"
        )
    if changed := git.git("status", "--porcelain", "--", *RESULTS).splitlines():
        return Finding("warn", f"not committed: {some(line[3:] for line in changed)}", "make push, then commit")
    return Finding("ok", "committed, and what this code makes")
