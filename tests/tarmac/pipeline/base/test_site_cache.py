"""The site cache of DVC is a folder that only its user can access."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tarmac.pipeline.base.site_cache import (
    FOLDER,
    VARIABLE,
    is_private_folder,
    use_private_site_cache,
)
from tests.conftest import ROOT, Workspace
from tests.e2e.running import TARMAC


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and an environment that names no folder."""
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / ".dvc").mkdir()
    return tmp_path


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def named() -> str:
    """The folder that programs get from the environment."""
    code = f"import os; print(os.environ.get({VARIABLE!r}, ''))"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.program
def test_sets_private_folder_in_environment_of_programs(root, monkeypatch):
    monkeypatch.chdir(root)
    use_private_site_cache(Path())
    assert named() == str(root / FOLDER)
    assert mode(root / FOLDER) == 0o700


def test_makes_existing_folder_private(root, monkeypatch):
    (root / FOLDER).mkdir(parents=True, mode=0o755)
    for _ in range(2):  # the second time with the variable set, as under make
        (root / FOLDER).chmod(0o777)
        use_private_site_cache(root)
        assert mode(root / FOLDER) == 0o700


@pytest.mark.program
def test_keeps_folder_that_environment_names(root, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir(mode=0o755)
    monkeypatch.setenv(VARIABLE, str(other))
    use_private_site_cache(root)
    assert named() == str(other)
    assert mode(other) == 0o755
    assert not (root / FOLDER).exists()


@pytest.mark.program
def test_does_nothing_outside_repository(root):
    (root / ".dvc").rmdir()
    use_private_site_cache(root)
    assert named() == ""
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("bits", [0o700, 0o500, 0o701, 0o710, 0o704, 0o702, 0o777])
def test_folder_is_private_without_rights_of_others(tmp_path, bits):
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(bits)
    assert is_private_folder(folder) == (bits & 0o077 == 0)
    folder.chmod(0o700)
    assert not is_private_folder(folder / "missing")


@pytest.mark.parametrize(
    "command",
    [(*TARMAC, "pull"), ("python", "-m", "tarmac.pipeline.train.stage")],
    ids=["command", "stage"],
)
def test_command_and_stage_use_private_folder(finished: Workspace, command):
    finished.run(*command, env={VARIABLE: "", "PYTHONPATH": "src"})
    folder = finished.path / FOLDER
    assert list((folder / "repo").iterdir())
    assert is_private_folder(folder)


@pytest.mark.program
def test_make_sets_private_folder_in_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    show = ["make", "--no-print-directory", "--eval", f"show:;@echo $${VARIABLE}", "show"]
    printed = subprocess.run(
        show, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert printed == str(ROOT / FOLDER)
