"""Servers of a test's own, on this machine only, where a team could keep its objects."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.postgres import HOST
from tests.waiting import wait_for

# What `make servers` makes.
INSTALLED = Path(__file__).resolve().parents[2] / ".venv" / "servers" / "bin"


@dataclass(frozen=True)
class Place:
    """A place for objects, and what a person has to know of it."""

    url: str
    shared: tuple[str, ...] = ()  # options that all have in common, as name=value
    private: tuple[str, ...] = ()  # options of one person
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> tuple[str, ...]:
        return self.shared + self.private


def program(path: Path) -> Path:
    """Return a server's program.

    Without it a test skips. In CI the test fails, because a skip would look like success.
    """
    if path.exists():
        return path
    reason = f"no {path.name} is here: `make servers` brings it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def serving(
    command: Sequence[str | Path], port: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run a server from when it listens on its port until the block ends.

    Afterwards nothing of it is left running.
    """
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            # An interrupt from the keyboard is for the tests, which pass it on.
            start_new_session=True,
        )
        try:
            wait(server, port, log)
            yield port
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server accepts a connection.

    Fail if it has ended or takes too long.
    """

    def listens() -> bool:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            text = log.read_text(errors="replace")
            assert server.poll() is None, f"the server did not start:\n{text}"
            return False
        return True

    wait_for(listens, lambda: f"the server answers:\n{log.read_text(errors='replace')}")
