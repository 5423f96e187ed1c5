"""The objects that a commit names, and what a remote really holds of them: DVC asks neither for bytes nor children."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

import yaml

from tarmac import store
from tarmac.git import git, text_at

MISSING, OTHER, UNSAFE = "missing", "other bytes than its name says", "a listing that is not safe to unpack"
READERS = 8  # at once
CHUNK = 2**20  # bytes
LARGEST_LISTING = 2**26  # bytes: room for half a million files


class RemoteError(ValueError):
    """A remote that cannot be asked, in the words of what failed."""


@dataclass(frozen=True, order=True)
class Fault:
    """An object that a colleague would not get."""

    path: str  # the output, or a file of a folder that is an output
    oid: str
    kind: str


class Remote(Protocol):
    """Where objects are: DVC's own object store, of which Tarmac needs two words."""

    fs: Any

    def oid_to_path(self, oid: str) -> str:
        """The place of an object."""


@contextmanager
def opened(name: str | None = None, folder: Path = Path()) -> Iterator[Remote]:
    """A DVC remote by its name, or the default one. Raises `RemoteError` where it cannot be reached or is not set."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(folder)) as repo:
            yield repo.cloud.get_remote_odb(name)
    except (DvcException, OSError) as error:
        raise RemoteError(f"the remote cannot be asked: {' '.join(str(error).split())}") from error


def named(revision: str, folder: Path = Path()) -> dict[str, str]:
    """Hash of every output that a commit leaves to DVC (of `dvc.lock` and of `.dvc` files), by path."""
    in_git = _kept_in_git(yaml.safe_load(text_at(revision, Path("dvc.yaml"), folder) or "") or {})
    locked = store.locked(text_at(revision, store.LOCK, folder) or "")
    hashes = {path: oid for path, oid in locked.items() if path not in in_git}
    listed = git("ls-tree", "--name-only", "-r", "-z", revision, "--", "data", folder=folder).split("\0")
    for pointer in (Path(path) for path in listed if path.endswith(".dvc")):
        for out in yaml.safe_load(text_at(revision, pointer, folder) or "")["outs"]:
            hashes[(pointer.parent / out["path"]).as_posix()] = out["md5"]
    return hashes


def _kept_in_git(pipeline: Mapping[str, Any]) -> set[str]:
    """Outputs that a `dvc.yaml` declares with `cache: false`."""
    stages = pipeline.get("stages", {}).values()
    declared = [out for stage in stages for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    options = [item for out in declared if isinstance(out, Mapping) for item in out.items()]
    return {path for path, option in options if not option.get("cache", True)}


def faults(remote: Remote, wanted: Mapping[str, str], read: bool) -> list[Fault]:
    """What is wrong with the objects of some outputs, children of folders included.

    Listings are always read and re-hashed; every other object is re-hashed where `read`, else only looked for.
    """
    files, found = {}, []
    for path, oid in wanted.items():
        if not oid.endswith(".dir"):
            files[path] = oid
            continue
        try:
            files |= {f"{path}/{name}": child for name, child in _listing(remote, oid).items()}
        except _BadObjectError as error:
            found.append(Fault(path, oid, str(error)))
    oids = sorted(set(files.values()))
    with ThreadPoolExecutor(READERS) as pool:
        kinds = dict(zip(oids, pool.map(lambda oid: _wrong(remote, oid, read), oids), strict=True))
    return sorted(found + [Fault(path, oid, kind) for path, oid in files.items() if (kind := kinds[oid])])


class _BadObjectError(Exception):
    pass


def _listing(remote: Remote, oid: str) -> dict[str, str]:
    """The files of a folder output by their path in it; every path stays in the folder."""
    try:
        with remote.fs.open(remote.oid_to_path(oid), "rb") as file:
            content = file.read(LARGEST_LISTING)
    except FileNotFoundError:
        raise _BadObjectError(MISSING) from None
    if f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir" != oid:
        raise _BadObjectError(OTHER)
    try:
        entries = {entry["relpath"]: entry["md5"] for entry in json.loads(content)}
    except (ValueError, KeyError, TypeError):
        raise _BadObjectError(UNSAFE) from None
    if not all(_stays_inside(name) and _is_md5(child) for name, child in entries.items()):
        raise _BadObjectError(UNSAFE)
    return entries


def _stays_inside(name: object) -> bool:
    path = PurePosixPath(name) if isinstance(name, str) and name and "\\" not in name and "\0" not in name else None
    return path is not None and not path.is_absolute() and ".." not in path.parts


def _is_md5(oid: object) -> bool:
    return isinstance(oid, str) and len(oid) == 32 and set(oid) <= set("0123456789abcdef")


def _wrong(remote: Remote, oid: str, read: bool) -> str:
    """The kind of fault of a file's object; empty where it is as it should be."""
    path = remote.oid_to_path(oid)
    try:
        if not read:
            return "" if remote.fs.exists(path) else MISSING
        with remote.fs.open(path, "rb") as file:
            return "" if _md5(file) == oid else OTHER
    except FileNotFoundError:
        return MISSING


def _md5(file: IO[bytes]) -> str:
    state = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(CHUNK):
        state.update(chunk)
    return state.hexdigest()
