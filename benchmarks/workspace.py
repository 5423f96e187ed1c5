"""Make temporary copies of the repository to measure in.

A copy has the working tree's code and its raw data, but no cache and no outputs.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import Run

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "requirements", ".dvc/plots", "data/raw")
FILES = (
    "dvc.yaml",
    "params.yaml",
    "pyproject.toml",
    ".gitignore",
    ".gitattributes",
    ".dvcignore",
    ".dvc/config",
    "data/raw.dvc",
)
OUTPUTS = ("data", "models", "metrics")  # folders that stages write to
STAGES = ("prepare", "featurize", "baseline", "train", "evaluate", "online", "card")
STEPS = STAGES[:5]  # that other frameworks are compared by
IDENTITY = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")


def parse_arguments(description: str) -> argparse.Namespace:
    """Parse the arguments of a benchmark: `rounds` and `repository`.

    The repository is the one to measure and to write the results to.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=3, help="how often every command runs")
    parser.add_argument(
        "--repository",
        type=Path,
        default=ROOT,
        help="whose code and data, and where the results go",
    )
    chosen = parser.parse_args()
    if chosen.rounds < 1:
        parser.error("--rounds must be at least 1")
    return chosen


def copy_repository(repository: Path, target: Path) -> Path:
    """Copy what the pipeline needs to a new Git repository at `target`, and return it."""
    target.mkdir(parents=True)
    for name in FOLDERS:
        shutil.copytree(
            repository / name,
            target / name,
            ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
        )
    for name in FILES:
        shutil.copy(repository / name, target / name)
    _run_git(target, "init", "--quiet")
    commit_all(target)
    return target


def commit_all(folder: Path) -> None:
    """Commit everything that is there."""
    _run_git(folder, "add", "--all")
    _run_git(folder, *IDENTITY, "commit", "--quiet", "--message", "as it is")


def remove_path(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def run_python(folder: Path, *arguments: str) -> Run:
    """Runs Python in a copy, on the copy's own code."""
    return measure.run_command([sys.executable, *arguments], folder, {"PYTHONPATH": "src"})


def run_stage(folder: Path, name: str) -> Run:
    """Run one stage's program in a copy as `dvc.yaml` does, without DVC."""
    return run_python(folder, "-m", f"tarmac.pipeline.{name}.stage")


def run_dvc(folder: Path, *arguments: str) -> Run:
    """Runs DVC in a copy."""
    return measure.run_command([sys.executable, "-m", "dvc", *arguments], folder)


def hash_outputs(folder: Path) -> dict[str, str]:
    """MD5 of every file that the stages wrote, by path."""
    outputs = {}
    for top in OUTPUTS:
        for path in (folder / top).rglob("*"):
            if path.is_file():
                outputs[path.relative_to(folder).as_posix()] = path
    given = {name for name in outputs if name.startswith("data/raw")} | {"data/.gitignore"}
    return {name: _md5(outputs[name]) for name in sorted(outputs.keys() - given)}


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _run_git(folder: Path, *arguments: str) -> None:
    command = ["git", *arguments]
    subprocess.run(
        command,
        cwd=folder,
        env=measure.build_environment(folder),
        check=True,
        stdout=subprocess.DEVNULL,
    )
