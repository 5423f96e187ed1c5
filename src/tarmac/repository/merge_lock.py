"""Make the lock of a merge, with as few runs as possible.

It is the lock that the merged code, data and parameters make.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tarmac import policy
from tarmac.interface.errors import UserError
from tarmac.pipeline.base.paths import LOCK
from tarmac.repository import clone, reproduce
from tarmac.repository.dvc import commands, lockfile, object_store, run_cache
from tarmac.repository.git import (
    GitError,
    list_conflicted_paths,
    read_text_at,
    resolve_commit,
    run_git,
)

CONTINUED_BY = {  # the commit that Git is at work on, and what goes on with it
    "MERGE_HEAD": "git commit",
    "REBASE_HEAD": "git rebase --continue",
    "CHERRY_PICK_HEAD": "git cherry-pick --continue",
    "REVERT_HEAD": "git revert --continue",
}


class MergeError(UserError):
    """A conflict that only a person can decide."""


def merge_lock() -> None:
    """Rebuild what no side has made, and stage the results for the commit.

    The rest is taken from the sides. The lock, metrics and card are staged. A lock that Git has
    merged is never believed, conflict or not: its text may be of two runs. Raise `MergeError` if a
    person must resolve a conflict.
    """
    sides = _list_merge_sides()
    _check_conflicts_resolved(sides)
    policy.load_all_params()
    merged = {} if str(LOCK) in list_conflicted_paths() else _read_current_stages()
    for side in sides if len(sides) > 1 else []:
        with clone.open_clone(side) as folder:
            if failure := run_cache.save_commit_runs(
                folder, clone.build_site_cache_env(folder)[object_store.NOTES]
            ):
                print(f"{side[:9]}: no run can be taken from it ({failure})", flush=True)
    _restore_lock(sides[0])
    commands.pull_outputs("data/raw.dvc")
    ran = reproduce.run_dvc_repro(Path(), "--pull")
    run_cache.save_workspace_runs()  # so that a merge that is begun once more costs nothing
    made = _read_current_stages()
    staged = _add_results_to_index(made)
    print(f"\n{_format_stage_origins(made, sides, ran)}")
    if wrong := [name for name in made if name in merged and merged[name] != made[name]]:
        print(
            "without a conflict, the merge had left a lock that this code does not make: "
            f"{', '.join(wrong)}"
        )
    print(
        f"staged {len(staged)} files; next: `make push`, then {_find_next_command()}"
        if staged
        else "nothing has changed"
    )


def _list_merge_sides() -> list[str]:
    """Return the commits whose locks a run has made, each lock once.

    They are the commits that are merged, ours first, and the one where they come from.
    """
    head, under_way = (
        resolve_commit("HEAD"),
        [found for name in CONTINUED_BY if (found := resolve_commit(name))],
    )
    if head is None:
        hint = "make the first commit: `git add --all`, then `git commit`"
        raise GitError("there is no commit yet, and nothing to merge", hint)
    parents = run_git("rev-parse", "HEAD^@").split()
    sides = [head, *under_way] if under_way else parents if len(parents) > 1 else [head]
    base = resolve_commit(_find_common_ancestor(sides)) if len(sides) > 1 else None
    locks: dict[str | None, str] = {}
    for side in [*sides, *([base] if base else [])]:
        locks.setdefault(read_text_at(side, LOCK), side)
    return list(locks.values())


def _find_common_ancestor(sides: Sequence[str]) -> str:
    try:
        return run_git("merge-base", *sides).strip()
    except GitError:  # no commit in common
        return ""


def _check_conflicts_resolved(sides: Sequence[str]) -> None:
    """Raise `MergeError` with every file that a person must resolve.

    These are all files in conflict except those that the stages write.
    """
    made = {
        path
        for side in sides
        for path in lockfile.collect_hashes(_read_stages_at(side).values(), "outs")
    } | {str(LOCK)}
    open_ = [
        path
        for path in list_conflicted_paths()
        if not any(path == out or path.startswith(f"{out}/") for out in made)
    ]
    if open_:
        hints = ["resolve each file and `git add` it, then run `make merge-lock` again"]
        if any(path.endswith(".dvc") for path in open_):
            hints.append("in a .dvc file, choose one of two versions of the data (docs/team.md)")
        lines = ["files with unresolved merge conflicts:", *(f"  {path}" for path in open_)]
        raise MergeError("\n".join(lines), "\n".join(hints))


def _read_stages_at(revision: str) -> dict[str, lockfile.Entry]:
    return lockfile.parse_stages(read_text_at(revision, LOCK))


def _restore_lock(side: str) -> None:
    text = read_text_at(side, LOCK)
    if text is None:
        LOCK.unlink(missing_ok=True)
    else:
        LOCK.write_text(text, encoding="utf-8")


def _read_current_stages() -> dict[str, lockfile.Entry]:
    return lockfile.parse_stages(LOCK.read_text(encoding="utf-8") if LOCK.is_file() else None)


def _add_results_to_index(stages: Mapping[str, lockfile.Entry]) -> list[str]:
    """Stage the lock and the outputs that Git keeps, and return what has changed.

    DVC keeps the outputs that Git ignores.
    """
    paths = [str(LOCK), *lockfile.collect_hashes(stages.values(), "outs")]
    listed = run_git(
        "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths
    ).split("\0")
    changed = [line[3:] for line in listed if line]
    if changed:
        run_git("add", "--all", "--", *changed)
    return changed


def _format_stage_origins(
    stages: Mapping[str, lockfile.Entry], sides: Sequence[str], ran: Sequence[str]
) -> str:
    """Where every stage's result comes from."""
    known = {side: _read_stages_at(side) for side in sides}
    lines = []
    for name, entry in stages.items():
        made_by = next((side for side in sides if known[side].get(name) == entry), None)
        source = (
            "run now"
            if name in ran
            else f"as in {made_by[:9]}"
            if made_by
            else "as it has run here before"
        )
        lines.append(f"  {name:<12} {source}")
    return "\n".join(lines)


def _find_next_command() -> str:
    return next(
        (f"`{word}`" for name, word in CONTINUED_BY.items() if resolve_commit(name)), "`git commit`"
    )
