"""Make the lock of a merge, with as few runs as possible.

It is the lock that the merged code, data and parameters make.
"""

from collections.abc import Collection, Mapping, Sequence
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
    merged is never used, conflict or not: its text may be of two runs. Raise `MergeError` if a
    person must resolve a conflict.
    """
    sides = _list_merge_sides()
    _check_conflicts_resolved(sides)
    policy.load_all_params()
    merged = {} if str(LOCK) in list_conflicted_paths() else _read_current_stages()
    if len(sides) > 1:
        _save_runs_of_sides(sides)
    _restore_lock(sides[0])
    commands.pull_outputs("data/raw.dvc")
    ran = reproduce.run_dvc_repro(Path(), "--pull")
    run_cache.save_workspace_runs()  # so that a merge that is begun once more costs nothing
    stages = _read_current_stages()
    staged = _add_results_to_index(stages)
    print(f"\n{_format_stage_origins(stages, sides, ran)}")
    wrong = [name for name in stages if name in merged and merged[name] != stages[name]]
    if wrong:
        print(
            "without a conflict, the merge had left a lock that this code does not make: "
            f"{', '.join(wrong)}"
        )
    if staged:
        print(f"staged {len(staged)} files; next: `make push`, then {_find_next_command()}")
    else:
        print("nothing has changed")


def _save_runs_of_sides(sides: Sequence[str]) -> None:
    """Save what the commits of a merge have run in DVC's run cache."""
    for side in sides:
        with clone.open_clone(side) as folder:
            site = clone.build_site_cache_env(folder)[object_store.NOTES]
            failure = run_cache.save_commit_runs(folder, site)
        if failure:
            print(f"{side[:9]}: no run can be taken from it ({failure})", flush=True)


def _list_merge_sides() -> list[str]:
    """Return the commits whose locks a run has made, each lock once.

    They are the commits that are merged, ours first, and the one where they come from.
    """
    head = resolve_commit("HEAD")
    continued = [resolve_commit(name) for name in CONTINUED_BY]
    under_way = [commit for commit in continued if commit]
    if head is None:
        hint = "make the first commit: `git add --all`, then `git commit`"
        raise GitError("there is no commit yet, and nothing to merge", hint)
    parents = run_git("rev-parse", "HEAD^@").split()
    sides = [head, *under_way]
    if not under_way and len(parents) > 1:
        sides = parents
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
    outputs = {str(LOCK)}
    for side in sides:
        outputs.update(lockfile.collect_hashes(_read_stages_at(side).values(), "outs"))
    unresolved = [path for path in list_conflicted_paths() if not _is_in_any(path, outputs)]
    if unresolved:
        hints = ["resolve each file and `git add` it, then run `make merge-lock` again"]
        if any(path.endswith(".dvc") for path in unresolved):
            hints.append("in a .dvc file, choose one of two versions of the data (docs/team.md)")
        lines = ["files with unresolved merge conflicts:", *(f"  {path}" for path in unresolved)]
        raise MergeError("\n".join(lines), "\n".join(hints))


def _is_in_any(path: str, outputs: Collection[str]) -> bool:
    """Whether a path is one of some outputs, or lies in one."""
    return any(path == output or path.startswith(f"{output}/") for output in outputs)


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
        source = next((side for side in sides if known[side].get(name) == entry), None)
        origin = f"as in {source[:9]}" if source else "as it has run here before"
        if name in ran:
            origin = "run now"
        lines.append(f"  {name:<12} {origin}")
    return "\n".join(lines)


def _find_next_command() -> str:
    for name, command in CONTINUED_BY.items():
        if resolve_commit(name):
            return f"`{command}`"
    return "`git commit`"
