"""Repair what a killed `dvc exp run` leaves in Git.

HEAD is then off its branch, or edits are in a hidden commit only. DVC stashes a person's edits
while it sets an experiment up, and keeps HEAD detached while it runs. After a kill, its next run
would start without those edits, or overwrite the one reference to them.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tarmac.repository.git import GitError, read_blob_at, remove_stale_locks, run_git

WRITERS = Path(".dvc/tmp/exps/rwlock")  # who writes what, by DVC; a killed one stays in it
ARGUMENTS = (
    ".dvc/tmp/repro.dat"  # DVC's own file, in every commit that it makes of an experiment to come
)
SETTING_UP = "workspace"  # what it writes while the edits are stashed
QUEUED, STARTING = "refs/exps/stash", "refs/exps/exec"
MERGE, BASELINE, BRANCH = (f"{STARTING}/EXEC_{name}" for name in ("MERGE", "BASELINE", "BRANCH"))
CLOCK = 2  # seconds by which two clocks of one machine may differ
MOVED = re.compile(r"checkout: moving from (\S+) to (\S+)$")


@dataclass(frozen=True)
class _ExperimentLeftovers:
    """What is there before anything is touched."""

    refs: dict[str, str]  # DVC's own, and the commits that they name
    writers: set[str]  # what the killed DVC was writing
    branch: bool  # whether HEAD is on one

    @property
    def has_unfinished_run(self) -> bool:
        """Whether an experiment was started and not ended."""
        return SETTING_UP in self.writers or bool(self.refs.keys() & {QUEUED, MERGE, BRANCH})


@dataclass(frozen=True)
class _StashEntry:
    """An entry of `git stash`."""

    oid: str
    seconds: int
    by_dvc: bool


def recover_experiment(folder: Path = Path()) -> list[str]:
    """Repair what a killed `dvc exp run` left, and return what a person should know.

    Each thing to know is one line. What is overwritten is in HEAD or in `git stash`, and nothing is
    done while DVC or Git works in the folder.
    """
    left = _find_leftovers(folder)
    if left is None or not left.has_unfinished_run or is_dvc_or_git_running(folder):
        return []
    remove_stale_locks(folder)
    notes = [] if left.branch else _reattach_head(folder)
    # The index alone, as DVC does at an experiment's end.
    run_git("reset", "--quiet", folder=folder)
    if not run_git("ls-files", "--", ARGUMENTS, folder=folder):
        (folder / ARGUMENTS).unlink(missing_ok=True)
    notes += _restore_edits(folder, left)
    for name in left.refs.keys() & {QUEUED, MERGE, BASELINE, BRANCH}:
        # One of them points to the experiment itself.
        run_git("update-ref", "--no-deref", "-d", name, folder=folder)
    (folder / WRITERS).unlink(missing_ok=True)
    return ["a killed `dvc exp run` was cleared away: start the experiment again", *notes]


def recover_and_report(folder: Path = Path()) -> None:
    """Repair, and print what a person should know."""
    for line in recover_experiment(folder):
        print(f"repaired: {line}", flush=True)


def is_dvc_or_git_running(folder: Path) -> bool:
    """Whether DVC or Git runs in a folder; yes, where a machine does not tell."""
    top = folder.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")[:3]  # such as python, -m, dvc
            names = {Path(part.decode(errors="replace")).name for part in command}
            if names & {"dvc", "git"} and (process / "cwd").resolve().is_relative_to(top):
                return True
        except OSError:  # it has ended since, or belongs to somebody else
            continue
    return not Path("/proc/self").exists()


def _find_leftovers(folder: Path) -> _ExperimentLeftovers | None:
    try:
        listed = run_git(
            "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps", folder=folder
        )
        head = run_git("rev-parse", "--symbolic-full-name", "HEAD", folder=folder).strip()
    except GitError:
        return None  # no repository, or no commit: nothing can be left in it
    try:
        writers = json.loads((folder / WRITERS).read_text(encoding="utf-8")).get("write", {})
    except (OSError, ValueError, AttributeError):
        writers = {}
    return _ExperimentLeftovers(
        dict(line.split() for line in listed.splitlines()), set(writers), head != "HEAD"
    )


def _reattach_head(folder: Path) -> list[str]:
    """Put HEAD back on the branch that DVC took it from, where that has not moved on since."""
    moves = (
        MOVED.match(line) for line in run_git("reflog", "--format=%gs", folder=folder).splitlines()
    )
    name, base = next((match.groups() for match in moves if match), ("", ""))
    tip = (
        name
        and run_git(
            "for-each-ref", "--format=%(objectname)", f"refs/heads/{name}", folder=folder
        ).strip()
    )
    if not tip or tip != base:
        return [
            "HEAD is on no branch: `git switch BRANCH` once your edits are committed or stashed"
        ]
    run_git(
        "symbolic-ref", "-m", f"tarmac: back on {name}", "HEAD", f"refs/heads/{name}", folder=folder
    )
    return [f"HEAD is on {name} again"]


def _restore_edits(folder: Path, left: _ExperimentLeftovers) -> list[str]:
    """Write the edits that DVC had put away and not yet brought back.

    If in doubt, leave them in `git stash`.
    """
    stashed = _list_stash_entries(folder) if SETTING_UP in left.writers else []
    own = next((entry.oid for entry in stashed if not entry.by_dvc), None)
    # Until it has started, an experiment's commit is the only one that has the edits;
    # from then on the folder has them.
    hidden = left.refs.get(MERGE) if left.branch or STARTING in left.writers else None
    kept = own if SETTING_UP in left.writers else hidden
    if kept is None:
        return []
    # Without a killed writer DVC gave up by itself, and a person may have gone on since.
    killed = bool(left.writers & {SETTING_UP, STARTING})
    head = run_git("rev-parse", "HEAD", folder=folder)
    sure = killed and _find_parent_commit(kept, folder) == head
    dropped = {entry.oid for entry in stashed if entry.by_dvc}
    if sure:
        notes = _restore_files(folder, kept)
        dropped.add(kept)
    else:
        notes = ["your edits as they were before it are in `git stash`"]
        if kept != own:
            _add_to_stash(folder, kept, "edits that a killed `dvc exp run` had put away")
    _drop_stash_entries(folder, dropped)
    return notes


def _add_to_stash(folder: Path, commit: str, message: str) -> None:
    run_git("stash", "store", "--message", message, commit, folder=folder)


def _find_parent_commit(commit: str, folder: Path) -> str:
    return run_git("rev-parse", f"{commit}^1", folder=folder)


def _drop_stash_entries(folder: Path, oids: set[str]) -> None:
    """Drops entries of `git stash` by their commits."""
    listed = run_git("stash", "list", "--format=%H", folder=folder).split()
    for position in reversed(range(len(listed))):
        if listed[position] in oids:
            run_git("stash", "drop", "--quiet", f"stash@{{{position}}}", folder=folder)


def _list_stash_entries(folder: Path) -> list[_StashEntry]:
    """What was stashed since the killed DVC began."""
    begun = (folder / WRITERS).stat().st_mtime
    entries = []
    for line in run_git("stash", "list", "--format=%H %ct", folder=folder).splitlines():
        oid, seconds = line.split()
        by_dvc = bool(run_git("ls-tree", "--name-only", oid, "--", ARGUMENTS, folder=folder))
        entries.append(_StashEntry(oid, int(seconds), by_dvc))
    return [entry for entry in entries if entry.seconds >= begun - CLOCK]


def _restore_files(folder: Path, kept: str) -> list[str]:
    """Make the files those of a commit.

    What is in neither the commit nor HEAD, and could be newer, goes to `git stash`.
    """
    run_git("read-tree", kept, folder=folder)
    other = [
        name
        for name in run_git("diff", "--name-only", "-z", folder=folder).split("\0")
        if name not in ("", ARGUMENTS)
    ]
    gone = run_git(
        "diff", "--name-only", "-z", "--no-renames", "--diff-filter=D", "HEAD", kept, folder=folder
    ).split("\0")
    notes = ["your edits are as they were"]
    if any(not _is_in_commits(folder, name, ("HEAD", kept)) for name in other):
        commit = run_git("stash", "create", folder=folder).strip()
        _add_to_stash(folder, commit, "files as a killed `dvc exp run` left them")
        notes.append(
            "files as it left them are in `git stash show --patch`: "
            "`git stash drop` if you need none of it"
        )
    if other:
        literal = (f":(top,literal){name}" for name in other)
        run_git("restore", "--worktree", f"--source={kept}", "--", *literal, folder=folder)
    for name in filter(None, gone):
        if _is_in_commits(folder, name, ("HEAD",)):
            (folder / name).unlink(missing_ok=True)
    run_git("reset", "--quiet", folder=folder)
    return notes


def _is_in_commits(folder: Path, name: str, commits: tuple[str, ...]) -> bool:
    """Return whether a file is one of some commits', gone, or the beginning of one.

    It may be the beginning because DVC writes files in place.
    """
    path = folder / name
    if not path.is_file():
        return True
    content = path.read_bytes()
    for commit in commits:
        committed = read_blob_at(commit, Path(name), folder)
        if committed is not None and committed.startswith(content):
            return True
    return False
