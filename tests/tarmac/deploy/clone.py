"""A clone with a live bundle, where `docker` is the stand-in."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import MADE, ROOT
from tests.workflows.runner import executable

HERE = Path(__file__).parent
STUB = Path("tests/tarmac/deploy/stub.py")
DOCKER = '#!/bin/sh\nexec "{python}" "{engine}" "{state}" "$@"\n'


def docker(folder: Path) -> Path:
    """Install the stand-in for Docker, and return the folder to put on the path.

    The stand-in keeps its state in another folder next to that one.
    """
    (folder / "state").mkdir(parents=True)
    text = DOCKER.format(python=sys.executable, engine=HERE / "engine.py", state=folder / "state")
    return executable(folder / "bin" / "docker", text)


def calls(folder: Path) -> list[dict[str, Any]]:
    """What the stand-in was asked, in order."""
    path = folder / "state" / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def containers(folder: Path) -> list[str]:
    """The containers that are there, running or not."""
    place = folder / "state" / "containers"
    return [path.name for path in place.iterdir()] if place.exists() else []


def write_stub(folder: Path) -> None:
    """Replace the real service with a stub that only prints its lines.

    No package is installed for it.
    """
    (folder / STUB).parent.mkdir(parents=True)
    shutil.copy(HERE / STUB.name, folder / STUB)
    shutil.copy(HERE / "Dockerfile.stub", folder / "Dockerfile")


class Clone:
    """The code, with a bundle made by hand."""

    def __init__(self, folder: Path, stub: bool = True) -> None:
        self.path, self.engine = folder / "clone", folder / "docker"
        for name in ("src", "deploy"):
            shutil.copytree(ROOT / name, self.path / name, ignore=MADE)
        (self.path / "requirements").mkdir()
        for name in (
            "Makefile",
            "Dockerfile",
            ".dockerignore",
            "pyproject.toml",
            "requirements/serve.txt",
        ):
            shutil.copy(ROOT / name, self.path / name)
        if stub:
            write_stub(self.path)
        self.tools = docker(self.engine)
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git(
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.org",
            "commit",
            "--quiet",
            "--message",
            "code",
        )

    def git(self, *words: str) -> str:
        """What Git prints."""
        return subprocess.run(
            ["git", *words], cwd=self.path, check=True, capture_output=True, text=True
        ).stdout.strip()

    def bundle(self, **release: str) -> None:
        """Make a bundle with this release, and the link to it."""
        folder = self.path / "served" / "versions" / f"{release['version']}-1f"
        folder.mkdir(parents=True)
        (folder / "release.json").write_text(json.dumps(release))
        (self.path / "served" / "live").symlink_to(f"versions/{folder.name}")

    def make(self, *targets: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs make with these variables in its environment."""
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MAKE", "GIT"))
        }
        path = os.pathsep.join([str(self.tools), env["PATH"]])
        command = ["make", "--silent", f"PYTHON={sys.executable}", *targets]
        env = {**env, **variables, "PATH": path}
        return subprocess.run(
            command, cwd=self.path, check=False, capture_output=True, text=True, env=env
        )
