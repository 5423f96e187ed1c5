"""Check whether a remote is there, lets us in and takes what we write.

The result is one line, and comes in time. The check runs in a process of its own, because the
libraries of some kinds wait for minutes and cannot be interrupted.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tarmac.interface.errors import UserError
from tarmac.repository.dvc import commands, object_store
from tarmac.repository.dvc.object_store import ObjectStore as Remote

PATIENCE = "TARMAC_REMOTE_PATIENCE"  # seconds that a remote may take to respond
USUAL, LONGEST = 60.0, 86_400.0
REFUSED = "check the URL, the server and your credentials (docs/remote.md)"
PROBE = b"written by tarmac to see whether it may; delete it if you find it\n"
STORED = "check the storage, and any proxy or cache in front of it"
DIFFERENT = 2  # exit status of a check that read something else than it had written


class ContactError(UserError):
    """A remote that does not respond, or not as it must."""


def check_remote(folder: Path, name: str, url: str, writes: bool) -> None:
    """Request an object from a remote of a clone, or write and delete a small one.

    Raise `ContactError` if the remote does not respond as it must, or if the patience is invalid.
    """
    limit = _read_patience()
    command = [
        sys.executable,
        "-m",
        "tarmac.repository.remote.contact",
        str(folder),
        name,
        "write" if writes else "read",
    ]
    try:
        done = subprocess.run(
            command,
            env=commands.build_dvc_environment(),
            check=False,
            capture_output=True,
            text=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        hint = f"check that the server is up, or set {PATIENCE}=SECONDS to wait longer"
        raise ContactError(f"{url}: no response within {limit:g} seconds", hint) from None
    if done.returncode:
        lines = done.stdout.splitlines() or [f"the check ended with exit status {done.returncode}"]
        hint = STORED if done.returncode == DIFFERENT else REFUSED
        raise ContactError(f"{url}: {lines[-1]}", hint)


def _read_patience() -> float:
    value = os.environ.get(PATIENCE)
    if not value:
        return USUAL
    try:
        limit = float(value)
    except ValueError:
        limit = 0.0
    if not 0 < limit <= LONGEST:
        raise ContactError(
            f'{PATIENCE} is "{value}", not a number of seconds from 0 to {LONGEST:,.0f}',
            f"set it to a number above 0, such as {PATIENCE}=300, or remove it",
        )
    return limit


def _probe_remote(remote: Remote, writes: bool) -> None:
    path = remote.oid_to_path(secrets.token_hex(16))
    if not writes:
        _request_missing_object(remote, path)
        return
    remote.fs.makedirs(remote.fs.parent(path), exist_ok=True)
    remote.fs.pipe_file(f"{path}.probe", PROBE)
    with remote.fs.open(f"{path}.probe", "rb") as file:
        if file.read() != PROBE:
            raise ContactError("a test file reads back with different content", STORED)
    with suppress(Exception):  # a place where nothing may be deleted is a good one
        remote.fs.remove(f"{path}.probe")


def _request_missing_object(remote: Remote, path: str) -> None:
    """Request an object that is not there. Raise any error but that it is missing."""
    try:
        remote.fs.info(path)
    except FileNotFoundError as error:
        for cause in list(_iter_causes(error))[1:]:
            if getattr(cause, "status", 404) != 404 or isinstance(cause, OSError):
                raise


def _iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def explain_error(error: BaseException) -> str:
    """What an error of whichever library means for whoever set up the remote, in one line."""
    chain = list(_iter_causes(error))
    for name, meaning in MEANINGS.items():
        for cause in chain:
            if name in {kind.__name__ for kind in type(cause).__mro__}:
                # WebDAV has two errors for it.
                forbidden = name == "HTTPError" and "403" in str(cause)
                return f"{KEPT_OUT if forbidden else meaning} ({_format_error(cause)})"
    return f"{type(error).__name__}: {_format_error(error)}"


KEPT_OUT, NOWHERE = "access denied", "no such bucket, folder or key file"
REJECTED = "the server rejects the request"
# By the name of a class: some are of libraries that are not installed; the first that fits counts.
MEANINGS = {
    "gaierror": "unknown host",
    "SSLError": "no secure connection",
    "ConnectionError": "connection refused or closed",
    "TimeoutError": "no response",
    "NoCredentialsError": "no credentials found",
    "ProtocolError": KEPT_OUT,  # SSH, after too many keys
    "SFTPPermissionDenied": KEPT_OUT,
    "PermissionError": KEPT_OUT,
    "ForbiddenOperation": KEPT_OUT,  # WebDAV
    "ResourceNotFound": NOWHERE,  # WebDAV
    "ClientResponseError": REJECTED,  # HTTP
    "FileNotFoundError": NOWHERE,
    "HTTPError": REJECTED,  # WebDAV
}


def _format_error(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def main(folder: str, name: str, mode: str) -> int:
    """Print nothing where all is well, else what is wrong; return the exit status."""
    try:
        with object_store.open_remote(name, Path(folder)) as remote:
            _probe_remote(remote, mode == "write")
    except ContactError as error:
        print(error)
        return DIFFERENT
    except Exception as error:  # noqa: BLE001 every kind of remote has errors of its own
        print(explain_error(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
