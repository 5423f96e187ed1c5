"""After a kill -9 at a random moment of any command, a single restart gives the right result."""

from pathlib import Path

import pytest

from tests.e2e.kills import COMMANDS, Command, Killer
from tests.needs import times

pytestmark = [pytest.mark.kill, pytest.mark.repeated]

SEED, KILLS = 11, times(1, 20)


@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
def test_single_restart_completes_killed_command(
    finished_template, tmp_path: Path, command: Command
):
    killer = Killer(command, finished_template, tmp_path, SEED)
    for _ in range(KILLS):  # `python -m benchmarks.faults` does it sixty times
        kill = killer.kill()
        assert kill.attempts == 1, kill
