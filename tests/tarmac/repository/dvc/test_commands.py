"""DVC commands: hashes equal DVC's own, and a pull verifies every byte."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands, config, object_store
from tarmac.repository.dvc.errors import StoreError
from tarmac.repository.remote.commit_outputs import list_commit_outputs
from tarmac.repository.reproduce import run_dvc_repro
from tests import small
from tests.conftest import Workspace

MODEL = "models/model.onnx"


@pytest.fixture(scope="module")
def published(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh clone of a repository with its embedded remote, nothing fetched.

    Copy it, do not change it.
    """
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


def test_hash_equals_dvc_hash(finished: Workspace):
    hashes = commands.read_output_hashes(finished.path)
    assert {"data/raw", "data/features", MODEL} <= hashes.keys()
    assert {path: compute_dvc_hash(finished.path / path) for path in hashes} == hashes


def test_hash_equals_dvc_hash_for_nested_non_ascii_names(finished: Workspace):
    folder = finished.path / "data" / "größe"
    for name in ("b/a.txt", "b.txt", "ä/ö ü.txt", "B/c.txt", "empty"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if name == "empty" else name)
    finished.dvc("add", "--quiet", "data/größe")
    assert commands.read_output_hashes(finished.path)["data/größe"] == compute_dvc_hash(folder)


# Letters of which each sorts elsewhere by bytes, by code points, by case, or next to a slash.
NAMES = st.text(st.sampled_from("aAzZ09-._ ~!ßäñ日é\U0001f6eb"), min_size=1, max_size=4).filter(
    lambda n: n.strip(".")
)
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.binary(max_size=8), min_size=1
)


@settings(deadline=None)
@given(TREES)
def test_hash_equals_dvc_hash_for_any_folder(tmp_path_factory, files: dict[tuple[str, ...], bytes]):
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
    assert compute_dvc_hash(folder) == tree.hash_info.value


def test_hash_of_missing_path_is_empty(tmp_path: Path):
    assert compute_dvc_hash(tmp_path / "none") == ""


def test_outputs_are_empty_without_lock(tmp_path: Path):
    assert commands.read_output_hashes(tmp_path) == {}


def test_rejects_lock_that_is_no_text(tmp_path: Path):
    (tmp_path / "dvc.lock").write_bytes(b"schema: '2.0'\nstages: \xff\n")
    with pytest.raises(StoreError, match=r"^dvc\.lock is damaged: ") as caught:
        commands.read_output_hashes(tmp_path)
    assert caught.value.hint.startswith("run `git restore --source=HEAD dvc.lock`")
    with pytest.raises(StoreError, match=r"^dvc\.lock is damaged: "):
        list_commit_outputs(folder=tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"outs:\n- path: \xff\n", b"<<<<<<< HEAD\nouts:\n", b"outs:\n- md5: a\n", b""],
    ids=["no text", "conflict", "no path", "empty"],
)
def test_rejects_damaged_dvc_file(tmp_path: Path, content: bytes):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "raw.dvc").write_bytes(content)
    with pytest.raises(StoreError, match=r"raw\.dvc is damaged: ") as caught:
        commands.read_output_hashes(tmp_path)
    assert "`git restore " in caught.value.hint


def test_clears_empty_lock_and_keeps_used_one(tmp_path: Path):
    empty, used = (tmp_path / path for path in commands.LOCKS)
    for path, text in ((empty, ""), (used, "{}")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert commands.clear_stale_locks(tmp_path) == [empty]
    assert used.exists()
    assert not empty.exists()


@pytest.mark.parametrize("text", ["", '{"read": {"/a'], ids=["killed", "disk full"])
def test_clearing_truncated_lock_lets_dvc_run_again(finished: Workspace, text: str):
    lock = finished.path / commands.LOCKS[0]
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(text)
    assert finished.dvc("repro", check=False).returncode != 0, "DVC is fixed: the guard can go"
    commands.clear_stale_locks(finished.path)
    assert finished.dvc("repro", check=False).returncode == 0


def test_pull_restores_whole_result_in_fresh_clone(clone: Workspace):
    commands.pull_outputs(folder=clone.path)
    hashes = commands.read_output_hashes(clone.path)
    assert {path: compute_dvc_hash(clone.path / path) for path in hashes} == hashes
    assert clone.dvc("status", "--quiet", check=False).returncode == 0


def test_status_is_clean_after_plain_dvc_pull(clone: Workspace):
    clone.dvc("pull")
    assert clone.dvc("status", "--quiet", check=False).returncode == 0


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize(
    "damage", [flip, lambda data: data[:-5], lambda data: b""], ids=["flip", "cut", "empty"]
)
def test_pull_rejects_damaged_object(clone: Workspace, damage):
    path = remote_object(clone.path, commands.read_output_hashes(clone.path)[MODEL])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError):
        commands.pull_outputs(folder=clone.path)
    assert not (clone.path / MODEL).exists()
    assert clone.dvc("status", "--quiet", check=False).returncode != 0


def test_pull_raises_if_object_is_missing(clone: Workspace):
    remote_object(clone.path, commands.read_output_hashes(clone.path)[MODEL]).unlink()
    with pytest.raises(StoreError):
        commands.pull_outputs(folder=clone.path)
    assert not (clone.path / MODEL).exists()


def damage_cache(clone: Workspace, md5: str) -> None:
    cached = clone.path / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    cached.chmod(0o644)
    cached.write_bytes(flip(cached.read_bytes()))
    cached.chmod(0o444)


def test_pull_repairs_damaged_cache_from_remote(clone: Workspace, capsys):
    commands.pull_outputs(folder=clone.path)
    hashes = commands.read_output_hashes(clone.path)
    damage_cache(clone, hashes[MODEL])
    (clone.path / MODEL).unlink()
    commands.pull_outputs(folder=clone.path)
    assert f"cache: {MODEL}: {object_store.OTHER}; removed" in capsys.readouterr().out
    assert {name: compute_dvc_hash(clone.path / name) for name in hashes} == hashes
    assert_cache_is_true(clone.path)


def test_pull_keeps_good_file_and_names_unrecoverable_output(clone: Workspace):
    commands.pull_outputs(folder=clone.path)
    md5 = commands.read_output_hashes(clone.path)[MODEL]
    damage_cache(clone, md5)
    path = remote_object(clone.path, md5)
    path.write_bytes(flip(path.read_bytes()))
    commands.pull_outputs(folder=clone.path)
    assert compute_dvc_hash(clone.path / MODEL) == md5, "the good copy that was here is still here"
    (clone.path / MODEL).unlink()
    with pytest.raises(StoreError, match=MODEL):
        commands.pull_outputs(folder=clone.path)
    assert not (clone.path / MODEL).exists()
    assert_cache_is_true(clone.path)


def test_names_damaged_output_and_how_to_make_it_again(finished: Workspace):
    commands.verify_outputs(finished.path)
    cached = finished.path / ".dvc/cache/files/md5"
    oid = commands.read_output_hashes(finished.path)[MODEL]
    for path in (finished.path / MODEL, cached / oid[:2] / oid[2:]):
        path.chmod(0o644)
        path.write_bytes(b"damaged")
    with pytest.raises(StoreError, match=rf"differ from dvc.lock: {MODEL}$") as caught:
        commands.verify_outputs(finished.path)
    assert caught.value.hint.startswith("delete it, then run `make run`")
    (finished.path / MODEL).unlink()
    run_dvc_repro(finished.path)
    assert compute_dvc_hash(finished.path / MODEL) == oid


def test_pull_refuses_remote_without_verification(clone: Workspace):
    clone.dvc("remote", "modify", "--local", "embedded", "verify", "false")
    with pytest.raises(StoreError, match="verify") as caught:
        commands.pull_outputs(folder=clone.path)
    assert "verify true" in caught.value.hint
    assert not (clone.path / MODEL).exists()


def assert_cache_is_true(folder: Path) -> None:
    """Check that every object of the cache has the hash that its name says.

    Otherwise wrong content would be checked out later.
    """
    cache = folder / ".dvc" / "cache" / "files" / "md5"
    for path in (path for path in cache.rglob("*") if path.is_file()):
        assert hashlib.md5(
            path.read_bytes()
        ).hexdigest() == f"{path.parent.name}{path.name}".removesuffix(".dir")


@pytest.mark.parametrize("missing", [False, True], ids=["damaged", "missing"])
@pytest.mark.parametrize("part", ["listing", "file"])
def test_pull_rejects_folder_until_faulty_part_is_repaired(
    clone: Workspace, part: str, missing: bool
):
    hashes = commands.read_output_hashes(clone.path)
    path = remote_object(clone.path, hashes["data/features"])
    if part == "file":
        path = remote_object(clone.path, json.loads(path.read_text())[-1]["md5"])
    whole = path.read_bytes()
    path.write_bytes(flip(whole))
    if missing:
        path.unlink()
    with pytest.raises(StoreError):
        commands.pull_outputs(folder=clone.path)
    assert compute_dvc_hash(clone.path / "data" / "features") == ""
    assert_cache_is_true(clone.path)
    path.write_bytes(whole)
    commands.pull_outputs(folder=clone.path)
    assert {name: compute_dvc_hash(clone.path / name) for name in hashes} == hashes


@pytest.mark.parametrize(
    ("output", "part", "missing"),
    [
        (MODEL, "listing", False),
        ("data/features", "listing", True),
        ("data/features", "listing", False),
        ("data/features", "file", True),
    ],
)
def test_failed_pull_names_faulty_output(clone: Workspace, capfd, output, part, missing):
    path = remote_object(clone.path, commands.read_output_hashes(clone.path)[output])
    if part == "file":
        path = remote_object(clone.path, json.loads(path.read_text())[-1]["md5"])
    path.write_bytes(flip(path.read_bytes()))
    if missing:
        path.unlink()
    with pytest.raises(StoreError) as caught:
        commands.pull_outputs(folder=clone.path)
    assert output in f"{caught.value}{capfd.readouterr().err}"


def test_pull_refuses_to_overwrite_unknown_file(clone: Workspace):
    (clone.path / MODEL).parent.mkdir(exist_ok=True)
    (clone.path / MODEL).write_text("someone's own model")
    hashes = commands.read_output_hashes(clone.path)
    with pytest.raises(StoreError):
        commands.pull_outputs(folder=clone.path)
    assert (clone.path / MODEL).read_text() == "someone's own model", (
        "what is nowhere else must not be lost either"
    )
    (clone.path / MODEL).unlink()
    commands.pull_outputs(folder=clone.path)
    assert compute_dvc_hash(clone.path / MODEL) == hashes[MODEL]


@pytest.mark.parametrize("target", ["data/raw.dvc", MODEL])
def test_pull_of_one_target_repairs_damaged_cache(clone: Workspace, target: str):
    commands.pull_outputs(target, folder=clone.path)
    output = clone.path / target.removesuffix(".dvc")
    wanted = md5 = commands.read_output_hashes(clone.path)[target.removesuffix(".dvc")]
    if output.is_dir():
        md5 = json.loads(remote_object(clone.path, md5).read_text())[0]["md5"]
    damage_cache(clone, md5)
    shutil.rmtree(output) if output.is_dir() else output.unlink()
    commands.pull_outputs(target, folder=clone.path)
    assert compute_dvc_hash(output) == wanted


def hostile(clone: Workspace, listing: list[dict[str, object]], honest: bool) -> None:
    """Plant a listing of data/raw.

    It is the one that the commit names, or one that only the remote's owner could plant.
    """
    pointer = clone.path / "data" / "raw.dvc"
    known = commands.read_output_hashes(clone.path)["data/raw"]
    oid = small.plant(clone, listing, "" if honest else known)
    pointer.write_text(pointer.read_text().replace(known, oid))


@pytest.mark.parametrize("honest", [True, False], ids=["named by the commit", "in the remote only"])
@pytest.mark.parametrize(
    "name",
    [
        "../../../planted",
        "../../.git/hooks/post-checkout",
        "/planted",
        "..\\planted",
        "a/../../planted",
    ],
)
def test_pull_refuses_unsafe_listing_and_fetches_other_outputs(
    clone: Workspace, name: str, honest: bool
):
    good, evil = small.put(clone, "good"), small.put(clone, "evil")
    hostile(clone, [{"md5": good, "relpath": "a"}, {"md5": evil, "relpath": name}], honest)
    before = everything(clone.path.parent)
    with pytest.raises(
        StoreError,
        match=f"data/raw: {object_store.UNSAFE if honest else object_store.OTHER}",
    ):
        commands.pull_outputs(folder=clone.path)
    new = {
        path.relative_to(clone.path.parent).as_posix()
        for path in everything(clone.path.parent) - before
    }
    assert not [path for path in new if "planted" in path or "hooks" in path]
    assert not (clone.path / "data" / "raw").exists()
    assert compute_dvc_hash(clone.path / MODEL) == commands.read_output_hashes(clone.path)[MODEL], (
        "the other outputs are fetched"
    )
    assert_cache_is_true(clone.path)


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_pull_removes_unsafe_listing_from_cache(clone: Workspace):
    commands.pull_outputs(folder=clone.path)
    hostile(clone, [{"md5": small.put(clone, "evil"), "relpath": "../planted"}], honest=True)
    oid = commands.read_output_hashes(clone.path)["data/raw"]
    cached = small.in_cache(clone, oid)
    cached.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(small.in_remote(clone, oid), cached)
    with pytest.raises(StoreError, match=object_store.UNSAFE):
        commands.pull_outputs("data/raw.dvc", folder=clone.path)
    assert not (clone.path / "data" / "planted").exists()
    assert not cached.exists()


def test_pull_refuses_oversized_listing(clone: Workspace, monkeypatch):
    monkeypatch.setattr(object_store, "LARGEST_LISTING", 10_000)
    good = small.put(clone, "good")
    hostile(
        clone, [{"md5": good, "relpath": f"file-{number}"} for number in range(1000)], honest=True
    )
    with pytest.raises(StoreError, match=f"data/raw: {object_store.UNSAFE}"):
        commands.pull_outputs("data/raw.dvc", folder=clone.path)


def test_pull_fetches_targets_given_by_name_and_by_pointer(clone: Workspace):
    """DVC fails at the second of two such targets, or skips it and ends well."""
    plain = clone.dvc("pull", "data/raw.dvc", MODEL, check=False)
    assert plain.returncode or not (clone.path / MODEL).exists(), (
        "DVC fetches both by now: the cure can go"
    )
    commands.pull_outputs("data/raw.dvc", MODEL, folder=clone.path)
    hashes = commands.read_output_hashes(clone.path)
    assert {name: compute_dvc_hash(clone.path / name) for name in ("data/raw", MODEL)} == {
        name: hashes[name] for name in ("data/raw", MODEL)
    }


def test_repeated_pull_skips_dvc_unless_cache_is_incomplete(clone: Workspace, capsys):
    """Check that a pull with nothing to do does not start DVC.

    DVC takes a second to find that out, every time that somebody runs the pipeline.
    """
    commands.pull_outputs(MODEL, folder=clone.path)
    capsys.readouterr()
    commands.pull_outputs(MODEL, folder=clone.path)
    assert capsys.readouterr().out == ""
    md5 = commands.read_output_hashes(clone.path)[MODEL]
    kept = clone.path / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    kept.unlink()
    commands.pull_outputs(MODEL, folder=clone.path)
    assert kept.is_file()


def test_clone_borrows_private_remote_but_keeps_own_cache(finished: Workspace, clone: Workspace):
    objects = finished.path.parent / "objects"
    shutil.move(finished.path / "data" / "remote", objects)
    finished.dvc("remote", "add", "--local", "--default", "own", "../objects")
    finished.dvc("remote", "modify", "--local", "own", "verify", "true")
    finished.dvc("cache", "dir", "--local", ".dvc/cache")
    shutil.rmtree(clone.path / "data" / "remote")
    with pytest.raises(StoreError):
        commands.pull_outputs("data/raw.dvc", folder=clone.path)
    config.lend_remotes(clone.path, finished.path)
    commands.pull_outputs("data/raw.dvc", folder=clone.path)
    assert clone.dvc("cache", "dir").stdout.strip() == str(clone.path / ".dvc" / "cache")
    assert (
        clone.run("git", "status", "--porcelain", "--untracked-files=all", "--", ".dvc").stdout
        == ""
    )
