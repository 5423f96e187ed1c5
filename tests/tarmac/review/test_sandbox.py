"""A sandboxed command reaches nothing but its own folder and is stopped at its resource limits."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tarmac.review import sandbox
from tarmac.review.sandbox import CommandResult, SandboxError, SandboxLimits, run_in_sandbox
from tests.sandboxed import needs_sandbox
from tests.waiting import wait_for

pytestmark = pytest.mark.program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    needs_sandbox()
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def shell(folder: Path, command: str, limits: SandboxLimits | None = None) -> CommandResult:
    return run_in_sandbox(["sh", "-c", command], folder, {"GIVEN": "yes"}, limits)


def running(mark: str) -> list[str]:
    """Return the processes whose command holds a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def test_uses_environment_python_and_writes_to_its_folder(folder):
    program = "import numpy, os; open('made', 'w').write(os.environ['GIVEN'] + os.environ['HOME'])"
    ended = run_in_sandbox(["python", "-c", program], folder, {"GIVEN": "yes"})
    assert ended.is_successful, ended.printed
    assert (folder / "made").read_text() == "yes/tmp"


def test_returns_exit_status_and_output(folder):
    ended = shell(folder, "echo one; echo two >&2; exit 3")
    assert (ended.status, ended.printed, ended.limit, ended.is_successful) == (
        3,
        "one\ntwo\n",
        "",
        False,
    )


def test_cannot_read_or_write_files_outside_sandbox(folder):
    secret = folder.parent / "secret"
    secret.write_text("a secret")
    (folder / "link").symlink_to(secret)
    paths = (
        f"{secret} link ../secret /etc/passwd /etc/shadow "
        f"{Path.home()}/.ssh {Path(__file__)} /proc/1/root{secret}"
    )
    ended = shell(
        folder, f"cat {paths}; ls /home /var; for f in /x /usr/x {secret}; do echo x > $f; done"
    )
    assert "a secret" not in ended.printed
    assert "root:" not in ended.printed
    assert secret.read_text() == "a secret"


def test_cannot_see_environment_variables_of_caller(folder, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    assert "ghs_secret" not in shell(folder, "env; cat /proc/*/environ").printed


def test_has_no_network_access_even_to_loopback(folder):
    reached = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]

        def accept() -> None:
            with server.accept()[0]:
                reached.set()

        listening = threading.Thread(target=accept, daemon=True)
        listening.start()
        program = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        ended = run_in_sandbox(["python", "-c", program], folder, {})
        assert not ended.is_successful
        assert not reached.is_set()
        with socket.create_connection(("127.0.0.1", port), 5):
            listening.join()
        assert reached.is_set(), "the server could have been reached from outside the sandbox"


def test_cannot_see_or_kill_processes_of_host(folder):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        ended = shell(folder, f"kill -9 {bystander.pid}; ls /proc | grep -c '^[0-9]'")
        assert bystander.poll() is None
        bystander.communicate(b"\n")
    assert int(ended.printed.splitlines()[-1]) < 10


def test_endless_command_is_stopped_at_time_limit(folder):
    ended = shell(
        folder, "trap '' TERM INT; while true; do sleep 1; done", SandboxLimits(seconds=1)
    )
    assert ended.limit == "it took longer than 1 seconds"
    assert not ended.is_successful
    assert ended.seconds < 20


def test_command_is_stopped_at_disk_space_limit(folder):
    ended = shell(folder, "head -c 400M /dev/zero > big; sleep 60", SandboxLimits(folder_bytes=5e7))
    assert ended.limit == "it wrote more than 0.1 GB"


def test_fork_bomb_is_stopped_with_all_its_processes(folder):
    program = "import os, time\nfor _ in range(400):\n  os.fork() or time.sleep(60)\ntime.sleep(60)"
    mark = f"sandbox-{os.getpid()}"
    ended = run_in_sandbox(
        ["python", "-c", program, mark], folder, {}, SandboxLimits(seconds=60, processes=50)
    )
    assert ended.limit == "it started more than 50 processes"
    wait_for(lambda: not running(mark), "a process of the sandbox is left", patience=30)


def test_background_processes_end_with_command(folder):
    mark = f"left-{os.getpid()}"
    ended = shell(folder, f"python -c 'import time; time.sleep(60)' {mark} & exit 0")
    assert ended.status == 0
    assert ended.seconds < 20
    wait_for(lambda: not running(mark), "a process of the sandbox is left", patience=30)


@pytest.mark.parametrize(
    ("programs", "words"),
    [
        ({}, "no sandbox: Bubblewrap is not installed"),
        (
            {"bwrap": "echo 'bwrap: Permission denied' >&2; exit 1"},
            "cannot start a sandbox: bwrap: Permission denied",
        ),
    ],
)
def test_reports_missing_or_failing_bubblewrap(tmp_path, monkeypatch, programs, words):
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox.require_sandbox.cache_clear()
    with pytest.raises(SandboxError, match=words) as caught:
        sandbox.require_sandbox()
    assert "`sudo " in caught.value.hint
    sandbox.require_sandbox.cache_clear()
