"""Object stores: an audit finds every missing or damaged object.

Unsafe listings are rejected.
"""

import errno
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import FrozenInstanceError
from io import BytesIO
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.interface.errors import UserError
from tarmac.repository.dvc import object_store

OID = "0123456789abcdef" * 2


class Folder:
    """The plainest object store: files in a folder, through the same file system as DVC's."""

    def __init__(self, path: Path) -> None:
        from dvc_objects.fs.local import LocalFileSystem

        self.fs, self.path = LocalFileSystem(), path

    def oid_to_path(self, oid: str) -> str:
        return str(self.path / oid)

    def put(self, content: bytes, suffix: str = "") -> str:
        oid = hashlib.md5(content).hexdigest() + suffix
        (self.path / oid).write_bytes(content)
        return oid

    def put_listing(self, files: dict[str, str]) -> str:
        return self.put(
            json.dumps([{"md5": oid, "relpath": name} for name, oid in files.items()]).encode(),
            ".dir",
        )


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def wanted(store: Folder) -> dict[str, str]:
    files = {"a": store.put(b"one"), "sub/b": store.put(b"two"), "sub/same": store.put(b"two")}
    return {"folder": store.put_listing(files), "file": store.put(b"three")}


def test_whole_store_has_no_faults_and_counts_objects_once(store, wanted):
    size = sum(path.stat().st_size for path in store.path.iterdir())
    for read in (True, False):
        assert object_store.audit_objects(store, wanted, read) == object_store.Audit([], 4, size)


@pytest.mark.parametrize("read", [True, False])
def test_names_every_folder_file_whose_object_is_missing(store, wanted, read):
    gone = hashlib.md5(b"two").hexdigest()
    (store.path / gone).unlink()
    assert object_store.find_faults(store, wanted, read) == [
        object_store.Fault("folder/sub/b", gone, object_store.MISSING),
        object_store.Fault("folder/sub/same", gone, object_store.MISSING),
    ]


def test_reports_missing_or_damaged_listing(store, wanted):
    path = store.path / wanted["folder"]
    path.write_bytes(path.read_bytes().replace(b"sub/b", b"sub/c"))
    assert [fault.kind for fault in object_store.find_faults(store, wanted, read=False)] == [
        object_store.OTHER
    ]
    path.unlink()
    assert [fault.kind for fault in object_store.find_faults(store, wanted, read=False)] == [
        object_store.MISSING
    ]


@pytest.mark.parametrize("content", [b"tHree", b"", b"thre", b"three "])
def test_detects_other_bytes_by_hash_or_known_size(store, wanted, content):
    (store.path / wanted["file"]).write_bytes(content)
    fault = object_store.Fault("file", wanted["file"], object_store.OTHER)
    assert object_store.find_faults(store, wanted, read=True) == [fault]
    sized = object_store.audit_objects(store, wanted, read=False, sizes={wanted["file"]: 5})
    assert sized.faults == ([] if len(content) == 5 else [fault]), (
        "a size is compared where it is known"
    )


def refused(content: bytes) -> bool:
    try:
        object_store.parse_listing(content)
    except object_store.BadObjectError as error:
        return str(error) == object_store.UNSAFE
    return False


def listed(*names: object, oid: object = OID) -> bytes:
    return json.dumps([{"md5": oid, "relpath": name} for name in names]).encode()


BAD_NAMES = [
    "..",
    "../x",
    "a/../../x",
    "/etc/x",
    "//x",
    "a\\b",
    "..\\x",
    "",
    ".",
    "./a",
    "a/",
    "a//b",
    "a/./b",
    "a\0b",
    1,
]
BAD_NAMES += [None, ["a"], "\ud800"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_rejects_listing_with_unsafe_file_name(name):
    assert refused(listed("good", name))


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("x/a/b", "x/a"), ("b/c", "b/c")])
def test_rejects_listing_with_conflicting_paths(names):
    assert refused(listed(*names))


@pytest.mark.parametrize(
    "oid", ["", "../../../../planted", OID.upper(), OID + "0", OID + "\n", f"{OID}.dir", None, 3]
)
def test_rejects_listing_with_invalid_hash(oid):
    assert refused(listed("a", oid=oid))


@pytest.mark.parametrize(
    "content",
    [b"", b"{}x", b"[1]", b"[[]]", b"null", b"3", b'[{"md5": 1}]', b"\xff", b"[" * 100_000],
)
def test_rejects_malformed_listing(content):
    assert refused(content)


def test_rejects_oversized_listing(store, monkeypatch):
    monkeypatch.setattr(object_store, "LARGEST_LISTING", 1000)
    oid = store.put_listing({f"file-{number}": OID for number in range(100)})
    assert [
        fault.kind for fault in object_store.find_faults(store, {"folder": oid}, read=False)
    ] == [object_store.UNSAFE]


NAMES = st.text(st.sampled_from("abA09._- ~é日\U0001f6eb"), min_size=1, max_size=5).filter(
    lambda name: name.strip(".")
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(st.lists(PATHS, unique=True, max_size=8))
def test_accepts_every_folder_that_dvc_can_hash(paths):
    kept = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    assert object_store.parse_listing(listed(*kept)) == dict.fromkeys(kept, OID)


@given(st.lists(st.text(st.sampled_from("ab./\\\0"), max_size=8), max_size=4))
def test_accepted_listing_unpacks_only_to_paths_it_names(tmp_path_factory, names):
    """Check that every accepted listing can be written.

    Each file has a path of its own, and none is outside the folder.
    """
    if refused(listed(*names)):
        return
    folder = tmp_path_factory.mktemp("unpacked") / "folder"
    folder.mkdir()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    assert {path.name for path in folder.parent.iterdir()} == {"folder"}
    assert {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} == set(
        map(PurePosixPath, names)
    )


ANY = st.none() | st.text(max_size=8) | st.integers()
ENTRY = st.fixed_dictionaries({"md5": st.just(OID) | ANY, "relpath": PATHS | ANY})


@given(
    st.binary(max_size=200)
    | st.lists(ENTRY | ANY, max_size=3).map(json.dumps).map(str.encode)
    | st.recursive(ANY, st.lists).map(json.dumps).map(str.encode)
)
def test_entries_are_read_exactly_or_rejected_as_unsafe(content):
    if not refused(content):
        listed_files = [(entry["relpath"], entry["md5"]) for entry in json.loads(content)]
        assert list(object_store.parse_listing(content).items()) == listed_files


def test_error_text_masks_credentials_in_urls():
    line = "failed to connect to https://me:se@cret@host.example/path\n  and s3://key:word@bucket/x"
    assert (
        object_store.redact_credentials(line)
        == "failed to connect to https://***@host.example/path and s3://***@bucket/x"
    )
    assert object_store.redact_credentials(KeyError()) == "KeyError"


def test_folder_without_repository_raises_remote_error(tmp_path):
    with (
        pytest.raises(object_store.RemoteError, match="the remote cannot be accessed"),
        object_store.open_remote(folder=tmp_path),
    ):
        pass


CONFIG = """\
[core]
    no_scm = True
    analytics = False
    remote = usual
['remote "usual"']
    url = ../usual
['remote "other"']
    url = ../other
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of DVC with two remotes, all of them empty."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "own"))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(CONFIG)
    return tmp_path


def test_opens_cache_and_default_or_named_remote(project):
    cache, usual, other = (project / name for name in (".dvc/cache", "usual", "other"))
    with object_store.open_cache(project) as found:
        assert Path(found.path) == cache / "files" / "md5"
    for name, expected in ((None, usual), ("usual", usual), ("other", other)):
        with object_store.open_remote(name, project) as found:
            assert Path(found.path) == expected / "files" / "md5"
        with object_store.open_cache_and_remote(name, project) as (first, second):
            assert Path(first.path) == cache / "files" / "md5"
            assert Path(second.path) == expected / "files" / "md5"


@pytest.mark.parametrize("own", ["own", None])
def test_keeps_users_site_cache_variable_unchanged(project, monkeypatch, own):
    monkeypatch.delenv(object_store.NOTES)
    if own:
        monkeypatch.setenv(object_store.NOTES, own)
    with object_store.open_cache(project):
        assert os.environ.get(object_store.NOTES) == own
    assert os.environ.get(object_store.NOTES) == own


def test_opens_repository_with_fresh_site_cache(project):
    with object_store.open_repo_with_site_cache(project, str(project / "fresh")) as repo:
        assert Path(repo.site_cache_dir).is_relative_to(project / "fresh")
        assert Path(repo.root_dir) == project
    with object_store.open_cache(project):
        assert not (project / "own").exists()


ERRORS = [
    (OSError(errno.ENOSPC, "no space"), "the object store cannot be written: "),
    (OSError(errno.EROFS, "read-only"), "the object store cannot be written: "),
    (OSError(errno.EACCES, "not allowed"), "the remote cannot be accessed: "),
    (RuntimeError("broken\n pipe"), "the remote cannot be accessed: broken pipe"),
]


@pytest.mark.parametrize(("error", "reason"), ERRORS, ids=repr)
def test_distinguishes_unwritable_store_from_unreachable_remote(project, error, reason):
    with pytest.raises(object_store.RemoteError) as caught, object_store.open_cache(project):
        raise error
    assert str(caught.value).startswith(reason)
    assert caught.value.__cause__ is error


def test_reraises_value_error_unchanged(project):
    error = UserError("in other words")
    with (
        pytest.raises(UserError, match="in other words") as caught,
        object_store.open_cache(project),
    ):
        raise error
    assert caught.value is error


def test_fault_renders_path_hash_and_kind_and_sorts_by_path():
    fault = object_store.Fault("data/a", OID, object_store.MISSING)
    assert str(fault) == f"data/a  {OID}  missing"
    later = object_store.Fault("data/b", "0", object_store.MISSING)
    assert sorted([later, fault]) == [fault, later]


@pytest.mark.parametrize("read", [True, False])
def test_audit_counts_requested_objects_and_present_bytes(store, wanted, read):
    gone = {name: hashlib.md5(name.encode()).hexdigest() for name in ("y", "x")}
    lost = f"{OID}.dir"
    (store.path / hashlib.md5(b"two").hexdigest()).unlink()
    found = object_store.audit_objects(
        store, {**wanted, **gone, "again": wanted["folder"], "lost": lost}, read
    )
    two = hashlib.md5(b"two").hexdigest()
    missing = [(f"{top}/sub/{name}", two) for top in ("again", "folder") for name in ("b", "same")]
    missing += [("lost", lost), ("x", gone["x"]), ("y", gone["y"])]
    size = sum(path.stat().st_size for path in store.path.iterdir())
    faults = [object_store.Fault(path, oid, object_store.MISSING) for path, oid in missing]
    assert found == object_store.Audit(faults, objects=7, size=size)


def test_hashes_object_of_many_chunks(store, wanted, monkeypatch):
    content = b"0123456789"
    oid = store.put(content)
    for size in (1, 3, 10, 11):
        monkeypatch.setattr(object_store, "CHUNK", size)
        assert object_store.audit_objects(store, {"file": oid}, read=True) == object_store.Audit(
            [], 1, len(content)
        )


class Watched:
    """A store whose objects are held in memory, and which sees how they are read."""

    def __init__(self, contents: list[bytes], together: int) -> None:
        self.objects = {hashlib.md5(content).hexdigest(): content for content in contents}
        self.reads, self.open_now, self.most_open = [], 0, 0
        self.lock, self.barrier = threading.Lock(), threading.Barrier(together, timeout=30)
        self.fs = self

    def oid_to_path(self, oid: str) -> str:
        return oid

    @contextmanager
    def open(self, path: str, mode: str) -> Iterator[Any]:
        assert mode == "rb"
        with self.lock:
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
        self.barrier.wait()  # until as many are open
        file = BytesIO(self.objects[path])
        yield SimpleNamespace(read=lambda size: self.reads.append(size) or file.read(size))
        with self.lock:
            self.open_now -= 1


def test_reads_eight_objects_at_once():
    store = Watched([bytes([number]) for number in range(32)], together=8)
    assert object_store.find_faults(store, {oid: oid for oid in store.objects}, read=True) == []
    assert store.most_open == 8


def test_reads_object_in_chunks_of_one_mebibyte():
    (content,) = contents = [b"x" * (5 * 2**19)]
    store = Watched(contents, together=1)
    found = object_store.audit_objects(store, {"file": hashlib.md5(content).hexdigest()}, read=True)
    assert found == object_store.Audit([], 1, len(content))
    assert store.reads == [2**20] * 4


def test_listing_size_limit_allows_half_million_files():
    line = len(json.dumps({"md5": OID, "relpath": "flights/2013-01.parquet"})) + len(", ")
    assert 500_000 * line < object_store.LARGEST_LISTING < 1_000_000 * line


@pytest.mark.parametrize(("room", "kinds"), [(0, []), (-1, [object_store.UNSAFE])])
def test_listing_size_limit_is_inclusive(store, wanted, monkeypatch, room, kinds):
    size = (store.path / wanted["folder"]).stat().st_size
    monkeypatch.setattr(object_store, "LARGEST_LISTING", size + room)
    assert [fault.kind for fault in object_store.find_faults(store, wanted, read=False)] == kinds


class Answers:
    """A store whose file system gives one answer to everything."""

    def __init__(self, answer: object, cause: BaseException | None = None) -> None:
        self.fs, self.answer, self.cause = self, answer, cause

    def oid_to_path(self, oid: str) -> str:
        return oid

    def open(self, path: str, mode: str) -> Any:
        raise self.answer from self.cause

    def info(self, paths: list[str], return_exceptions: bool) -> list[object]:
        assert return_exceptions
        if isinstance(self.answer, BaseException):
            self.answer.__cause__ = self.cause
        return [self.answer] * len(paths)


LOOKS = {
    "present": lambda store: object_store.find_present_objects(store, [OID]),
    "listing": lambda store: object_store.read_listing(store, OID),
    "listings": lambda store: object_store.find_faults(store, {"folder": f"{OID}.dir"}, read=False),
    "hashed": lambda store: object_store.find_faults(store, {"file": OID}, read=True),
    "sought": lambda store: object_store.find_faults(store, {"file": OID}, read=False),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_unreachable_server_raises_instead_of_reporting_missing(look):
    store = Answers(FileNotFoundError(OID), ConnectionError("https://me:key@host is down"))
    with pytest.raises(object_store.RemoteError) as caught:
        look(store)
    assert str(caught.value) == "the remote cannot be accessed: https://***@host is down"


@pytest.mark.parametrize("cause", [None, FileNotFoundError("the folder"), KeyError("the key")])
def test_object_absent_from_server_is_reported_missing(cause):
    store = Answers(FileNotFoundError(OID), cause)
    assert object_store.find_present_objects(store, [OID]) == {}
    with pytest.raises(object_store.BadObjectError, match=object_store.MISSING):
        object_store.read_listing(store, OID)
    for read in (True, False):
        for oid in (OID, f"{OID}.dir"):
            fault = object_store.Fault("data", oid, object_store.MISSING)
            assert object_store.audit_objects(store, {"data": oid}, read) == object_store.Audit(
                [fault], 1, 0
            )


@pytest.mark.parametrize("error", [PermissionError("not allowed"), KeyboardInterrupt()], ids=repr)
def test_error_for_one_object_is_raised(error):
    with pytest.raises(type(error)):
        object_store.find_present_objects(Answers(error), [OID])


def test_present_sends_no_request_for_no_objects():
    assert object_store.find_present_objects(SimpleNamespace(fs=None), iter([])) == {}


def test_object_of_unknown_size_is_present():
    assert object_store.find_present_objects(Answers({"size": None}), iter([OID])) == {OID: 0}
    assert object_store.find_present_objects(Answers({"size": 7}), iter([OID])) == {OID: 7}


def put(store: Any, content: bytes, oid: str = "", suffix: str = "") -> str:
    """Write an object, under its own hash or under that of another one."""
    oid = oid or hashlib.md5(content).hexdigest() + suffix
    path = Path(store.oid_to_path(oid))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return oid


def held(store: Any, oid: str) -> bytes | None:
    path = Path(store.oid_to_path(oid))
    return path.read_bytes() if path.exists() else None


GOOD, UNSAFE = listed("a"), listed("../a")


@pytest.fixture
def both(project: Path) -> Iterator[tuple[Any, Any]]:
    """DVC's own stores: a cache and a remote."""
    with object_store.open_cache_and_remote(folder=project) as stores:
        yield stores


@pytest.mark.parametrize("before", [None, b"damaged", UNSAFE], ids=["none", "damaged", "unsafe"])
def test_fetches_good_listing_whatever_cache_contains(both, before):
    cache, remote = both
    oid = put(remote, GOOD, suffix=".dir")
    if before:
        put(cache, before, oid)
    assert object_store.cache_verified_listing(cache, remote, oid) == ""
    assert held(cache, oid) == GOOD


@pytest.mark.parametrize("theirs", [None, b"damaged"])
def test_removes_damaged_listing_that_remote_cannot_replace(both, theirs):
    cache, remote = both
    oid = put(cache, b"other bytes", f"{hashlib.md5(GOOD).hexdigest()}.dir")
    if theirs:
        put(remote, theirs, oid)
    kind = object_store.OTHER if theirs else object_store.MISSING
    assert object_store.cache_verified_listing(cache, remote, oid) == kind
    assert held(cache, oid) is None


def test_removes_unsafe_listing_and_does_not_fetch_it_again(both):
    cache, remote = both
    oid = put(cache, UNSAFE, suffix=".dir")
    put(remote, UNSAFE, oid)
    assert object_store.cache_verified_listing(cache, remote, oid) == object_store.UNSAFE
    assert held(cache, oid) is None


def test_does_not_request_cached_listing_from_remote(both):
    cache, _ = both
    oid = put(cache, GOOD, suffix=".dir")
    assert object_store.cache_verified_listing(cache, None, oid) == ""


def test_removes_nothing_where_listing_is_missing(both):
    cache, remote = both
    store = SimpleNamespace(fs=Strict(cache.fs), oid_to_path=cache.oid_to_path)
    assert object_store.cache_verified_listing(store, remote, f"{OID}.dir") == object_store.MISSING


class Strict:
    """A file system that removes nothing."""

    def __init__(self, fs: Any) -> None:
        self.open = fs.open


def test_checks_listing_after_it_was_copied(store, both):
    """What a disk or a network made of it counts, not what was sent."""
    _, remote = both
    oid = put(remote, GOOD, suffix=".dir")
    store.add = lambda paths, fs, oids, check_exists: put(store, b"cut", *oids)
    assert object_store.cache_verified_listing(store, remote, oid) == object_store.OTHER


def test_copy_overwrites_damaged_object(both):
    source, target = both
    oid = put(source, b"good")
    put(target, b"damaged", oid)
    object_store.copy_objects(source, target, [oid])
    assert held(target, oid) == b"good"


def test_copies_files_before_listings_each_once():
    added: list[tuple[object, ...]] = []

    def add(paths: list[str], fs: object, oids: list[str], **options: object) -> None:
        added.append((paths, fs, oids, options))

    source = SimpleNamespace(fs="fs", oid_to_path=lambda oid: f"path of {oid}")
    target, listing = SimpleNamespace(add=add), "0.dir"
    for oids, groups in (
        (["b", listing, "c", "b", "a"], [["a", "b", "c"], [listing]]),
        (["b", "a"], [["a", "b"]]),
        ([listing], [[listing]]),
        ([], []),
    ):
        added.clear()
        object_store.copy_objects(source, target, oids)
        assert [call[2] for call in added] == groups
        for paths, fs, group, options in added:
            assert (paths, fs) == ([f"path of {oid}" for oid in group], "fs")
            assert options == {"check_exists": False}


def test_remove_deletes_only_given_objects(store, wanted):
    kept = {path.name for path in store.path.iterdir()}
    object_store.remove_objects(store, iter([wanted["file"], wanted["folder"]]))
    assert {path.name for path in store.path.iterdir()} == kept - set(wanted.values())


def test_fault_and_audit_are_immutable():
    fault = object_store.Fault("a", OID, object_store.MISSING)
    with pytest.raises(FrozenInstanceError):
        fault.kind = ""
    with pytest.raises(FrozenInstanceError):
        object_store.Audit([fault], 1, 0).faults = []
