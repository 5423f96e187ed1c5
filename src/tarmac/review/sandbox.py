"""Run a stranger's command where it can reach nothing but one folder.

Bubblewrap gives it namespaces of its own: no network, no process and no file of this machine but
the programs and the Python environment, read-only. What a command may use up is watched from
outside.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tarmac.interface.errors import UserError

# Read-only, as far as they are here.
PROGRAMS = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin")
SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime", "/etc/alternatives")
WORK, HOME = "/sandbox", "/tmp"  # noqa: S108 -- the sandbox's own
PAUSE = 0.2  # seconds between two looks at what a command uses
PRINTED = 20_000  # characters of its output that are kept, the last ones
TMP_BYTES = 2**30
ADVICE = "on Ubuntu, run `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`"


class SandboxError(UserError):
    """There is no sandbox on this machine."""


@dataclass(frozen=True)
class SandboxLimits:
    """What a command may use."""

    seconds: float = 3600
    folder_bytes: float = 8e9
    processes: int = 500


@dataclass(frozen=True)
class CommandResult:
    """How a command ended: exit status, end of the output, and the limit that ended it, if any."""

    status: int
    printed: str
    limit: str = ""
    seconds: float = 0.0

    @property
    def is_successful(self) -> bool:
        """Whether the command came to its own end, successfully."""
        return self.status == 0 and not self.limit


def run_in_sandbox(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    limits: SandboxLimits | None = None,
    python: Path | None = None,
) -> CommandResult:
    """Run a command in `folder`, the only place that it can write to.

    `python` is the environment whose programs come first on its path; by default this one. Raise
    `SandboxError` if there is no sandbox.
    """
    limits, started = limits or SandboxLimits(), time.monotonic()
    require_sandbox()
    wrapped_command = [
        "bwrap",
        *_build_arguments(folder.resolve(), environment, python or Path(sys.prefix)),
        "--",
        *command,
    ]
    # The first process of the sandbox shows its own environment in /proc.
    own_environment = {"PATH": os.environ.get("PATH", os.defpath)}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            wrapped_command,
            env=own_environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        limit = _enforce_limits(process, folder, limits, started)
        output.seek(max(0, output.seek(0, os.SEEK_END) - PRINTED))
        printed = output.read().decode(errors="replace")
    return CommandResult(process.returncode, printed, limit, time.monotonic() - started)


@cache
def require_sandbox() -> None:
    """Raise `SandboxError` if Bubblewrap is missing, or cannot do here what the sandbox needs."""
    if shutil.which("bwrap") is None:
        raise SandboxError(
            "no sandbox: Bubblewrap is not installed",
            "install it with `sudo apt install bubblewrap`",
        )
    with tempfile.TemporaryDirectory(prefix="tarmac-sandbox-") as folder:
        tried = ["bwrap", *_build_arguments(Path(folder), {}, Path(sys.prefix)), "--", "true"]
        done = subprocess.run(tried, check=False, capture_output=True, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.split())
        raise SandboxError(f"Bubblewrap cannot start a sandbox: {reason}", ADVICE)


def _build_arguments(folder: Path, environment: Mapping[str, str], python: Path) -> list[str]:
    """Return Bubblewrap's options: what is seen, what is writable, and nothing else."""
    seen = [*PROGRAMS, *SETTINGS, sys.base_prefix, str(python)]
    shown: list[str] = []
    for source in dict.fromkeys(seen):
        shown += ("--ro-bind-try", source, source)
    path = f"{python}/bin:/usr/local/bin:/usr/bin:/bin"
    variables = {**environment, "PATH": path, "HOME": HOME, "LANG": "C.UTF-8", "TMPDIR": HOME}
    given: list[str] = []
    for name, value in variables.items():
        given += ("--setenv", name, value)
    return [
        *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(TMP_BYTES), "--tmpfs", HOME),
        *shown,
        *("--bind", str(folder), WORK, "--chdir", WORK, "--remount-ro", "/"),
        *given,
    ]


def _enforce_limits(
    process: "subprocess.Popen[bytes]", folder: Path, limits: SandboxLimits, started: float
) -> str:
    """Wait for the end; kill the whole sandbox at a limit, and return which one it was."""
    limit = ""
    while process.poll() is None:
        if time.monotonic() - started > limits.seconds:
            limit = f"it took longer than {limits.seconds:,.0f} seconds"
        elif _measure_folder_size(folder) > limits.folder_bytes:
            limit = f"it wrote more than {limits.folder_bytes / 1e9:,.1f} GB"
        elif len(_list_process_tree(process.pid)) > limits.processes:
            limit = f"it started more than {limits.processes:,} processes"
        if limit:
            _kill_sandbox(process)
            break
        with suppress(subprocess.TimeoutExpired):
            process.wait(PAUSE)
    process.wait()
    return limit


def _kill_sandbox(process: "subprocess.Popen[bytes]") -> None:
    """Kill the first process of the sandbox: the kernel ends all others with it."""
    for pid in sorted(_list_process_tree(process.pid)):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, 9)
    process.kill()


def _measure_folder_size(folder: Path) -> int:
    """Return the bytes of the files below a folder, as far as they can be seen."""
    total, waiting = 0, [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def _list_process_tree(parent: int) -> set[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    process_ids, waiting = set[int](), [parent]
    while waiting:
        pid = waiting.pop()
        process_ids.add(pid)
        waiting += [child for child in children.get(pid, []) if child not in process_ids]
    return process_ids
