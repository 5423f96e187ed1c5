"""One command releases Tarmac, and refuses what would be no release."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import MADE, ROOT

pytestmark = pytest.mark.program

SCRIPT = ROOT / ".github/scripts/prepare_release.py"
CHANGES = (
    "# Changelog\n\n## Unreleased\n\n### Projects\n\n- More.\n\n## 0.0.1, 2020-01-01\n\n- Less.\n"
)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    folder = tmp_path / "clone"
    shutil.copytree(ROOT / "src", folder / "src", ignore=MADE)
    for name in ("pyproject.toml", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    (folder / "CHANGELOG.md").write_text(CHANGES)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "start")
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = ("git", *arguments)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def prepare(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, str(SCRIPT), version)
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def test_release_has_version_notes_tag_and_reproducible_wheel(clone):
    first = prepare(clone, "9.1.0")
    assert first.returncode == 0, first.stderr
    wheel = clone / "dist/tarmac_ml-9.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert "Version: 9.1.0" in archive.read("tarmac_ml-9.1.0.dist-info/METADATA").decode()
    assert "\n## Unreleased\n\n## 9.1.0, 20" in (clone / "CHANGELOG.md").read_text()
    assert (clone / "dist/notes-9.1.0.md").read_text() == "### Projects\n\n- More."
    assert git(clone, "tag", "--list").split() == ["v9.1.0"]
    assert "### Projects" in git(clone, "tag", "--list", "--format", "%(contents)")
    assert git(clone, "status", "--porcelain") == ""
    content = wheel.read_bytes()
    wheel.unlink()
    git(clone, "reset", "--quiet", "--hard", "HEAD~1")
    git(clone, "tag", "--delete", "v9.1.0")
    assert prepare(clone, "9.1.0").stdout.splitlines()[1] == first.stdout.splitlines()[1]
    assert wheel.read_bytes() == content


@pytest.mark.parametrize("version", ["0.0.0", "v9.0.0"])
def test_refuses_a_version_that_does_not_follow(clone, version):
    done = prepare(clone, version)
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not follow" in done.stderr
    assert git(clone, "status", "--porcelain") == ""


def test_refuses_a_release_without_notes(clone):
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n## 0.0.1\n\n- Less.\n")
    git(clone, "commit", "--quiet", "--all", "--message", "nothing new")
    assert "CHANGELOG.md says nothing under '## Unreleased'" in prepare(clone, "9.0.0").stderr


def test_refuses_a_release_of_uncommitted_work(clone):
    (clone / "src/tarmac/mine.py").write_text("")
    assert "the working tree has uncommitted changes" in prepare(clone, "9.0.0").stderr
