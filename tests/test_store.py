"""The store: hashes as DVC makes them, and no wrong byte that is trusted."""

import shutil
from pathlib import Path

import pytest

from tarmac import store
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
    assert {path: store.digest(finished.path / path) for path in hashes} == hashes


def test_a_hash_of_nested_folders_and_foreign_names_differs_from_dvcs(finished: Workspace):
    folder = finished.path / "data" / "größe"
    for name in ("b/a.txt", "b.txt", "ä/ö ü.txt", "B/c.txt", "empty"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if name == "empty" else name)
    finished.dvc("add", "--quiet", "data/größe")
    assert store.outputs(finished.path)["data/größe"] == store.digest(folder)


def test_the_hash_of_what_is_not_there_is_not_empty(tmp_path: Path):
    assert store.digest(tmp_path / "none") == ""


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
    assert {path: store.digest(clone.path / path) for path in hashes} == hashes
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
