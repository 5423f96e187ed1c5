"""Re-hashes what a remote holds for commits, and puts back from the cache what is damaged or gone."""

import time
from collections.abc import Iterable
from typing import Any

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.paths import LOCK, PIPELINE
from tarmac.repository.dvc import commands, object_store
from tarmac.repository.git import resolve_commit, run_git
from tarmac.repository.remote.objects import list_commit_outputs

NAMING = (str(LOCK), str(PIPELINE), "*.dvc")  # files that decide which objects a commit names


class FsckError(UserError):
    """A commit that is not known, or what is wrong in the remote."""


def run_fsck(revision: str = "HEAD", every: bool = False, repair: bool = False, name: str | None = None) -> str:
    """Reads every object that a commit names (or `every` commit of all branches and tags) and prints a line a fault.

    Where `repair`, what the cache has is put back and read again. Returns the summary; raises `FsckError` with it
    where something is wrong.
    """
    started = time.monotonic()
    wanted, broken = _list_all_outputs() if every else (list_commit_outputs(_resolve_revision(revision)), [])
    with object_store.open_cache_and_remote(name) as (cache, remote):
        found = object_store.audit_objects(remote, wanted, read=True)
        if repair and found.faults:
            repaired = _repair_objects(cache, remote, found.faults)
            found = object_store.audit_objects(remote, wanted, read=True)
            print("\n".join(f"repaired  {path}" for path in sorted(repaired - {f.path for f in found.faults})))
    seconds = time.monotonic() - started
    lines = [*broken, *map(str, found.faults)]
    summary = f"{found.objects} objects, {found.size / 1e6:,.1f} MB, {seconds:.1f} s, {len(lines)} faults"
    if lines:
        if repair and found.faults:
            summary += "; the cache has no good copy"
        raise FsckError("\n".join([*lines, summary]), _format_advice(found.faults, repair))
    return summary


def _resolve_revision(revision: str) -> str:
    found = resolve_commit(revision)
    if found is None:
        raise FsckError(f"{revision}: no such commit in this clone", "run `git fetch origin`")
    return found


def _list_all_outputs() -> tuple[dict[str, str], list[str]]:
    """Every object that any commit of a branch or tag names, each once, and what is wrong with commits.

    Only commits that changed what decides it are asked.
    """
    log = run_git("log", "--full-history", "--format=%H", "HEAD", "--branches", "--tags", "--remotes", "--", *NAMING)
    first: dict[str, str] = {}
    broken = []
    for revision in log.split():
        try:
            outputs = list_commit_outputs(revision)
        except UserError as error:
            broken.append(f"{revision[:7]}: {error}")
            continue
        for path, oid in outputs.items():
            first.setdefault(oid, f"{revision[:7]}:{path}")
    return {path: oid for oid, path in first.items()}, broken


def _repair_objects(cache: Any, remote: Any, faults: Iterable[object_store.Fault]) -> set[str]:
    """Puts good objects of the cache in the place of damaged or missing ones. Returns the paths that had one.

    A listing goes before what it promises, so that DVC does not take a half-repaired folder for a whole one.
    """
    wanted = {fault.path: fault.oid for fault in faults}
    commands.remove_damaged_objects(cache, wanted)
    unfit = {fault.path for fault in object_store.find_faults(cache, wanted, read=True)}
    there = object_store.find_present_objects(cache, set(wanted.values()))
    mended = {path: oid for path, oid in wanted.items() if oid in there and path not in unfit}
    object_store.remove_objects(remote, set(object_store.find_present_objects(remote, set(mended.values()))))
    oids = set(mended.values()) | {
        oid for path in mended for oid in _find_missing_children(cache, remote, mended[path])
    }
    object_store.copy_objects(cache, remote, oids)
    return set(mended)


def _find_missing_children(cache: Any, remote: Any, oid: str) -> set[str]:
    """Files of a listing that the remote has not and the cache has."""
    children = (
        set(object_store.parse_listing(object_store.read_listing(cache, oid)).values())
        if oid.endswith(".dir")
        else set()
    )
    return set(object_store.find_present_objects(cache, children)) - set(
        object_store.find_present_objects(remote, children)
    )


def _format_advice(faults: Iterable[object_store.Fault], repair: bool) -> str:
    if not list(faults):
        return "rewrite these commits, or delete the branches and tags that contain them"
    if repair:
        return "run `make fsck REPAIR=1` in a clone with a good copy, or `make run` and `make push`"
    return "run `make fsck REPAIR=1` to restore what the cache has"
