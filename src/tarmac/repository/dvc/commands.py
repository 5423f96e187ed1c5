"""Run DVC as the rest of Tarmac uses it.

It is the locked DVC. Its stale locks are cleared, and what it says is checked.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import acquire_file_lock, is_unfinished, recover_output
from tarmac.pipeline.base.paths import LOCK
from tarmac.repository import git
from tarmac.repository.dvc import lockfile, object_store, recovery
from tarmac.repository.dvc.errors import StoreError

LOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))
CHANGING_DATA = Path(".dvc/tmp/data.lock")  # held by a command that replaces tracked data
LITTLE = 2**20  # bytes of free space with which no stage gets anywhere


def build_dvc_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process environment in which a stage's `python` is this one."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {
        **git.build_git_environment(),
        "PATH": path,
        "DVC_NO_ANALYTICS": "1",
        "PYTHONUNBUFFERED": "1",
        **(extra or {}),
    }


def run_dvc(
    *arguments: str,
    folder: Path = Path(),
    extra: Mapping[str, str] | None = None,
    errors: int | None = None,
) -> Iterator[str]:
    """Run DVC and yield its lines as they come.

    Yield its errors, too, if `errors` is `subprocess.STDOUT`. Raise `StoreError` if DVC fails.
    """
    command, env = [sys.executable, "-m", "dvc", *arguments], build_dvc_environment(extra)
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:
        assert process.stdout is not None
        yield from (line.rstrip("\n") for line in process.stdout)
    if process.returncode:
        # DVC then stumbles over what it could not write, and says that.
        full = shutil.disk_usage(folder).free < LITTLE
        why = ": the disk is full" if full else ""
        message = f"`dvc {' '.join(arguments)}` failed with exit status {process.returncode}{why}"
        free = "free some disk space, then run the same command again"
        raise StoreError(message, free if full else "see DVC's messages above")


def clear_stale_locks(folder: Path = Path()) -> list[Path]:
    """Take back what a killed command left half written, and return the paths.

    Every later command would fail because of it. `dvc.lock` becomes the committed one; what has run
    since then is still in DVC's cache. Tracked data becomes what it was before a command that was
    killed while it replaced the data. While DVC is at work, nothing is stale: it writes these files
    in place.
    """
    if recovery.is_dvc_or_git_running(folder):
        return []
    stale = find_stale_locks(folder)
    for path in stale:
        path.unlink()
    taken_back = revert_unfinished_data(folder)
    if folder / LOCK in stale:
        committed = subprocess.run(
            ["git", "show", f"HEAD:./{LOCK}"], cwd=folder, check=False, capture_output=True
        )
        if not committed.returncode:
            (folder / LOCK).write_bytes(committed.stdout)
    return stale + taken_back


def revert_unfinished_data(folder: Path = Path()) -> list[Path]:
    """Take back replacements of tracked data, and return the paths of the data.

    Do nothing while a command is still replacing data.
    """
    tracked = [folder / pointer.with_suffix("") for pointer in list_dvc_files(folder)]
    unfinished = [path for path in tracked if is_unfinished(path)]
    if not unfinished:
        return []
    with acquire_file_lock(folder / CHANGING_DATA, wait=False) as held:
        return [path for path in unfinished if held and recover_output(path)]


def find_stale_locks(folder: Path = Path()) -> list[Path]:
    """Return what a killed DVC left half written.

    This is its own locks, if cut or empty, and a `dvc.lock` that ends too early.
    """
    stale = [
        folder / path for path in LOCKS if (folder / path).is_file() and not _is_json(folder / path)
    ]
    if (folder / LOCK).is_file() and not _is_complete_lockfile(folder / LOCK):
        stale.append(folder / LOCK)
    return stale


def _is_json(path: Path) -> bool:
    """Return whether a file was written to its end.

    A kill leaves none of the file, and a full disk the first few thousand bytes.
    """
    try:
        return json.loads(path.read_bytes()) is not None
    except ValueError:
        return False


def _is_complete_lockfile(path: Path) -> bool:
    """Return whether a `dvc.lock` was written to its end.

    A cut entry has no size. A merge conflict counts as complete: a person must resolve it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if "<<<<<<<" in text:
            return True
        for stage in lockfile.parse_yaml(text)["stages"].values():
            if not all("size" in entry for entry in [*stage["deps"], *stage["outs"]]):
                return False
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return False
    return True


def pull_outputs(
    *targets: str, folder: Path = Path(), extra: Mapping[str, str] | None = None
) -> None:
    """Fetch what the lock names (all, or some targets) and check every byte of it.

    DVC is kept from what it would trust: a damaged object of its cache, and a listing that nobody
    has checked. Raise `StoreError` if an output is missing, or not what the lock names.
    """
    clear_stale_locks(folder)
    wanted = read_output_hashes(folder)
    chosen = {
        path: oid
        for path, oid in wanted.items()
        if not targets or {path, f"{path}.dvc"} & set(targets)
    }
    refused, lacking = prepare_cache_for_pull(chosen, folder)
    present = {
        path for path in chosen.keys() - lacking if compute_dvc_hash(folder / path) == wanted[path]
    }
    to_fetch = [path for path in chosen if path not in refused and path not in present]
    failure = None
    try:
        _fetch_paths(to_fetch if chosen else list(targets), folder, extra)
    except StoreError as error:
        failure = error  # it names hashes; the outputs that they belong to are found below
    differing = {path for path in to_fetch if compute_dvc_hash(folder / path) != wanted[path]}
    wrong = [path for path in chosen if path in refused or path in differing]
    if wrong:
        hint = "delete it, then run `make pull`"
        if failure or refused:
            hint = "see above; if the remote does not have it, ask its author to run `make push`"
        described = ", ".join(_describe_difference(path, folder, refused) for path in wrong)
        raise StoreError(f"outputs differ from {LOCK}: {described}", hint)
    if failure:
        raise failure


def _describe_difference(path: str, folder: Path, refused: Mapping[str, str]) -> str:
    """Return how an output in a folder differs from what the lock names."""
    if path in refused:
        return f"{path}: {refused[path]}"
    return f"{path} (other content)" if (folder / path).exists() else f"{path} (missing)"


def _fetch_paths(paths: list[str], folder: Path, extra: Mapping[str, str] | None) -> None:
    """Have DVC pull outputs by their paths alone.

    If paths and `.dvc` files are given together, DVC leaves some of them out.
    """
    if not paths:
        return
    if object_store.NOTES not in (extra or {}):  # a site cache of its own has no list
        object_store.drop_transfer_list(folder)
    for line in run_dvc("pull", *paths, folder=folder, extra=extra, errors=subprocess.STDOUT):
        print(object_store.redact_credentials(line) if "://" in line else line, flush=True)


def prepare_cache_for_pull(
    wanted: Mapping[str, str], folder: Path = Path()
) -> tuple[dict[str, str], set[str]]:
    """Remove damaged objects of some outputs from the cache, and add checked folder listings.

    Return what is wrong with listings that must not be unpacked, by output. Return also the outputs
    of which the cache lacks something. Raise `StoreError` if the remote is set up so that DVC
    believes every byte of it.
    """
    with object_store.open_cache_and_remote(folder=folder) as (cache, remote):
        if not remote.verify:
            hint = "run `dvc remote modify --local NAME verify true`"
            raise StoreError(
                "DVC would not check what it fetches: `verify_outputs` is not set", hint
            )
        folders = {path: oid for path, oid in wanted.items() if oid.endswith(".dir")}
        kinds = {
            path: object_store.cache_verified_listing(cache, remote, oid)
            for path, oid in folders.items()
        }
        faulty = remove_damaged_objects(cache, wanted)
    unsafe = (object_store.OTHER, object_store.UNSAFE)
    refused = {path: kind for path, kind in kinds.items() if kind in unsafe}
    return refused, {path for path in wanted if _contains_any(path, faulty)}


def _contains_any(output: str, paths: Iterable[str]) -> bool:
    """Whether one of some paths is an output or a file in it."""
    return any(path == output or path.startswith(f"{output}/") for path in paths)


def remove_damaged_from_cache(folder: Path = Path()) -> None:
    """Remove damaged objects of what the lock names from the cache.

    A stage would read them, restored as good ones.
    """
    with object_store.open_cache(folder) as cache:
        remove_damaged_objects(cache, read_output_hashes(folder))


def verify_outputs(folder: Path = Path()) -> None:
    """Check that the outputs in the working tree have the bytes that the lock names.

    DVC does not check this. Raise `StoreError` naming outputs with other bytes.
    """
    wrong = [
        path
        for path, oid in read_output_hashes(folder).items()
        if compute_dvc_hash(folder / path) not in ("", oid)
    ]
    if wrong:
        hint = "delete it, then run `make run`: it removes damaged objects from the cache, too"
        raise StoreError(f"outputs differ from {LOCK}: {', '.join(wrong)}", hint)


def remove_damaged_objects(cache: Any, wanted: Mapping[str, str]) -> set[str]:
    """Delete objects of the cache that have other bytes than their names say.

    DVC would lay them out as good ones. Return the paths of all that the cache now lacks.
    """
    faults = object_store.find_faults(cache, wanted, read=True)
    damaged = [fault for fault in faults if fault.kind != object_store.MISSING]
    for fault in damaged:
        print(f"cache: {fault.path}: {fault.kind}; removed", flush=True)
    object_store.remove_objects(cache, {fault.oid for fault in damaged})
    return {fault.path for fault in faults}


def pull_available_outputs(
    names: Iterable[str], folder: Path = Path(), extra: Mapping[str, str] | None = None
) -> list[str]:
    """Fetch outputs, and return those that are lost.

    An output that is lost does not take the others with it.
    """
    targets = {
        name: f"{name}.dvc" if (folder / f"{name}.dvc").is_file() else name for name in names
    }
    if not targets or _try_pull(*targets.values(), folder=folder, extra=extra):
        return []
    return [
        name
        for name, target in targets.items()
        if not _try_pull(target, folder=folder, extra=extra)
    ]


def _try_pull(*targets: str, folder: Path, extra: Mapping[str, str] | None) -> bool:
    try:
        pull_outputs(*targets, folder=folder, extra=extra)
    except StoreError as error:
        print("pull: " + "; ".join(filter(None, [str(error), error.hint])), flush=True)
        return False
    return True


def read_output_hashes(folder: Path = Path()) -> dict[str, str]:
    """Return the hash of every output that DVC keeps (of `dvc.lock` and `.dvc` files), by path.

    Raise `StoreError` if one of these files is damaged.
    """
    hashes = lockfile.parse_output_hashes(lockfile.read_lock(folder))
    for pointer in list_dvc_files(folder):
        for path, oid in _read_dvc_file(folder / pointer).items():
            hashes[(pointer.parent / path).as_posix()] = oid
    return hashes


def _read_dvc_file(path: Path) -> dict[str, str]:
    """Return the hash of each output of a `.dvc` file, by its path from there."""
    try:
        outs = lockfile.parse_yaml(path.read_text(encoding="utf-8"))["outs"]
        return {out["path"]: out["md5"] for out in outs}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        hint = f"resolve merge conflicts in it, or restore it with `git restore {path}`"
        raise StoreError(f"{path} is damaged: {' '.join(str(error).split())}", hint) from None


def list_dvc_files(folder: Path = Path()) -> list[Path]:
    """Return the `.dvc` files in the working tree, whether Git knows them yet or not.

    Return none if there is no repository.
    """
    try:
        listed = git.run_git(
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            "*.dvc",
            folder=folder,
        )
    except git.GitError:
        return []
    return [
        Path(path) for path in sorted(set(listed.split("\0"))) if path and (folder / path).is_file()
    ]
