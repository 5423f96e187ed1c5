"""Fixtures: the repository of a problem with its first result, made once a class."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Workspace, once
from tests.problems.founded import found


@pytest.fixture(scope="class")
def founded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The repository of the class's problem. Copy it, do not change it."""
    made = request.cls.made
    return Workspace(
        once(tmp_path_factory, made.name, lambda folder: found(folder, made)) / "repository"
    )


@pytest.fixture
def own(founded: Workspace, tmp_path: Path) -> Workspace:
    """A copy of its own."""
    shutil.copytree(founded.path, tmp_path / "repository", symlinks=True)
    return Workspace(tmp_path / "repository")
