"""Outputs are restored from the lock and objects alone, or nothing is written."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from tarmac.interface.errors import format_error
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.remote.commit_outputs import list_commit_outputs
from tarmac.repository.remote.restore import RestoreError, restore_outputs
from tests.conftest import ROOT

CONFIG = "[core]\n    remote = embedded\n['remote \"embedded\"']\n    url = ../objects\n"
# Refuses every package but PyYAML, then runs the command.
BARE = """
import runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "tarmac", "yaml", "_yaml"}:
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Refuse())
sys.argv = ["tarmac restore", *sys.argv[1:]]
runpy.run_module("tarmac.repository.remote.restore", run_name="__main__")
"""
MODEL, TABLE = b"model\n", {"a.csv": b"a\n", "deep/b.csv": b"b\n"}


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Store:
    """A folder of objects, written as DVC writes it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, oid: str) -> Path:
        return self.root / "files" / "md5" / oid[:2] / oid[2:]

    def add(self, content: bytes, ending: str = "") -> str:
        oid = md5(content) + ending
        self.place(oid).parent.mkdir(parents=True, exist_ok=True)
        self.place(oid).write_bytes(content)
        return oid

    def add_folder(self, files: Mapping[str, bytes]) -> str:
        entries = [{"md5": self.add(content), "relpath": name} for name, content in files.items()]
        return self.add(json.dumps(entries).encode(), ".dir")


@pytest.fixture
def objects(tmp_path: Path) -> Store:
    return Store(tmp_path / "objects")


@pytest.fixture
def record(
    tmp_path: Path, objects: Store, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Mapping[str, str]], None]:
    """Commit a lock with these outputs."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")

    def commit(outputs: Mapping[str, str]) -> None:
        outs = [{"path": path, "md5": oid, "hash": "md5"} for path, oid in outputs.items()]
        Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"train": {"outs": outs}}}))
        git("add", "dvc.lock", ".dvc")
        git("commit", "--quiet", "--allow-empty", "--message", "result")

    return commit


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    names = ("-c", "user.name=Test", "-c", "user.email=test@example.org")

    def run(*arguments: str) -> str:
        command = ["git", *names, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    return run


@pytest.fixture
def committed(record: Callable[[Mapping[str, str]], None], objects: Store) -> dict[str, str]:
    outputs = {"models/model": objects.add(MODEL), "data/table": objects.add_folder(TABLE)}
    record(outputs)
    return outputs


def written() -> dict[str, str]:
    return {
        path: compute_dvc_hash(Path(path))
        for path in ("models/model", "data/table")
        if Path(path).exists()
    }


def test_restores_files_and_folders(committed):
    assert sorted(restore_outputs()) == sorted(committed)
    assert written() == committed
    assert Path("data/table/deep/b.csv").read_bytes() == b"b\n"
    assert restore_outputs() == []


def test_restores_earlier_commit_into_another_folder(committed, record, objects):
    record({"models/model": objects.add(b"better\n")})
    assert restore_outputs() == ["models/model"]
    assert sorted(restore_outputs("HEAD~1", Path("before"))) == sorted(committed)
    assert Path("models/model").read_bytes() == b"better\n"
    assert Path("before/models/model").read_bytes() == MODEL


@pytest.mark.parametrize("path", ["models/model", "data/table/a.csv", "data/table/own.csv"])
def test_refuses_to_replace_existing_other_content(committed, path):
    Path(path).parent.mkdir(parents=True)
    Path(path).write_text("mine")
    with pytest.raises(RestoreError, match=r"files differ from those of HEAD: ") as caught:
        restore_outputs()
    assert "--to FOLDER" in caught.value.hint
    assert Path(path).read_text() == "mine"
    assert len(written()) == 1


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"other")])
@pytest.mark.parametrize("lost", ["model", "listing", "child"])
def test_writes_nothing_if_object_is_missing_or_damaged(committed, objects, lost, damage):
    names = {
        "listing": committed["data/table"],
        "model": committed["models/model"],
        "child": md5(b"b\n"),
    }
    damage(objects.place(names[lost]))
    output = "models/model" if lost == "model" else "data/table"
    with pytest.raises(RestoreError, match=output) as caught:
        restore_outputs()
    assert "--from FOLDER" in caught.value.hint
    assert written() == {}


def test_uses_good_copy_from_another_store_if_one_is_damaged(committed, objects):
    shutil.copytree(objects.root, ".dvc/cache")
    for number, place in enumerate(sorted(objects.root.glob("files/md5/*/*"))):
        damaged = objects if number % 2 else Store(Path(".dvc/cache"))
        damaged.place("".join(place.parts[-2:])).write_bytes(b"damaged")
    restore_outputs()
    assert written() == committed


def test_rejects_listing_with_path_outside_its_folder(record, objects, tmp_path):
    record({"data/table": objects.add_folder({"../../outside": b"x"})})
    with pytest.raises(
        RestoreError, match=r"the list of the files in data/table \(.+\) is missing or damaged"
    ):
        restore_outputs()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("path", ["../outside", "data/../../outside"])
def test_rejects_output_path_outside_target_folder(record, objects, tmp_path, path):
    record({path: objects.add(MODEL)})
    with pytest.raises(RestoreError, match=f"outside the target folder: {path}"):
        restore_outputs(target=tmp_path / "inner")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("content", [b"[core]\nremote = \xff\n", b"no section\n"])
def test_rejects_settings_that_cannot_be_read(committed, content):
    Path(".dvc/config").write_bytes(content)
    with pytest.raises(RestoreError, match=r"^\.dvc/config cannot be read: .+$") as caught:
        restore_outputs()
    assert "`git restore .dvc/config`" in caught.value.hint


def test_rejects_folder_that_is_not_repository_root(committed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / ".dvc")
    with pytest.raises(RestoreError) as caught:
        restore_outputs()
    assert "repository's top folder" in caught.value.hint


def test_reads_objects_from_given_folder(committed, objects, tmp_path):
    objects.root.rename(tmp_path / "copy")
    with pytest.raises(RestoreError, match="no folder of objects") as caught:
        restore_outputs()
    assert "--from FOLDER" in caught.value.hint
    restore_outputs(source=tmp_path / "copy")
    assert written() == committed


def test_error_names_remote_url_without_password(committed, objects):
    shutil.rmtree(objects.root)
    local = "['remote \"embedded\"']\n    url = https://ada:secret@example.org/store\n"
    Path(".dvc/config.local").write_text(local)
    with pytest.raises(RestoreError) as error:
        restore_outputs()
    assert "copy https://***@example.org/store to" in error.value.hint
    assert "secret" not in format_error(error.value)


def test_rejects_unknown_commit(committed):
    with pytest.raises(RestoreError, match="no such commit in this clone: 'gone'"):
        restore_outputs("gone")


@pytest.mark.program
def test_restores_published_result_with_only_pyyaml(tmp_path):
    folder = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], check=True
    )
    done = subprocess.run(
        [sys.executable, "-c", BARE, "HEAD"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "src"},
        check=False,
        capture_output=True,
        text=True,
    )
    wanted = list_commit_outputs("HEAD", folder)
    assert done.stdout.endswith(
        f"{len(wanted)} outputs written, every byte as dvc.lock names it\n"
    ), done.stderr
    assert {path: compute_dvc_hash(folder / path) for path in wanted} == wanted
    assert len(wanted) > 5
