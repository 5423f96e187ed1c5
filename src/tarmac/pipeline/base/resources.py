"""Check the memory and the disk of this machine that a stage may take.

What it may take is a setting of the machine, never part of a result.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

from tarmac.interface.errors import UserError

# How much a stage may take, such as 4GB; without it what the machine has to give.
ASKED = "TARMAC_MEMORY"
UNITS = {"MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}
GROUP, FREE = Path("/sys/fs/cgroup/memory.max"), Path("/proc/meminfo")
SPILL = Path(".dvc/tmp/tarmac/spill")
OWN_ADDRESS = "SPARK_LOCAL_IP"
# What it was before anybody imported pandera, which sets it to this machine alone: no worker of
# another could answer.
ADDRESS = os.environ.get(OWN_ADDRESS)


class ResourcesError(UserError):
    """There is less memory or disk than the work needs."""


def compute_memory_limit() -> int:
    """Return the bytes of memory that a stage may take.

    Raise `ResourcesError` if `TARMAC_MEMORY` is no size.
    """
    if asked := os.environ.get(ASKED):
        size = re.fullmatch(r"(\d+(?:\.\d+)?) ?([MG]i?B)", asked)
        if size is None:
            raise ResourcesError(f"{ASKED} is {asked!r}, not a size", "write it like 4GB or 512MiB")
        return int(float(size[1]) * UNITS[size[2]])
    return min(_read_available_memory(), _read_container_limit())


def create_spill_folder() -> Path:
    """Return a folder on disk for what does not fit in memory.

    It is under DVC's own folder, or the system's temporary folder outside a repository.
    """
    if not SPILL.parents[2].is_dir():
        return Path(tempfile.gettempdir())
    SPILL.mkdir(parents=True, exist_ok=True)
    return SPILL


def compute_folder_size(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def require_resources(memory_needed: float, disk_needed: float, what: str, advice: str) -> None:
    """Check that this machine has so many bytes of memory, and of disk here, for `what`.

    Raise `ResourcesError` if it has fewer.
    """
    has = compute_memory_limit()
    if memory_needed > has:
        limited = bool(os.environ.get(ASKED))
        whose = f"{ASKED} allows" if limited else "this machine has"
        needs = f"{what} would take about {_format_gigabytes(memory_needed)} of memory"
        raise ResourcesError(
            f"{needs}, but {whose} {_format_gigabytes(has)}; nothing was started",
            f"{advice}, or {f'raise {ASKED}' if limited else 'use a machine with more memory'}",
        )
    free = shutil.disk_usage(Path()).free
    if disk_needed > free:
        needs = f"{what} would take about {_format_gigabytes(disk_needed)} of disk"
        raise ResourcesError(
            f"{needs}, but {_format_gigabytes(free)} is free here; nothing was started",
            "free disk space, for example with `dvc gc --all-commits --all-experiments`",
        )


def _read_available_memory() -> int:
    """Memory that can be had without swapping; all of it where the system does not tell."""
    try:
        available = re.search(r"MemAvailable: +(\d+) kB", FREE.read_text(encoding="ascii"))
    except OSError:
        available = None
    return (
        int(available[1]) * 1024
        if available
        else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    )


def _read_container_limit() -> int:
    """What a container may take."""
    try:
        return int(GROUP.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no container, or one without a limit
        return 2**63


def _format_gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
