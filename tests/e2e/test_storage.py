"""A full or read-only disk gives a one-line error, and nothing is lost.

The result is right once there is space again.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands, object_store
from tarmac.repository.remote import commit_outputs
from tests.conftest import Workspace
from tests.e2e.running import DVC, FROM_SOURCE, TARMAC, forget, leftovers
from tests.e2e.test_connection import wrong_objects
from tests.e2e.test_reproducible import clone

FULL, READ_ONLY = "No space left on device", "Read-only file system"
Mount = Callable[[Path, str], None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Yield a function that mounts a separate file system over a folder.

    It takes mount options. The content of the folder is on the file system, too.
    """
    with ExitStack() as mounted:

        def over(folder: Path, options: str) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            before = folder.with_name(f"{folder.name}-before")
            shutil.copytree(folder, before)
            command = ["mount", "--types", "tmpfs", "--options", "size=64m", "tmpfs", str(folder)]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"this account may not mount a file system: {done.stderr.strip()}")
            mounted.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
            shutil.copytree(before, folder, dirs_exist_ok=True)
            shutil.rmtree(before)
            change(folder, options)

        yield over


def change(folder: Path, options: str) -> None:
    """Give a mounted folder another size, or make it writable again."""
    subprocess.run(["mount", "--options", f"remount,{options}", str(folder)], check=True)


def told(done: "subprocess.CompletedProcess[str]", why: str) -> str:
    """Return the last error of a command that failed for this reason.

    The command named the reason without a traceback.
    """
    text = done.stdout + done.stderr
    assert done.returncode
    assert why in text
    assert "Traceback" not in text
    return [line for line in done.stderr.splitlines() if not line.startswith("hint: ")][-1]


def tarmac(workspace: Workspace, command: str) -> "subprocess.CompletedProcess[str]":
    return workspace.run(*TARMAC, command, check=False, env=FROM_SOURCE)


def assert_whole(workspace: Workspace, lock: bytes) -> None:
    wanted = commands.read_output_hashes(workspace.path)
    assert {path: compute_dvc_hash(workspace.path / path) for path in wanted} == wanted
    assert (workspace.path / commands.LOCK).read_bytes() == lock
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0
    assert wrong_objects(workspace) == []
    assert not leftovers(workspace)


def few(workspace: Workspace) -> int:
    """Bytes that do not hold all objects of a small workspace."""
    whole = sum(
        path.stat().st_size
        for path in (workspace.path / "data/remote/files").rglob("*")
        if path.is_file()
    )
    return min(300_000, whole // 2)


@pytest.mark.parametrize(
    ("options", "again", "why", "what"),
    [
        ("size={few}", "size=64m", FULL, "outputs differ from dvc.lock: "),
        ("ro", "rw", READ_ONLY, "the object store cannot be written: "),
    ],
    ids=["full", "read-only"],
)
def test_pull_reports_unwritable_cache_and_keeps_no_wrong_object(
    finished_template, tmp_path, mount, options, again, why, what
):
    workspace = clone(finished_template, tmp_path / "clone")
    mount(workspace.path / ".dvc" / "cache", options.format(few=few(finished_template)))
    assert told(tarmac(workspace, "pull"), why).startswith(f"error: {what}")
    assert wrong_objects(workspace) == []
    change(workspace.path / ".dvc" / "cache", again)
    assert tarmac(workspace, "pull").returncode == 0
    assert_whole(workspace, (finished_template.path / commands.LOCK).read_bytes())


def test_run_recovers_once_cache_is_writable_again(finished, mount):
    lock = (finished.path / commands.LOCK).read_bytes()
    forget(finished, "prepare")
    mount(finished.path / ".dvc" / "cache", "ro")
    assert told(tarmac(finished, "run"), READ_ONLY).startswith("error: `dvc repro` failed")
    change(finished.path / ".dvc" / "cache", "rw")
    assert tarmac(finished, "run").returncode == 0
    assert_whole(finished, lock)


@pytest.mark.parametrize(
    ("options", "why"), [("size={few}", FULL), ("ro", READ_ONLY)], ids=["full", "read-only"]
)
def test_push_completes_once_remote_is_writable_again(finished, tmp_path, mount, options, why):
    remote = finished.path / "data" / "remote"
    size = few(finished)
    shutil.rmtree(remote / "files")
    mount(remote, options.format(few=size))
    done = finished.run(
        *DVC, "push", check=False, env={"DVC_SITE_CACHE_DIR": str(tmp_path / "first")}
    )
    told(done, why)
    change(remote, "rw,size=64m")
    finished.run(*DVC, "push", env={"DVC_SITE_CACHE_DIR": str(tmp_path / "second")})
    with object_store.open_remote(folder=finished.path) as opened:
        assert (
            object_store.find_faults(
                opened, commit_outputs.list_commit_outputs("HEAD", finished.path), read=True
            )
            == []
        )
    assert finished.run("git", "status", "--porcelain").stdout == ""


def fill(folder: Path, left: int) -> Path:
    """Take the room of a file system, but for some bytes."""
    ballast = folder / "ballast.tmp"
    room = shutil.disk_usage(folder).free - left
    with ballast.open("wb") as file:
        file.write(bytes(room))
    return ballast


@pytest.mark.parametrize("left", [0, 40_000])
def test_run_recovers_once_full_disk_has_space_again(finished, mount, left):
    lock = (finished.path / commands.LOCK).read_bytes()
    forget(finished, "train")
    mount(finished.path, "size=64m")
    ballast = fill(finished.path, left)
    done = tarmac(finished, "run")
    assert done.returncode
    error, hint = done.stderr.splitlines()[-2:]
    assert error.endswith("the disk is full")
    assert hint.startswith("hint: free some disk space")
    ballast.unlink()
    done = tarmac(finished, "run")
    assert done.returncode == 0, done.stderr
    assert_whole(finished, lock)


@pytest.mark.parametrize(
    ("command", "full"), [("bundle", FULL), ("site", "Out of diskspace"), ("ingest", FULL)]
)
def test_command_reports_unwritable_disk_and_then_succeeds(
    finished, tmp_path, mount, command, full
):
    words = (
        [command, str(corrected(finished, tmp_path / "new"))] if command == "ingest" else [command]
    )
    mount(finished.path, "size=64m")

    def run() -> "subprocess.CompletedProcess[str]":
        return finished.run(*TARMAC, *words, check=False, env=FROM_SOURCE)

    before = compute_dvc_hash(finished.path / "data" / "raw")
    ballast = fill(finished.path, 40_000)
    assert told(run(), full).startswith("error: ")
    ballast.unlink()
    change(finished.path, "ro")
    assert told(run(), READ_ONLY).startswith("error: ")
    change(finished.path, "rw")
    assert compute_dvc_hash(finished.path / "data" / "raw") == before
    done = run()
    assert done.returncode == 0, done.stderr
    assert (compute_dvc_hash(finished.path / "data" / "raw") != before) == (command == "ingest")
    assert not leftovers(finished)


def corrected(workspace: Workspace, folder: Path) -> Path:
    """Write a month of weather whose values were corrected since; return its file."""
    path = folder / "weather" / "2013-12.parquet"
    path.parent.mkdir(parents=True)
    source = workspace.path / "data" / "raw" / "weather" / path.name
    schema, weather = pq.read_schema(source), pd.read_parquet(source)
    weather["temp"] += 1
    pq.write_table(
        pa.Table.from_pandas(weather, schema=schema, preserve_index=False), path, store_schema=False
    )
    return path
