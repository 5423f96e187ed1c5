"""The store: hashes as DVC makes them, and no wrong byte that is trusted."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac import store
from tarmac.digest import digest
from tests.conftest import Workspace

MODEL = "models/model.onnx"


@pytest.fixture(scope="module")
def published(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of a repository with its embedded remote, nothing fetched. Copy it, do not change it."""
    clone = tmp_path_factory.mktemp("published") / "clone"
    finished_template.run("git", "clone", "--quiet", ".", str(clone))
    return clone


@pytest.fixture
def clone(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    shutil.copytree(published, tmp_path / "clone")
    return Workspace(tmp_path / "clone")


def remote_object(folder: Path, md5: str) -> Path:
    path = folder / "data" / "remote" / "files" / "md5" / md5[:2] / md5[2:]
    path.chmod(0o644)
    return path


def test_a_hash_differs_from_dvcs(finished: Workspace):
    hashes = store.outputs(finished.path)
    assert {"data/raw", "data/features", MODEL} <= hashes.keys()
    assert {path: digest(finished.path / path) for path in hashes} == hashes


def test_a_hash_of_nested_folders_and_foreign_names_differs_from_dvcs(finished: Workspace):
    folder = finished.path / "data" / "größe"
    for name in ("b/a.txt", "b.txt", "ä/ö ü.txt", "B/c.txt", "empty"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if name == "empty" else name)
    finished.dvc("add", "--quiet", "data/größe")
    assert store.outputs(finished.path)["data/größe"] == digest(folder)


# Letters of which each sorts elsewhere by bytes, by code points, by case, or next to a slash.
NAMES = st.text(st.sampled_from("aAzZ09-._ ~!ßäñ日é\U0001f6eb"), min_size=1, max_size=4).filter(lambda n: n.strip("."))
TREES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.binary(max_size=8), min_size=1)


@settings(deadline=None)
@given(TREES)
def test_a_hash_of_some_folder_differs_from_dvcs(tmp_path_factory, files: dict[tuple[str, ...], bytes]):
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    folder, tree = tmp_path_factory.mktemp("tree"), Tree()
    for parts, content in files.items():
        path = folder.joinpath(*parts)
        if any(parts[:length] in files for length in range(1, len(parts))):
            continue  # a file stands where this one needs a folder
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        tree.add(parts, None, HashInfo("md5", hashlib.md5(content).hexdigest()))
    tree.digest()
    assert digest(folder) == tree.hash_info.value


def test_the_hash_of_what_is_not_there_is_not_empty(tmp_path: Path):
    assert digest(tmp_path / "none") == ""


def test_outputs_of_a_folder_without_a_lock_are_more_than_none(tmp_path: Path):
    assert store.outputs(tmp_path) == {}
    assert store.locked("") == {}


def test_a_lock_that_dvc_left_empty_stays_or_a_used_one_goes(tmp_path: Path):
    empty, used = (tmp_path / path for path in store.LOCKS)
    for path, text in ((empty, ""), (used, "{}")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert store.clear_stale_locks(tmp_path) == [empty]
    assert used.exists()
    assert not empty.exists()


def test_an_empty_lock_blocks_dvc_and_clearing_it_does_not_help(finished: Workspace):
    lock = finished.path / store.LOCKS[0]
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("")
    assert finished.dvc("repro", check=False).returncode != 0, "DVC mends it by now: the cure can go"
    store.clear_stale_locks(finished.path)
    assert finished.dvc("repro", check=False).returncode == 0


def test_a_pull_into_a_fresh_clone_is_not_the_whole_result(clone: Workspace):
    store.pull(folder=clone.path)
    hashes = store.outputs(clone.path)
    assert {path: digest(clone.path / path) for path in hashes} == hashes
    assert clone.dvc("status", "--quiet", check=False).returncode == 0


def test_a_bare_dvc_pull_is_not_enough(clone: Workspace):
    clone.dvc("pull")
    assert clone.dvc("status", "--quiet", check=False).returncode == 0


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize("damage", [flip, lambda data: data[:-5], lambda data: b""], ids=["flip", "cut", "empty"])
def test_a_damaged_object_is_trusted(clone: Workspace, damage):
    path = remote_object(clone.path, store.outputs(clone.path)[MODEL])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(store.StoreError):
        store.pull(folder=clone.path)
    assert not (clone.path / MODEL).exists()
    assert clone.dvc("status", "--quiet", check=False).returncode != 0


def test_a_missing_object_is_not_noticed(clone: Workspace):
    remote_object(clone.path, store.outputs(clone.path)[MODEL]).unlink()
    with pytest.raises(store.StoreError):
        store.pull(folder=clone.path)
    assert not (clone.path / MODEL).exists()


def test_a_damaged_cache_is_trusted(clone: Workspace):
    """DVC takes what its cache holds as true; the pull re-hashes what it laid out."""
    store.pull(folder=clone.path)
    md5 = store.outputs(clone.path)[MODEL]
    cached = clone.path / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    cached.chmod(0o644)
    cached.write_bytes(flip(cached.read_bytes()))
    cached.chmod(0o444)
    (clone.path / MODEL).unlink()
    with pytest.raises(store.StoreError):
        store.pull(folder=clone.path)


def assert_cache_is_true(folder: Path) -> None:
    """Every object of the cache has the hash that its name says: nothing wrong would be laid out later."""
    cache = folder / ".dvc" / "cache" / "files" / "md5"
    for path in (path for path in cache.rglob("*") if path.is_file()):
        assert hashlib.md5(path.read_bytes()).hexdigest() == f"{path.parent.name}{path.name}".removesuffix(".dir")


@pytest.mark.parametrize("missing", [False, True], ids=["damaged", "missing"])
@pytest.mark.parametrize("part", ["listing", "file"])
def test_a_folder_with_a_wrong_part_is_trusted_or_cannot_be_mended(clone: Workspace, part: str, missing: bool):
    hashes = store.outputs(clone.path)
    path = remote_object(clone.path, hashes["data/features"])
    if part == "file":
        path = remote_object(clone.path, json.loads(path.read_text())[1]["md5"])
    whole = path.read_bytes()
    path.write_bytes(flip(whole))
    if missing:
        path.unlink()
    with pytest.raises(store.StoreError):
        store.pull(folder=clone.path)
    assert digest(clone.path / "data" / "features") == ""
    assert_cache_is_true(clone.path)
    path.write_bytes(whole)
    store.pull(folder=clone.path)
    assert {name: digest(clone.path / name) for name in hashes} == hashes


@pytest.mark.parametrize(
    ("output", "part", "missing"),
    [
        (MODEL, "listing", False),
        ("data/features", "listing", True),
        ("data/features", "listing", False),
        ("data/features", "file", True),
    ],
)
def test_a_failed_pull_does_not_say_which_output_is_wrong(clone: Workspace, capfd, output, part, missing):
    path = remote_object(clone.path, store.outputs(clone.path)[output])
    if part == "file":
        path = remote_object(clone.path, json.loads(path.read_text())[1]["md5"])
    path.write_bytes(flip(path.read_bytes()))
    if missing:
        path.unlink()
    with pytest.raises(store.StoreError) as caught:
        store.pull(folder=clone.path)
    assert output in f"{caught.value}{capfd.readouterr().err}"


def test_a_file_in_the_way_is_taken_for_the_published_one(clone: Workspace):
    (clone.path / MODEL).parent.mkdir(exist_ok=True)
    (clone.path / MODEL).write_text("someone's own model")
    hashes = store.outputs(clone.path)
    with pytest.raises(store.StoreError):
        store.pull(folder=clone.path)
    assert (clone.path / MODEL).read_text() == "someone's own model", "what is nowhere else must not be lost either"
    (clone.path / MODEL).unlink()
    store.pull(folder=clone.path)
    assert digest(clone.path / MODEL) == hashes[MODEL]


@pytest.mark.parametrize("target", ["data/raw.dvc", MODEL])
def test_a_pull_of_one_target_trusts_a_damaged_cache(clone: Workspace, target: str):
    store.pull(target, folder=clone.path)
    output = clone.path / target.removesuffix(".dvc")
    md5 = store.outputs(clone.path)[target.removesuffix(".dvc")]
    if output.is_dir():
        md5 = json.loads(remote_object(clone.path, md5).read_text())[0]["md5"]
    cached = clone.path / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    cached.chmod(0o644)
    cached.write_bytes(flip(cached.read_bytes()))
    cached.chmod(0o444)
    shutil.rmtree(output) if output.is_dir() else output.unlink()
    with pytest.raises(store.StoreError):
        store.pull(target, folder=clone.path)
