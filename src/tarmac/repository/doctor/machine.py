"""The machine: Python, packages, disk, clock, GPU."""

import importlib.metadata
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tarmac.pipeline.base.paths import LOCKED
from tarmac.repository.doctor.finding import Diagnosis, capture_command, format_names

LOWEST, HIGHEST = (3, 11), (3, 14)
LOCKED_GPU = Path("requirements/gpu.txt")
APART = 120  # seconds that two clocks may differ
EARLIEST = 1_735_689_600  # the start of 2025: a machine without a clock begins in 1970


def python() -> Diagnosis:
    """Whether this Python is one that the locked packages are for."""
    shown = ".".join(map(str, sys.version_info[:3]))
    if LOWEST <= sys.version_info[:2] <= HIGHEST:
        return Diagnosis("ok", shown)
    return Diagnosis(
        "fail",
        f"{shown}, needed is 3.{LOWEST[1]} to 3.{HIGHEST[1]}",
        "make PYTHON=/path/to/python3 setup",
    )


def packages() -> Diagnosis:
    """Check whether the installed packages are the locked ones.

    If the XGBoost of the GPU is installed, compare with the locked packages of the GPU.
    """
    locked = LOCKED
    if find_installed_version("xgboost") and not find_installed_version("xgboost-cpu"):
        locked = LOCKED_GPU
    wanted = dict(iter_pinned_packages(locked.read_text(encoding="utf-8")))
    installed = {name: find_installed_version(name) for name in wanted}
    other = [
        f"{name} {installed[name] or 'missing'} (locked {wanted[name]})"
        for name in wanted
        if installed[name] != wanted[name]
    ]
    if other:
        return Diagnosis("fail", f"not as {locked} has them: {format_names(other)}", "make setup")
    return Diagnosis("ok", f"{len(wanted)} as {locked} has them")


def find_installed_version(name: str) -> str | None:
    """The version of an installed package."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def iter_pinned_packages(text: str) -> Iterator[tuple[str, str]]:
    """Name and version of each locked package that is for this machine."""
    from packaging.requirements import Requirement

    for line in text.splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            required = Requirement(line.rstrip("\\ "))
            if required.marker is None or required.marker.evaluate():
                yield required.name, next(iter(required.specifier)).version


def commands() -> Diagnosis:
    """Check whether `dvc` and a stage's `python` are those of this environment.

    They are looked up as a person would start them.
    """
    folder = Path(sys.prefix, "bin").resolve()
    programs = {name: shutil.which(name) for name in ("dvc", "python")}
    other = [
        f"{name} is {path or 'not found'}"
        for name, path in programs.items()
        if not path or Path(path).parent.resolve() != folder
    ]
    if other:
        return Diagnosis(
            "warn", f"{format_names(other)}, not of {folder}", "source .venv/bin/activate"
        )
    return Diagnosis("ok", f"dvc {find_installed_version('dvc')} of {folder}")


def clock() -> Diagnosis:
    """Whether the time can be right: it is not before what was committed."""
    now, done = time.time(), capture_command("git", "log", "-1", "--format=%ct")
    committed = int(done.stdout.strip() or 0) if done.returncode == 0 else 0
    if now + APART < max(committed, EARLIEST):
        before = "the last commit was made" if committed > EARLIEST else "2025"
        return Diagnosis(
            "warn",
            f"it is {time.ctime(now)} here, before {before}",
            "set the clock: remotes refuse a wrong one",
        )
    return Diagnosis("ok", time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now)))


def gpu() -> Diagnosis:
    """Whether there is a GPU and an XGBoost that can use it, where the parameters ask for one."""
    from tarmac.pipeline.base import params

    device = params.load_params(params.PipelineParams).train.device
    if device == "cpu":
        return Diagnosis("ok", "not asked for: train.device is cpu")
    from xgboost import build_info

    if not build_info().get("USE_CUDA"):
        return Diagnosis(
            "fail",
            f"train.device is {device}, XGBoost is built without CUDA",
            "make gpu, or train.device: cpu",
        )
    done = capture_command("nvidia-smi", "--list-gpus") if shutil.which("nvidia-smi") else None
    if done is None or done.returncode or not done.stdout.strip():
        return Diagnosis(
            "fail",
            f"train.device is {device}, nvidia-smi shows no GPU",
            "train.device: cpu, or another machine",
        )
    return Diagnosis("ok", done.stdout.strip())
