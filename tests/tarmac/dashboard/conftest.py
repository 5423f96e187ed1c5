"""Fixtures: a repository with a year behind it, one with nothing, and their pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tarmac.dashboard.build import build_page
from tests.commits import run, work_in
from tests.conftest import ROOT
from tests.tarmac.dashboard.browser import Page, browsing
from tests.tarmac.dashboard.cases import write_year

COPIED = (
    "metrics",
    "models/card.md",
    "dvc.yaml",
    "dvc.lock",
    "params.yaml",
    "data/raw.dvc",
    ".dvc/config",
)
FIRST, SECOND = "v0.0.1", "v0.0.2"


def copy(folder: Path) -> None:
    """The committed result of this repository, without data, code and history."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    shutil.rmtree(folder / "metrics" / "monitoring", ignore_errors=True)
    shutil.rmtree(folder / "metrics" / "backtest", ignore_errors=True)
    (folder / ".gitignore").write_text("/site/\n/.dvc/tmp/\n/.dvc/cache/\n")


@contextmanager
def dated(day: str) -> Iterator[None]:
    """Commits and tags of the block are of a day."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_AUTHOR_DATE", f"{day}T12:00:00+0000")
        patch.setenv("GIT_COMMITTER_DATE", f"{day}T12:00:00+0000")
        yield


def save(message: str, day: str) -> str:
    """Commit all that is there, on a day."""
    with dated(day):
        run("add", "--all")
        run("commit", "--quiet", "--allow-empty", "--message", message)
    return run("rev-parse", "HEAD")


def tag(name: str, message: str, day: str) -> None:
    """Give HEAD a tag as releases and promotions do."""
    with dated(day):
        run("tag", "--annotate", name, "--message", message)


@pytest.fixture(scope="session")
def bare_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with a committed result.

    It has no version, monitoring, backtest or experiment.
    """
    with pytest.MonkeyPatch.context() as patch:
        folder = work_in(tmp_path_factory.mktemp("site") / "bare", patch)
        run("init", "--quiet", "--initial-branch=main")
        copy(folder)
        save("the first result", "2026-01-01")
    return folder


@pytest.fixture(scope="session")
def year_template(bare_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with two versions, of which production has the second.

    It also has a year of monitoring, a backtest, and its page.
    """
    folder = tmp_path_factory.mktemp("site") / "year"
    shutil.copytree(bare_template, folder)
    with pytest.MonkeyPatch.context() as patch:
        here(folder, patch)
        tag(f"model@{FIRST}", "the first", "2026-01-02")
        write_year(folder)
        save("a year later", "2026-02-01")
        tag(f"model@{SECOND}", "a year of data", "2026-02-02")
        tag("model#prod#1", "better, proven", "2026-02-03")
        build_page()
    return folder


def here(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Works in a folder that is there, as nobody in particular."""
    work_in(folder.with_name(f"{folder.name}-none"), patch)
    patch.chdir(folder)
    return folder


@pytest.fixture
def bare(bare_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of one's own that has a result and nothing else."""
    return here(Path(shutil.copytree(bare_template, tmp_path / "bare")), monkeypatch)


@pytest.fixture
def year(year_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of one's own with a year behind it, and its page."""
    return here(Path(shutil.copytree(year_template, tmp_path / "year")), monkeypatch)


@pytest.fixture(scope="session")
def full(year_template: Path) -> Path:
    """The page of a year."""
    return year_template / "site" / "index.html"


@pytest.fixture(scope="session")
def tab() -> Iterator[Page]:
    """One browser for all tests of a session, because each start takes seconds."""
    with browsing() as page:
        yield page


@pytest.fixture
def chromium(tab: Page) -> Page:
    """The browser without what another test has stored in it."""
    tab.clear_storage()
    return tab
