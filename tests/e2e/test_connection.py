"""Errors of a broken or slow connection to the remote are reported.

The next pull is complete.
"""

import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands
from tests.conftest import Workspace
from tests.e2e.connection import Line, line_to, served
from tests.e2e.running import FROM_SOURCE, TARMAC
from tests.e2e.test_reproducible import clone
from tests.postgres import HOST, closed_port

ALWAYS = 10**9


@pytest.fixture
def far(finished_template: Workspace, tmp_path: Path) -> Iterator[tuple[Workspace, Line]]:
    """A fresh clone whose remote is an HTTP server at the other end of a line."""
    objects = tmp_path / "server"
    shutil.copytree(finished_template.path / "data" / "remote", objects)
    workspace = clone(finished_template, tmp_path / "clone")
    with served(objects) as address, line_to(address) as (line, url):
        workspace.dvc("remote", "add", "--local", "--default", "far", url)
        workspace.dvc("remote", "modify", "--local", "far", "verify", "true")
        workspace.dvc("remote", "modify", "--local", "far", "read_timeout", "3")
        yield workspace, line


def pull(workspace: Workspace) -> "tuple[int, str]":
    done = workspace.run(*TARMAC, "pull", check=False, env=FROM_SOURCE)
    assert "Traceback" not in done.stdout + done.stderr
    lines = (done.stderr or done.stdout).splitlines()
    return done.returncode, [line for line in lines if not line.startswith("hint: ")][-1]


def assert_whole(workspace: Workspace) -> None:
    wanted = commands.read_output_hashes(workspace.path)
    assert {path: compute_dvc_hash(workspace.path / path) for path in wanted} == wanted
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0
    assert workspace.run("git", "status", "--porcelain").stdout == ""


def wrong_objects(workspace: Workspace) -> list[str]:
    """Objects of the cache whose bytes are not those of their names."""
    cache = workspace.path / ".dvc" / "cache" / "files" / "md5"
    files = [
        path for path in cache.glob("??/*") if path.is_file() and not path.name.endswith(".tmp")
    ]
    return [
        path.name
        for path in files
        if hashlib.md5(path.read_bytes()).hexdigest()
        != (path.parent.name + path.name).removesuffix(".dir")
    ]


@pytest.mark.parametrize("size", [0, 300, 20_000])
def test_pull_reports_broken_connection_and_keeps_no_bad_object(far, size):
    workspace, line = far
    line.breaks_after, line.breaks = size, ALWAYS
    status, told = pull(workspace)
    assert line.broken
    assert (status, told.partition(":")[0]) == (1, "error")
    assert "data/raw" in told or told.startswith("error: the remote cannot be accessed: ")
    assert wrong_objects(workspace) == []
    line.breaks = 0
    assert pull(workspace)[0] == 0
    assert_whole(workspace)


@pytest.mark.parametrize("times", [1, 3])
def test_pull_is_complete_after_intermittent_disconnects(far, times):
    workspace, line = far
    line.breaks_after, line.breaks = 20_000, times
    status, told = pull(workspace)
    assert line.broken == times
    if status:
        assert told.startswith("error: ")
        assert pull(workspace)[0] == 0
    assert_whole(workspace)


def test_pull_completes_over_slow_connection(far):
    """Every object takes longer than the limit for an answer; bytes come all the time."""
    workspace, line = far
    largest = max(
        path.stat().st_size
        for path in (workspace.path.parent / "server").rglob("*")
        if path.is_file()
    )
    line.rate = largest / 4
    begun = time.monotonic()
    assert pull(workspace)[0] == 0
    assert time.monotonic() - begun > 4
    assert_whole(workspace)


def test_pull_reports_refused_connection_not_timeout(far):
    """One that was waited for is reported as a timeout."""
    workspace, _ = far
    with closed_port() as port:
        workspace.dvc("remote", "modify", "--local", "far", "url", f"http://{HOST}:{port}")
        status, told = pull(workspace)
    assert status == 1
    assert told.startswith("error: the remote cannot be accessed: ")
    assert f"Cannot connect to host {HOST}:{port}" in told
