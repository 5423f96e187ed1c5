"""A real PostgreSQL server for one test, on this machine only.

It is started for the test, and stopped and deleted after it.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.waiting import PATIENCE, wait_for

INSTALLED = Path("/usr/lib/postgresql")  # where Debian keeps it, by version and off the path
ACCOUNT = "postgres"  # of the system, by Debian's package: the server refuses to run as root
HOST, USER, DATABASE = "127.0.0.1", "tarmac", "postgres"
# No power cut is survived, nothing is kept.
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def binaries() -> Path:
    """Return the folder of the newest server's programs, and skip the test if there is none.

    In CI the test fails instead, because a skip would look like success.
    """
    found = [path.parent for path in INSTALLED.glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    reason = "no PostgreSQL server is here: `apt-get install postgresql` brings it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def postgres() -> Iterator[str]:
    """A server on a free port, with nothing in it and a password, by its SQLAlchemy address."""
    programs, port, password = binaries(), free_port(), secrets.token_hex(16)
    # Not in pytest's folder: that is closed to everyone else, also to the account that the server
    # runs as.
    folder = Path(tempfile.mkdtemp(prefix="tarmac-postgres-"))
    try:
        initialise(programs, folder, password)
        with serving(programs, folder, port) as server:
            wait(server, folder, port, password)
            yield f"postgresql+psycopg://{USER}:{password}@{HOST}:{port}/{DATABASE}"
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port that refuses connections. It is taken, so that no server gets it meanwhile."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield taken.getsockname()[1]


def lesser() -> dict:
    """What runs a program as somebody who is not root."""
    if os.geteuid():
        return {}
    account = pwd.getpwnam(ACCOUNT)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def initialise(programs: Path, folder: Path, password: str) -> None:
    (folder / "password").write_text(password)
    if not os.geteuid():
        for path in (folder, folder / "password"):
            shutil.chown(path, ACCOUNT, ACCOUNT)
    command = [programs / "initdb", "--pgdata=data", f"--username={USER}", "--pwfile=password"]
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(
        [*command, *options], cwd=folder, check=False, capture_output=True, text=True, **lesser()
    )
    assert done.returncode == 0, f"initdb exited {done.returncode}:\n{done.stdout}\n{done.stderr}"


@contextmanager
def serving(programs: Path, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server's first process. Every other ends with it."""
    places = (f"listen_addresses={HOST}", f"port={port}", f"unix_socket_directories={folder}")
    settings = [word for setting in (*places, *QUICK) for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        command = [programs / "postgres", "-D", folder / "data", *settings]
        # In a session of its own: what interrupts the tests from the keyboard is for them to pass
        # on.
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **lesser(),
        )
        try:
            yield server
        finally:
            stop(server)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and all of its connections."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def wait(server: subprocess.Popen[bytes], folder: Path, port: int, password: str) -> None:
    """Return when the server answers, and fail where it has ended or takes too long."""

    def answers() -> bool:
        try:
            psycopg.connect(
                host=HOST, port=port, user=USER, password=password, dbname=DATABASE
            ).close()
        except psycopg.OperationalError:
            log = (folder / "log").read_text()
            assert server.poll() is None, f"PostgreSQL did not start:\n{log}"
            return False
        return True

    wait_for(answers, lambda: f"PostgreSQL answers:\n{(folder / 'log').read_text()}")
