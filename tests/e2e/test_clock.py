"""A wrong clock or files dated years off: the result is the same, and no change is missed."""

import os
import shutil

import pytest

from tarmac.repository.dvc import commands
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC, forget
from tests.e2e.test_reproducible import clone, stages_run
from tests.e2e.test_storage import assert_whole

YEARS = {"past": 631152000, "future": 4102444800}  # 1990 and 2100, in seconds


@pytest.fixture
def faked() -> str:
    """The program that gives others another clock."""
    program = shutil.which("faketime")
    if program is None and os.environ.get("CI"):
        pytest.fail("no faketime is here: `make servers` brings it")
    if program is None:
        pytest.skip("no faketime is here: `make servers` brings it")
    return program


def age(workspace: Workspace, seconds: int) -> None:
    """Dates every file that is not Git's or DVC's own."""
    for path in workspace.path.rglob("*"):
        if path.is_file() and not {".git", ".dvc"} & set(path.relative_to(workspace.path).parts):
            os.utime(path, (seconds, seconds))


@pytest.mark.parametrize("seconds", YEARS.values(), ids=YEARS)
def test_stages_are_skipped_when_only_file_dates_change(finished, seconds):
    lock = (finished.path / commands.LOCK).read_bytes()
    age(finished, seconds)
    done = finished.run(*TARMAC, "run", env=FROM_SOURCE)
    assert stages_run(done.stdout) == []
    assert_whole(finished, lock)


@pytest.mark.parametrize("seconds", YEARS.values(), ids=YEARS)
def test_change_dated_to_another_year_is_detected(finished, seconds):
    age(finished, seconds)
    finished.dvc("status")  # DVC notes what it has seen
    finished.set_params(
        lambda params: params["intervals"].update(seed=params["intervals"]["seed"] + 1)
    )
    age(finished, seconds)
    assert "card" in finished.dvc("status").stdout


def test_wrong_clock_does_not_change_result(finished_template, tmp_path, faked):
    workspace = clone(finished_template, tmp_path / "clone")
    workspace.run(faked, "2038-01-19 03:14:06", *TARMAC, "pull", env=FROM_SOURCE)
    forget(workspace, "train")
    done = workspace.run(faked, "1999-12-31 23:59:58", *TARMAC, "run", env=FROM_SOURCE)
    assert stages_run(done.stdout) == ["train"]
    assert_whole(workspace, (finished_template.path / commands.LOCK).read_bytes())
