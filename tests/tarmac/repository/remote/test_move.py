"""A failed move to another remote is reported in one line, in limited time, and changes nothing."""

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC
from tests.postgres import HOST, closed_port
from tests.servers import Place, s3, ssh, web

UNCOUNTED = {".git", "tmp", "__pycache__"}  # DVC notes in .dvc/tmp what it looked at


@pytest.fixture(scope="module")
def workspace(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One for all: whatever fails here changes nothing."""
    path = tmp_path_factory.mktemp("move") / "repository"
    shutil.copytree(finished_template.path, path, symlinks=True)
    return Workspace(path)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    with ExitStack() as stack:
        dav = stack.enter_context(web.webdav(tmp_path_factory.mktemp("webdav")))
        yield SimpleNamespace(
            s3=stack.enter_context(s3.s3(tmp_path_factory.mktemp("s3"))),
            ssh=stack.enter_context(ssh.ssh(tmp_path_factory.mktemp("ssh"))),
            dav=dav,
            closed=f"{HOST}:{stack.enter_context(closed_port())}",
            http=stack.enter_context(web.http(dav.folder / "store", dav.folder / "http.log")),
        )


def remote(workspace: Workspace, place: Place, **env: str) -> subprocess.CompletedProcess[str]:
    merged = {**FROM_SOURCE, **place.env, **env}
    return workspace.run(*TARMAC, "remote", place.url, *place.options, check=False, env=merged)


def state(workspace: Workspace) -> dict[str, bytes]:
    """Every file that a move could leave otherwise."""
    files = {
        path.relative_to(workspace.path): path
        for path in workspace.path.rglob("*")
        if path.is_file()
    }
    return {
        str(path): file.read_bytes()
        for path, file in files.items()
        if not UNCOUNTED & set(path.parts)
    }


def without_keys(place: Place) -> Place:
    return Place(
        place.url,
        place.shared,
        env={**place.env, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    )


NO_BUCKET, KEPT_OUT = "no such bucket, folder or key file", "access denied"
DOWN, UNKNOWN = "connection refused or closed", "unknown host"
FAULTS: dict[str, tuple[Callable[[SimpleNamespace], Place], str]] = {
    "S3 without the bucket": (lambda on: on.s3.place("other/model"), NO_BUCKET),
    "S3 with a wrong key": (lambda on: on.s3.place(secret="wrong"), f"{KEPT_OUT}.*signature"),
    "S3 with a key that may only read": (
        lambda on: on.s3.place(user="reader"),
        f"{KEPT_OUT}.*Denied",
    ),
    "S3 without a key": (lambda on: without_keys(on.s3.place()), "no credentials found"),
    "S3 that is down": (
        lambda on: replace(on.s3.place(), shared=(f"endpointurl=http://{on.closed}",)),
        DOWN,
    ),
    "an option of another kind": (
        lambda on: Place(on.s3.place().url, ("keyfile=key",)),
        "DVC rejects.*keyfile",
    ),
    "SSH with a stranger's key": (lambda on: on.ssh.place(key="stranger"), KEPT_OUT),
    "SSH with a key that may only read": (lambda on: on.ssh.place(key="reader"), KEPT_OUT),
    "SSH without the key file": (lambda on: on.ssh.place(key="lost"), f"{NO_BUCKET}.*lost"),
    "SSH on a host that is not there": (
        lambda on: Place("ssh://no-such-host.invalid/store"),
        UNKNOWN,
    ),
    "SSH that is down": (lambda on: Place(f"ssh://{on.closed}/store"), DOWN),
    "WebDAV with a wrong password": (
        lambda on: on.dav.place(password="wrong"),
        "the server rejects the request.*401",
    ),
    "WebDAV that may only be read": (lambda on: on.dav.place("fixed"), KEPT_OUT),
    "WebDAV without the folder": (lambda on: on.dav.place("other"), NO_BUCKET),
    "WebDAV that speaks no TLS": (
        lambda on: Place(on.dav.place().url.replace("webdav:", "webdavs:")),
        "no secure connection",
    ),
    "HTTP that is down": (lambda on: Place(f"http://{on.closed}/store"), DOWN),
    "a folder that is not mounted": (
        lambda on: Place("/mnt/no-such-folder"),
        "folder not found on this machine",
    ),
    "a password in the URL": (
        lambda on: Place("https://alice:canary@example.org/store"),
        "the URL has a password, which would be committed to Git",
    ),
}


@pytest.mark.parametrize(("place", "words"), FAULTS.values(), ids=FAULTS)
def test_failed_move_prints_one_line_and_changes_nothing(workspace, servers, place, words):
    """A remote that was waited for until the limit of 60 seconds is reported in other words."""
    before = state(workspace)
    done = remote(workspace, place(servers))
    assert done.returncode == 1
    assert re.fullmatch(f"error: .*{words}.*\nhint: .*\n", done.stderr), done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert state(workspace) == before


def test_silent_server_times_out_and_changes_nothing(workspace):
    with socket.create_server((HOST, 0)) as silent:
        place = Place(f"ssh://{HOST}:{silent.getsockname()[1]}/store")
        before = state(workspace)
        done = remote(workspace, place, TARMAC_REMOTE_PATIENCE="4")
    error, hint = done.stderr.splitlines()
    assert error == f"error: {place.url}: no response within 4 seconds"
    assert hint.startswith("hint: ")
    assert "TARMAC_REMOTE_PATIENCE=" in hint
    assert state(workspace) == before


def test_read_only_server_is_accepted_only_if_complete(workspace, servers, tmp_path):
    before = state(workspace)
    done = remote(workspace, Place(servers.http))
    assert done.returncode == 1
    assert "models/model.onnx: missing" in done.stderr
    hint = done.stderr.splitlines()[-1]
    assert hint.startswith("hint: this URL is read-only: copy all objects of HEAD there")
    assert state(workspace) == before
    shutil.copytree(
        workspace.path / "data" / "remote", servers.dav.folder / "store", dirs_exist_ok=True
    )
    assert remote(workspace, Place(servers.http)).returncode == 0
    assert {path for path, content in state(workspace).items() if before.get(path) != content} == {
        ".dvc/config"
    }
    workspace.run("git", "restore", ".dvc/config")


def test_clone_without_fetched_outputs_can_move_data(workspace, tmp_path):
    bare = Workspace(tmp_path / "clone")
    workspace.run("git", "clone", "--quiet", ".", str(bare.path))
    (tmp_path / "shared").mkdir()
    done = remote(bare, Place(str(tmp_path / "shared")))
    assert done.returncode == 0, done.stderr
    assert not (bare.path / "models" / "model.onnx").exists(), (
        "it moves objects, and lays out no file"
    )


def test_move_fails_if_object_is_missing_everywhere(workspace, tmp_path):
    poor = Workspace(tmp_path / "clone")
    workspace.run("git", "clone", "--quiet", ".", str(poor.path))
    (tmp_path / "shared").mkdir()
    lost = max(
        (path for path in (poor.path / "data/remote").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    lost.unlink()
    before = state(poor)
    done = remote(poor, Place(str(tmp_path / "shared")))
    assert done.returncode == 1
    assert "missing" in done.stderr or "failed" in done.stderr
    assert (poor.path / ".dvc/config").read_bytes() == before[".dvc/config"]


def test_moving_away_and_back_restores_default_remote(finished, tmp_path):
    (tmp_path / "shared").mkdir()
    assert remote(finished, Place(str(tmp_path / "shared"))).returncode == 0
    assert finished.dvc("config", "core.remote").stdout.strip() != "embedded"
    assert remote(finished, Place("embedded")).returncode == 0
    assert finished.dvc("config", "core.remote").stdout.strip() == "embedded"
    assert finished.run("git", "status", "--porcelain").stdout == " M .dvc/config\n"
