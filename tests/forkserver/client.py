"""The command `python`: ask the server for a fork, or start Python where a fork would differ."""

import contextlib
import json
import os
import signal
import socket
import sys

FORKED = ("-m", "-c")
STARTED = {"tarmac.sweep.worker"}  # programs that look at the process that started them
# A fork takes them from a request.
KNOWN = ("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
FIXED = ("LD_", "MKL_", "OMP_", "OPENBLAS_", "PYTHON")  # what a process reads as it starts
STATUS = ("CapEff:", "Cpus_allowed:", "Gid:", "Groups:", "NoNewPrivs:", "SigIgn:", "Uid:", "Umask:")
NAMESPACES = ("mnt", "net", "pid", "user")


def surroundings() -> list[str]:
    """Return what a fork has from the server: limits, user, namespaces, fixed variables."""
    with open("/proc/self/status") as status, open("/proc/self/limits") as limits:
        lines = [line for line in status if line.startswith(STATUS)] + list(limits)
    variables = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(FIXED)]
    kept = sorted(line for line in variables if not line.startswith(KNOWN))
    kept += [sys.getfilesystemencoding(), sys.stdout.encoding]
    return [*lines, *(os.readlink(f"/proc/self/ns/{name}") for name in NAMESPACES), *kept]


def program(words: list[str]) -> tuple[str, list[str]] | None:
    """Return the kind of program and its words, or None where only a start of its own will do."""
    if STARTED & set(words[1:2]):
        return None
    if len(words) > 1 and words[0] in FORKED and "--multiprocessing-fork" not in words:
        return words[0], words[1:]
    if len(words) > 1 and words[0] == "-P" and words[1].endswith(".py"):
        return "file", words[1:]
    if words and os.path.isfile(words[0]):
        return "script", words
    return None


def forked(path: str) -> int | None:
    """Return the exit status of a fork, or None where there is none to be had."""
    named = program(sys.argv[1:])
    if named is None:
        return None
    kind, words = named
    request = {
        "command": os.path.abspath(sys.argv[0]),
        "kind": kind,
        "words": words,
        "folder": os.getcwd(),
        "variables": dict(os.environ),
        "surroundings": surroundings(),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        try:
            peer.connect(path)
            socket.send_fds(peer, [json.dumps(request).encode()], [0, 1, 2])
            accepted = peer.recv(1) == b"y"
        except OSError:
            accepted = False
        return int(peer.recv(16) or "70") if accepted else None


def main(python: str, path: str) -> None:
    """Run the program that the command line names."""
    status = forked(path)
    if status is None:
        os.execv(python, [python, *sys.argv[1:]])
    if status < 0:
        with contextlib.suppress(OSError):  # those that cannot be handled
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
