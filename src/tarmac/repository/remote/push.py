"""Send what the lock names, and check that the remote holds all of it."""

import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands, object_store
from tarmac.repository.dvc.object_store import MISSING, OTHER, UNSAFE, Fault
from tarmac.repository.git import run_git
from tarmac.repository.remote.commit_outputs import list_commit_outputs

Files = dict[str, str]  # hash by path
ADVICE = {  # by the kind of a fault
    MISSING: "run `make push` again",
    OTHER: "run `make fsck REPAIR=1`",
    UNSAFE: "rename the files of the folder",
}


class PushError(UserError):
    """What a remote still lacks, or what must not be sent."""


def push_outputs(folder: Path = Path(), name: str | None = None) -> str:
    """Push every output that is named here, and look for each in the remote.

    Return a line on what is there now. DVC sends a damaged object of its cache as it is, and takes
    a folder's listing as proof of the files in it. Here the cache is re-hashed before, and what DVC
    left out is sent after. Raise `PushError` naming what is missing.
    """
    commands.clear_stale_locks(folder)
    wanted = list_commit_outputs(folder=folder)
    with object_store.open_cache_and_remote(name, folder) as (cache, remote):
        lacking = _find_missing_objects(cache, remote, wanted)
        if lacking:
            _prepare_cache(cache, lacking, folder)
            _run_dvc_push(folder, name)
        _send_skipped_objects(cache, remote, _find_missing_objects(cache, remote, wanted))
        sizes = object_store.find_present_objects(
            cache, {oid for oid in _collect_oids(cache, wanted) if not oid.endswith(".dir")}
        )
        audit = object_store.audit_objects(remote, wanted, read=False, sizes=sizes)
        inside = find_embedded_remote(remote, folder)
    if audit.faults:
        raise PushError("\n".join(map(str, audit.faults)), "\n".join(_format_faults(audit.faults)))
    new = len(set(lacking.values()))
    summary = f"the remote holds all {audit.objects} objects that are named here, {new} of them new"
    if inside and _has_uncommitted_changes(inside, folder):
        return f"{summary}; commit {inside} with dvc.lock"
    return summary


def _find_missing_objects(cache: Any, remote: Any, wanted: Mapping[str, str]) -> Files:
    """Return the objects that the remote does not have, by path.

    If the cache has no listing of a folder, use the one of the remote.
    """
    files: Files = {}
    for path, oid in wanted.items():
        files |= _list_with_children(path, oid, cache, remote)
    return _select_missing(remote, files)


def _list_with_children(path: str, oid: str, *stores: Any) -> Files:
    if not oid.endswith(".dir"):
        return {path: oid}
    for store in stores:
        try:
            children = object_store.parse_listing(object_store.read_listing(store, oid))
        except object_store.BadObjectError:
            continue
        return {path: oid} | {f"{path}/{name}": child for name, child in children.items()}
    return {path: oid}


def _collect_oids(cache: Any, wanted: Mapping[str, str]) -> set[str]:
    oids: set[str] = set()
    for path, oid in wanted.items():
        oids.update(_list_with_children(path, oid, cache).values())
    return oids


def _prepare_cache(cache: Any, lacking: Files, folder: Path) -> None:
    """Re-hash what is to be sent, and take from the workspace what the cache lacks.

    Raise `PushError` if the cache still lacks something.
    """
    commands.remove_damaged_objects(cache, lacking)
    for path, oid in _select_missing(cache, lacking).items():
        if compute_dvc_hash(folder / path) == oid and not oid.endswith(".dir"):
            cache.add(str((folder / path).resolve()), cache.fs, oid)
    faults = [Fault(path, oid, MISSING) for path, oid in _select_missing(cache, lacking).items()]
    gone = [f"{fault} in the cache and in the remote" for fault in faults]
    if gone:
        hint = "create it again with `make run`, or raw data with `make ingest`"
        raise PushError("\n".join(gone), hint)


def _select_missing(store: Any, files: Files) -> Files:
    """Those of some files that a store does not hold."""
    present = object_store.find_present_objects(store, set(files.values()))
    return {path: oid for path, oid in files.items() if oid not in present}


def _run_dvc_push(folder: Path, name: str | None) -> None:
    """Run DVC's push, without what DVC remembers.

    A push that was killed may have left it half of a list of objects.
    """
    with tempfile.TemporaryDirectory(prefix="tarmac-site-") as site:
        options = ["--remote", name] if name else []
        extra = {"DVC_SITE_CACHE_DIR": site}
        for line in commands.run_dvc(
            "push", *options, folder=folder, extra=extra, errors=subprocess.STDOUT
        ):
            print(object_store.redact_credentials(line), flush=True)


def _send_skipped_objects(cache: Any, remote: Any, lacking: Files) -> None:
    """Send the files that DVC left out.

    DVC leaves files out if the listing that promises them was there before them.
    """
    for path in lacking:
        print(f"push: DVC left out {path}", flush=True)
    object_store.copy_objects(cache, remote, lacking.values())


def _format_faults(faults: Iterable[Fault]) -> list[str]:
    """Return what to do, a line for each kind of fault."""
    kinds = {fault.kind for fault in faults}
    return [f"{kind}: {advice}" for kind, advice in ADVICE.items() if kind in kinds]


def find_embedded_remote(remote: Any, folder: Path = Path()) -> Path | None:
    """Return where in the clone an embedded remote is.

    Return None if the remote is elsewhere, or if Git ignores it.
    """
    if remote.fs.protocol != "local":
        return None
    top = _find_top_folder(folder)
    root = Path(remote.path).resolve().parents[1]  # DVC keeps its objects in files/md5 of it
    if not root.is_relative_to(top):
        return None
    ignored = run_git(
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--directory",
        "--",
        str(root),
        folder=top,
    )
    return None if ignored else root.relative_to(top)


def _has_uncommitted_changes(inside: Path, folder: Path) -> bool:
    return bool(
        run_git("status", "--porcelain", "--", str(inside), folder=_find_top_folder(folder))
    )


def _find_top_folder(folder: Path) -> Path:
    return Path(run_git("rev-parse", "--show-toplevel", folder=folder).strip()).resolve()
