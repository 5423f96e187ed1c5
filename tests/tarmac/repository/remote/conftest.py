"""A small repository with a remote, made once and copied for every test, which works in it."""

import shutil
from pathlib import Path

import pytest

from tests import small
from tests.conftest import Workspace


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small.make(tmp_path_factory.mktemp("small") / "repository")


@pytest.fixture
def repository(
    small_template: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    shutil.copytree(small_template.path, tmp_path / "repository", symlinks=True)
    monkeypatch.chdir(tmp_path / "repository")
    return Workspace(tmp_path / "repository")
