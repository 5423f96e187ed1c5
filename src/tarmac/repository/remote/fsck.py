"""Re-hash what a remote has for commits.

What is damaged or missing can be put back from the cache.
"""

import time
from collections.abc import Iterable
from typing import Any

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.paths import LOCK, PIPELINE
from tarmac.repository.dvc import commands, object_store
from tarmac.repository.git import resolve_commit, run_git
from tarmac.repository.remote.commit_outputs import list_commit_outputs

NAMING = (str(LOCK), str(PIPELINE), "*.dvc")  # files that decide which objects a commit names


class FsckError(UserError):
    """A commit that is not known, or what is wrong in the remote."""


def run_fsck(
    revision: str = "HEAD", every: bool = False, repair: bool = False, name: str | None = None
) -> str:
    """Read every object that a commit names, and return a summary.

    With `every`, read those of every commit of all branches and tags. With `repair`, what the cache
    has is put back and read again. Raise `FsckError` with a line for each fault and the summary if
    something is wrong.
    """
    started = time.monotonic()
    wanted, broken = (
        _list_all_outputs() if every else (list_commit_outputs(_resolve_revision(revision)), [])
    )
    with object_store.open_cache_and_remote(name) as (cache, remote):
        audit = object_store.audit_objects(remote, wanted, read=True)
        if repair and audit.faults:
            repaired = _repair_objects(cache, remote, audit.faults)
            audit = object_store.audit_objects(remote, wanted, read=True)
            repaired -= {fault.path for fault in audit.faults}
            print("\n".join(f"repaired  {path}" for path in sorted(repaired)))
    seconds = time.monotonic() - started
    lines = [*broken, *map(str, audit.faults)]
    summary = (
        f"{audit.objects} objects, {audit.size / 1e6:,.1f} MB, {seconds:.1f} s, {len(lines)} faults"
    )
    if lines:
        if repair and audit.faults:
            summary += "; the cache has no good copy"
        raise FsckError("\n".join([*lines, summary]), _format_advice(audit.faults, repair))
    return summary


def _resolve_revision(revision: str) -> str:
    commit = resolve_commit(revision)
    if commit is None:
        raise FsckError(f"{revision}: no such commit in this clone", "run `git fetch origin`")
    return commit


def _list_all_outputs() -> tuple[dict[str, str], list[str]]:
    """Return every object that any commit of a branch or tag names, each once.

    Return also what is wrong with commits. Only commits that changed what decides it are read.
    """
    log = run_git(
        "log",
        "--full-history",
        "--format=%H",
        "HEAD",
        "--branches",
        "--tags",
        "--remotes",
        "--",
        *NAMING,
    )
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
    """Replace damaged or missing objects with good ones of the cache.

    Return the paths that had a good one. A listing goes before what it promises, so that DVC does
    not take a half-repaired folder for a whole one.
    """
    wanted = {fault.path: fault.oid for fault in faults}
    commands.remove_damaged_objects(cache, wanted)
    unfit = {fault.path for fault in object_store.find_faults(cache, wanted, read=True)}
    there = object_store.find_present_objects(cache, set(wanted.values()))
    repaired = {path: oid for path, oid in wanted.items() if oid in there and path not in unfit}
    object_store.remove_objects(
        remote, set(object_store.find_present_objects(remote, set(repaired.values())))
    )
    oids = set(repaired.values())
    for oid in repaired.values():
        oids |= _find_missing_children(cache, remote, oid)
    object_store.copy_objects(cache, remote, oids)
    return set(repaired)


def _find_missing_children(cache: Any, remote: Any, oid: str) -> set[str]:
    """Files of a listing that the remote has not and the cache has."""
    if not oid.endswith(".dir"):
        return set()
    listing = object_store.parse_listing(object_store.read_listing(cache, oid))
    children = set(listing.values())
    in_cache = object_store.find_present_objects(cache, children)
    in_remote = object_store.find_present_objects(remote, children)
    return set(in_cache) - set(in_remote)


def _format_advice(faults: Iterable[object_store.Fault], repair: bool) -> str:
    if not list(faults):
        return "rewrite these commits, or delete the branches and tags that contain them"
    if repair:
        return "run `make fsck REPAIR=1` in a clone with a good copy, or `make run` and `make push`"
    return "run `make fsck REPAIR=1` to restore what the cache has"
