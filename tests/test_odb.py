"""What a store holds: nothing missing that is called there, nothing wrong that is called right, no listing astray."""

import hashlib
import json
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac import odb

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
        return self.put(json.dumps([{"md5": oid, "relpath": name} for name, oid in files.items()]).encode(), ".dir")


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def wanted(store: Folder) -> dict[str, str]:
    files = {"a": store.put(b"one"), "sub/b": store.put(b"two"), "sub/same": store.put(b"two")}
    return {"folder": store.put_listing(files), "file": store.put(b"three")}


def test_a_whole_store_has_a_fault_or_an_object_is_counted_twice(store, wanted):
    size = sum(path.stat().st_size for path in store.path.iterdir())
    for read in (True, False):
        assert odb.audit(store, wanted, read) == odb.Audit([], 4, size)


@pytest.mark.parametrize("read", [True, False])
def test_a_file_of_a_folder_that_is_gone_is_not_named(store, wanted, read):
    gone = hashlib.md5(b"two").hexdigest()
    (store.path / gone).unlink()
    assert odb.faults(store, wanted, read) == [
        odb.Fault("folder/sub/b", gone, odb.MISSING),
        odb.Fault("folder/sub/same", gone, odb.MISSING),
    ]


def test_a_listing_that_is_gone_or_wrong_is_not_noticed(store, wanted):
    path = store.path / wanted["folder"]
    path.write_bytes(path.read_bytes().replace(b"sub/b", b"sub/c"))
    assert [fault.kind for fault in odb.faults(store, wanted, read=False)] == [odb.OTHER]
    path.unlink()
    assert [fault.kind for fault in odb.faults(store, wanted, read=False)] == [odb.MISSING]


@pytest.mark.parametrize("content", [b"tHree", b"", b"thre", b"three "])
def test_other_bytes_are_taken_for_the_right_ones(store, wanted, content):
    (store.path / wanted["file"]).write_bytes(content)
    fault = odb.Fault("file", wanted["file"], odb.OTHER)
    assert odb.faults(store, wanted, read=True) == [fault]
    sized = odb.audit(store, wanted, read=False, sizes={wanted["file"]: 5})
    assert sized.faults == ([] if len(content) == 5 else [fault]), "a size is compared where it is known"


def refused(content: bytes) -> bool:
    try:
        odb.entries(content)
    except odb.BadObjectError as error:
        return str(error) == odb.UNSAFE
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
def test_a_name_that_leaves_the_folder_or_has_no_place_in_it_is_unpacked(name):
    assert refused(listed("good", name))


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("x/a/b", "x/a"), ("b/c", "b/c")])
def test_two_files_in_one_place_are_unpacked(names):
    assert refused(listed(*names))


@pytest.mark.parametrize("oid", ["", "../../../../planted", OID.upper(), OID + "0", OID + "\n", f"{OID}.dir", None, 3])
def test_a_hash_that_is_a_path_or_no_hash_is_looked_up(oid):
    assert refused(listed("a", oid=oid))


@pytest.mark.parametrize(
    "content", [b"", b"{}x", b"[1]", b"[[]]", b"null", b"3", b'[{"md5": 1}]', b"\xff", b"[" * 100_000]
)
def test_what_is_no_listing_ends_in_a_traceback(content):
    assert refused(content)


def test_a_huge_listing_is_read_to_its_end(store, monkeypatch):
    monkeypatch.setattr(odb, "LARGEST_LISTING", 1000)
    oid = store.put_listing({f"file-{number}": OID for number in range(100)})
    assert [fault.kind for fault in odb.faults(store, {"folder": oid}, read=False)] == [odb.UNSAFE]


NAMES = st.text(st.sampled_from("abA09._- ~é日\U0001f6eb"), min_size=1, max_size=5).filter(lambda name: name.strip("."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(st.lists(PATHS, unique=True, max_size=8))
def test_a_folder_that_dvc_could_have_hashed_is_refused(paths):
    kept = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    assert odb.entries(listed(*kept)) == dict.fromkeys(kept, OID)


@given(st.lists(st.text(st.sampled_from("ab./\\\0"), max_size=8), max_size=4))
def test_a_listing_is_unpacked_to_another_place_than_its_names_say(tmp_path_factory, names):
    """Whatever is let pass can be written, each file to a place of its own, and none of it beside the folder."""
    if refused(listed(*names)):
        return
    folder = tmp_path_factory.mktemp("unpacked") / "folder"
    folder.mkdir()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    assert {path.name for path in folder.parent.iterdir()} == {"folder"}
    assert {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} == set(map(PurePosixPath, names))


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_any_bytes_end_in_another_error_than_the_one_that_is_told(content):
    refused(content)


def test_a_url_is_told_with_its_credentials():
    line = "failed to connect to https://me:se@cret@host.example/path\n  and s3://key:word@bucket/x"
    assert odb.told(line) == "failed to connect to https://***@host.example/path and s3://***@bucket/x"
    assert odb.told(KeyError()) == "KeyError"


def test_a_folder_that_is_no_repository_ends_in_a_traceback(tmp_path):
    with pytest.raises(odb.RemoteError, match="the remote cannot be asked"), odb.opened(folder=tmp_path):
        pass
