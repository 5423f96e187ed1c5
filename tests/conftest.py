"""Fixtures: the repository itself, and a small copy of it whose whole pipeline runs in seconds."""

import fcntl
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tarmac.interface.problem import problem
from tests import forkserver

small = importlib.import_module(f"tests.{problem.name}.small")

pytest_plugins = ("tests.needs", "tests.forkserver.plugin")
ROOT = Path(__file__).resolve().parents[1]
RAW = ROOT / "data" / "raw"
MADE = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")


@dataclass(frozen=True)
class Workspace:
    """A small copy of the repository with a few of the rows.

    It has its own Git repository, DVC cache and DVC remote.
    """

    path: Path

    def run(
        self,
        *command: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        forked: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the workspace, with this environment's Python first on the path.

        With `forked`, fork it if that is possible.
        """
        found = self.environment
        if forked:
            found = forkserver.on_path(found)
            command = tuple(
                forkserver.python() if word == sys.executable else word for word in command
            )
        merged = {**found, **(env or {})}
        done = subprocess.run(
            command, cwd=self.path, env=merged, check=False, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, (
            f"{command} exited {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
        return done

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs DVC in the workspace."""
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def stage(self, name: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one stage's program as `dvc.yaml` does, without DVC."""
        return self.run(
            "python", "-m", f"tarmac.pipeline.{name}.stage", check=check, env={"PYTHONPATH": "src"}
        )

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every command.

        It has no variable of this test run that could reach into the workspace.
        """
        site = self.path.parent / f"{self.path.name}-site"
        return {**forkserver.isolate(os.environ), "DVC_SITE_CACHE_DIR": str(site)}

    @property
    def params(self) -> dict:
        """The parameters as the file has them."""
        return yaml.safe_load((self.path / "params.yaml").read_text())

    def set_params(self, change: Callable[[dict], object]) -> None:
        """Rewrite `params.yaml` after `change` has edited the tree in place."""
        tree = self.params
        change(tree)
        (self.path / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def required(name: str) -> Path:
    """Return the path of a published file or folder, and skip the test if it is missing.

    In CI the test fails instead, because a skip would look like success.
    """
    path = ROOT / name
    if path.exists():
        return path
    reason = f"{name} is not here: `make pull` fetches it, `make run` makes it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def copy_repository(target: Path) -> Workspace:
    """Copy the files that the pipeline needs, as they are in the working tree, committed or not."""
    target.mkdir(parents=True)
    for name in ("src", "requirements", ".dvc/plots"):
        shutil.copytree(ROOT / name, target / name, ignore=MADE)
    for name in (
        "dvc.yaml",
        "params.yaml",
        "pyproject.toml",
        ".gitignore",
        ".gitattributes",
        ".dvcignore",
        ".dvc/config",
    ):
        shutil.copy(ROOT / name, target / name)
    return Workspace(target)


def start(workspace: Workspace) -> None:
    """Make the copy a Git and DVC repository with small data and quick parameters.

    Everything is committed; the pipeline has not run yet.
    """

    workspace.set_params(small.quicker)
    small.write_raw(RAW, workspace.path / "data" / "raw")
    workspace.run("git", "init", "--quiet", "--initial-branch=main")
    workspace.run("git", "config", "user.name", "Test")
    workspace.run("git", "config", "user.email", "test@example.org")
    workspace.dvc("add", "--quiet", "data/raw")
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", "start")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that is made once per test run.

    The first worker that needs the folder makes it, and the others wait.
    """
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made = folder.with_suffix(".made")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a worker that failed has left
            make(folder)
            made.touch()
    return folder


def finish(folder: Path) -> None:
    """Make a small workspace whose pipeline has run, pushed and committed.

    Its code is compiled.
    """
    workspace = copy_repository(folder / "repository")
    start(workspace)
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", "result")
    # Or every copy does it, command by command.
    workspace.run(sys.executable, "-m", "compileall", "-q", "src")


@pytest.fixture(scope="session")
def finished_template(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a small workspace whose pipeline has run, pushed and committed.

    All workers share it: copy it.
    """
    return Workspace(once(tmp_path_factory, "finished", finish) / "repository")


@pytest.fixture
def finished(finished_template: Workspace, tmp_path: Path) -> Workspace:
    """A copy of its own of the small workspace that has run: `dvc status` is clean in it."""
    shutil.copytree(finished_template.path, tmp_path / "repository", symlinks=True)
    return Workspace(tmp_path / "repository")
