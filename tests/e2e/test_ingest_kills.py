"""A kill during ingest loses nothing.

The same command completes it, or another one rolls it back.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC

pytestmark = pytest.mark.kill

RAW, POINTER, KILLED = "data/raw", "data/raw.dvc", 9
# The command, in a process that ends when a folder has the name of a moment, or just before.
DYING = """
import os, sys
from pathlib import Path
when, name = sys.argv.pop(1).split()
move = Path.replace
def move_or_die(self, target):
    if when == "before" and Path(target).name == name:
        os._exit(9)
    moved = move(self, target)
    if Path(target).name == name:
        os._exit(9)
    return moved
Path.replace = move_or_die
from tarmac.cli import app
app()
"""
MOMENTS = {
    "data/raw is moved aside": "after .raw.old.partial",
    "the new one is in its place": "after raw",
    "DVC tracks it": "before .raw.done.partial",
    "the old one is forgotten": "after .raw.done.partial",
}
Sent = tuple[Workspace, Path]


@pytest.fixture
def sent(finished: Workspace, tmp_path: Path) -> Sent:
    """A workspace, and the file of a corrected month."""
    path = max((finished.path / RAW / "weather").iterdir())
    rows = pd.read_parquet(path)
    rows.loc[:9, "temp"] += 1
    rows.to_parquet(tmp_path / "weather.parquet")
    return finished, tmp_path / "weather.parquet"


def kill_at(moment: str, sent: Sent) -> None:
    workspace, file = sent
    command = (sys.executable, "-c", DYING, MOMENTS[moment], "ingest", str(file))
    assert workspace.run(*command, check=False, env=FROM_SOURCE, forked=False).returncode == KILLED


def ingest(sent: Sent) -> str:
    workspace, file = sent
    return workspace.run(*TARMAC, "ingest", str(file), env=FROM_SOURCE).stdout


def state(workspace: Workspace) -> tuple[str, str, list[str]]:
    """What `data/raw` is, what DVC has noted of it, and what else is in its folder."""
    hidden = sorted(path.name for path in (workspace.path / "data").glob(".*"))
    return compute_dvc_hash(workspace.path / RAW), (workspace.path / POINTER).read_text(), hidden


@pytest.mark.parametrize("moment", MOMENTS)
def test_same_command_completes_killed_ingest(sent: Sent, moment: str) -> None:
    workspace, _ = sent
    before = state(workspace)
    printed = ingest(sent)
    wanted = state(workspace)
    assert wanted != before
    assert f"md5: {wanted[0]}" in wanted[1]
    workspace.run("git", "checkout", "--quiet", POINTER)
    workspace.dvc("checkout", "--quiet", "--force", POINTER)
    assert state(workspace) == before

    kill_at(moment, sent)
    if moment == "the old one is forgotten":
        printed = "nothing new: data/raw has these rows already\n"
    assert ingest(sent) == printed
    assert state(workspace) == wanted


def repair(workspace: Workspace) -> str:
    return workspace.run(*TARMAC, "repair", env=FROM_SOURCE).stdout


def pull(workspace: Workspace) -> str:
    return workspace.run(*TARMAC, "pull", env=FROM_SOURCE).stdout


@pytest.mark.parametrize("moment", ["data/raw is moved aside", "the new one is in its place"])
@pytest.mark.parametrize("command", [repair, pull])
def test_other_commands_roll_back_killed_ingest(
    sent: Sent, moment: str, command: Callable[[Workspace], str]
) -> None:
    workspace, _ = sent
    before = state(workspace)
    kill_at(moment, sent)
    assert state(workspace) != before
    printed = command(workspace)
    assert state(workspace) == before
    assert command is not repair or printed == "data/raw was left half written\n"
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0


def test_data_of_running_ingest_are_not_rolled_back(sent: Sent) -> None:
    workspace, _ = sent
    kill_at("the new one is in its place", sent)
    half = state(workspace)
    with commands.acquire_file_lock(workspace.path / commands.CHANGING_DATA):
        assert repair(workspace) == "nothing was left\n"
        assert state(workspace) == half
    assert "data/raw" in repair(workspace)


def test_ingest_is_rolled_back_if_dvc_fails(sent: Sent) -> None:
    workspace, file = sent
    before = state(workspace)
    (workspace.path / ".dvc" / "config").write_text("[core\n")
    done = workspace.run(*TARMAC, "ingest", str(file), check=False, env=FROM_SOURCE)
    assert done.returncode == 1
    assert state(workspace) == before
