"""Read DVC's object stores, and check what they really contain.

DVC checks neither the bytes of objects nor the files of a folder.
"""

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from tarmac.interface.errors import UserError

MISSING, OTHER, UNSAFE = "missing", "content differs from its hash", "unsafe folder listing"
ACCESS = "check its URL (`dvc remote list`) and your credentials (docs/remote.md)"
NOTES = "DVC_SITE_CACHE_DIR"
READERS = 8  # at once
CHUNK = 2**20  # bytes
LARGEST_LISTING = 2**26  # bytes: room for half a million files
CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")


class RemoteError(UserError):
    """A remote that cannot be accessed, with the message of what failed."""


class BadObjectError(Exception):
    """An object that is not there, or not what it should be, with the kind of its fault."""


@dataclass(frozen=True, order=True)
class Fault:
    """An object that a colleague would not get."""

    path: str  # the output, or a file of a folder that is an output
    oid: str
    kind: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.path}  {self.oid}  {self.kind}"


@dataclass(frozen=True)
class Audit:
    """What is wrong in a store, and how much was looked at."""

    faults: list[Fault]
    objects: int
    size: int  # bytes of those that are there


class ObjectStore(Protocol):
    """Where objects are: DVC's own object store, of which Tarmac uses two names."""

    fs: Any

    def oid_to_path(self, oid: str) -> str:
        """The place of an object."""


@contextmanager
def open_remote(name: str | None = None, folder: Path = Path()) -> Iterator[Any]:
    """Open a DVC remote by its name, or the default one.

    Raise `RemoteError` if the remote cannot be reached or is not set.
    """
    with _open_repository(folder) as repo:
        yield repo.cloud.get_remote_odb(name)


@contextmanager
def open_cache(folder: Path = Path()) -> Iterator[Any]:
    """The cache of a repository."""
    with _open_repository(folder) as repo:
        yield repo.cache.local


@contextmanager
def open_cache_and_remote(
    name: str | None = None, folder: Path = Path()
) -> Iterator[tuple[Any, Any]]:
    """The cache of a repository and a remote, as `open_remote` gives it."""
    with _open_repository(folder) as repo:
        yield repo.cache.local, repo.cloud.get_remote_odb(name)


@contextmanager
def _open_repository(folder: Path) -> Iterator[Any]:
    """Open DVC's repository, with nothing that DVC remembers from before.

    What DVC remembers may be wrong after a kill.
    """
    with tempfile.TemporaryDirectory(prefix="tarmac-site-") as site:
        try:
            with open_repo_with_site_cache(folder, site) as repo:
                yield repo
        except (UserError, BadObjectError):
            raise  # Tarmac's own words
        except Exception as error:  # every kind of remote has a library with errors of its own
            ours = isinstance(error, OSError) and error.errno in (errno.EROFS, errno.ENOSPC)
            what = "the object store cannot be written" if ours else "the remote cannot be accessed"
            hint = "free some disk space, or make the file system writable" if ours else ACCESS
            raise RemoteError(f"{what}: {redact_credentials(error)}", hint) from error


def drop_transfer_list(folder: Path) -> None:
    """Have DVC drop the list of objects that an earlier command was to fetch.

    A killed command leaves a part of the list, which the next one takes for the whole of it
    (docs/dvc-notes.md, 1). While another command of DVC is at work, the list is its own.
    """
    from dvc.lock import LockError
    from dvc.repo import Repo

    with suppress(LockError), Repo(str(folder)) as repo, repo.lock:
        repo.drop_data_index()


def open_repo_with_site_cache(folder: Path, site: str) -> Any:
    """Open DVC's repository with its notes in `site`.

    For the place of its notes, DVC reads the environment before its settings.
    """
    from dvc.repo import Repo

    before = os.environ.get(NOTES)
    os.environ[NOTES] = site
    try:
        return Repo(str(folder))
    finally:
        os.environ.pop(NOTES)
        os.environ |= {NOTES: before} if before else {}


def redact_credentials(error: object) -> str:
    """An error, or a line of DVC, in one line and without the credentials that a URL may hold."""
    return CREDENTIALS.sub("***@", " ".join((str(error) or type(error).__name__).split()))


def find_faults(store: ObjectStore, wanted: Mapping[str, str], read: bool) -> list[Fault]:
    """What is wrong with the objects of some outputs, as `audit_objects` finds it."""
    return audit_objects(store, wanted, read).faults


def audit_objects(
    store: ObjectStore,
    wanted: Mapping[str, str],
    read: bool,
    sizes: Mapping[str, int] | None = None,
) -> Audit:
    """Look for the objects of some outputs (hash by path), each object once.

    The files of folders are included. Listings are always read and re-hashed. Every other object is
    re-hashed if `read` is true. Otherwise it is only looked for, and its size in bytes is compared
    if `sizes` has it.
    """
    files, faults, size = _expand_folders(store, wanted)
    oids = sorted(set(files.values()))
    kinds, seen = (
        _find_hash_faults(store, oids) if read else _find_size_faults(store, oids, sizes or {})
    )
    faults += [Fault(path, oid, kinds[oid]) for path, oid in files.items() if kinds[oid]]
    listings = {oid for oid in wanted.values() if oid.endswith(".dir")}
    return Audit(sorted(faults), len(oids) + len(listings), size + seen)


def _expand_folders(
    store: ObjectStore, wanted: Mapping[str, str]
) -> tuple[dict[str, str], list[Fault], int]:
    """Return the hash of every file by path, what is wrong with listings, and their size.

    The size is in bytes, of the listings that are there.
    """
    files = {path: oid for path, oid in wanted.items() if not oid.endswith(".dir")}
    folders = {path: oid for path, oid in wanted.items() if oid.endswith(".dir")}
    oids, faults = sorted(set(folders.values())), []
    with ThreadPoolExecutor(READERS) as pool:
        listings = dict(
            zip(oids, pool.map(lambda oid: _inspect_listing(store, oid), oids), strict=True)
        )
    for path, oid in folders.items():
        kind, children, _ = listings[oid]
        files |= {f"{path}/{name}": child for name, child in children.items()}
        if kind:
            faults.append(Fault(path, oid, kind))
    return files, faults, sum(size for _, _, size in listings.values())


def _inspect_listing(store: ObjectStore, oid: str) -> tuple[str, dict[str, str], int]:
    """Return the kind of fault of a listing, the files in it, and its size in bytes.

    The kind is empty if the listing is good.
    """
    try:
        content = read_listing(store, oid)
        return "", parse_listing(content), len(content)
    except BadObjectError as error:
        return str(error), {}, 0


def _find_hash_faults(store: ObjectStore, oids: list[str]) -> tuple[dict[str, str], int]:
    """Return the kind of fault of every object, and how many bytes were read.

    The kind is empty if the object is as it should be.
    """
    with ThreadPoolExecutor(READERS) as pool:
        results = list(pool.map(lambda oid: _rehash_object(store, oid), oids))
    kinds = {oid: kind for oid, (kind, _) in zip(oids, results, strict=True)}
    return kinds, sum(size for _, size in results)


def _rehash_object(store: ObjectStore, oid: str) -> tuple[str, int]:
    state, size = hashlib.md5(usedforsecurity=False), 0
    try:
        with store.fs.open(store.oid_to_path(oid), "rb") as file:
            for chunk in _iter_chunks(file):
                state.update(chunk)
                size += len(chunk)
    except FileNotFoundError as error:
        _require_response(error)
        return MISSING, 0
    return "" if state.hexdigest() == oid else OTHER, size


def _iter_chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _find_size_faults(
    store: ObjectStore, oids: list[str], sizes: Mapping[str, int]
) -> tuple[dict[str, str], int]:
    there = find_present_objects(store, oids)
    kinds = {oid: MISSING if oid not in there else "" for oid in oids}
    kinds |= {oid: OTHER for oid in there.keys() & sizes.keys() if there[oid] != sizes[oid]}
    return kinds, sum(there.values())


def find_present_objects(store: ObjectStore, oids: Iterable[str]) -> dict[str, int]:
    """Return the size in bytes of the objects that are there.

    Many objects are requested at a time, and none is read.
    """
    known = list(oids)
    if not known:
        return {}
    paths = [store.oid_to_path(oid) for oid in known]
    sizes = {}
    for oid, info in zip(known, store.fs.info(paths, return_exceptions=True), strict=True):
        if isinstance(info, FileNotFoundError):
            _require_response(info)
        elif isinstance(info, BaseException):
            raise info
        else:
            sizes[oid] = int(info["size"] or 0)
    return sizes


def _require_response(error: FileNotFoundError) -> None:
    """Raise `RemoteError` if the server did not respond.

    Some file systems call a file missing when its server is down.
    """
    cause = error.__cause__
    if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
        raise RemoteError(f"the remote cannot be accessed: {redact_credentials(cause)}", ACCESS)


def read_listing(store: ObjectStore, oid: str) -> bytes:
    """Return the bytes of a folder's listing.

    Raise `BadObjectError` if the listing is missing or too large, or is not what the hash says.
    """
    try:
        with store.fs.open(store.oid_to_path(oid), "rb") as file:
            content: bytes = file.read(LARGEST_LISTING + 1)
    except FileNotFoundError as error:
        _require_response(error)
        raise BadObjectError(MISSING) from None
    if len(content) > LARGEST_LISTING:
        raise BadObjectError(UNSAFE)
    if f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir" != oid:
        raise BadObjectError(OTHER)
    return content


def parse_listing(content: bytes) -> dict[str, str]:
    """Return the hash of every file of a folder, by its path in the folder.

    The listing says where files are going to be written, and anyone who can write to a remote can
    write it. Raise `BadObjectError` unless each file has its own path inside the folder.
    """
    try:
        files = [(entry["relpath"], entry["md5"]) for entry in json.loads(content)]
        names = {_parse_relative_path(name) for name, _ in files}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadObjectError(UNSAFE) from None
    folders = {parent for name in names for parent in name.parents}
    if len(names) < len(files) or names & folders or not all(_is_md5(oid) for _, oid in files):
        raise BadObjectError(UNSAFE)
    return dict(files)


def _parse_relative_path(name: str) -> PurePosixPath:
    """Return the path that a name means.

    Raises `ValueError` if it is not written as DVC does, or leaves the folder.
    """
    path = PurePosixPath(name)
    if (
        str(path) != name
        or not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or set("\\\0") & set(name)
    ):
        raise ValueError(name)
    name.encode()
    return path


def _is_md5(oid: object) -> bool:
    return isinstance(oid, str) and re.fullmatch("[0-9a-f]{32}", oid) is not None


def cache_verified_listing(cache: Any, remote: Any, oid: str) -> str:
    """Make the cache contain a listing that is safe to unpack.

    DVC reads the listing in the cache first, and otherwise takes any. Return the kind of fault of
    what the remote has instead; it is empty if all is well.
    """
    kind, _, _ = _inspect_listing(cache, oid)
    if not kind:
        return ""
    if kind != MISSING:
        remove_objects(cache, [oid])
    kind, _, _ = _inspect_listing(remote, oid)
    if not kind:
        copy_objects(remote, cache, [oid])
        kind, _, _ = _inspect_listing(cache, oid)
    return kind


def remove_objects(store: Any, oids: Iterable[str]) -> None:
    """Delete objects from a store.

    An object with other bytes than its name says is of no use, and DVC would go on trusting it.
    """
    for oid in oids:
        store.fs.remove(store.oid_to_path(oid))


def copy_objects(source: Any, target: Any, oids: Iterable[str]) -> None:
    """Copy objects between stores, files before the listings that promise them."""
    known = sorted(set(oids))
    listings = [oid for oid in known if oid.endswith(".dir")]
    files = [oid for oid in known if not oid.endswith(".dir")]
    for group in (files, listings):
        if group:
            paths = [source.oid_to_path(oid) for oid in group]
            target.add(paths, source.fs, group, check_exists=False)
