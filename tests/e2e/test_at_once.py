"""Two commands at once in one folder do not harm each other.

The second stops with a one-line error.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tarmac.repository.dvc import commands, recovery
from tests.conftest import Workspace
from tests.e2e.running import DVC, FROM_SOURCE, TARMAC, follow, forget, line_of, started
from tests.e2e.test_storage import assert_whole

EXPERIMENT = (*DVC, "exp", "run", "--name", "tried", "-S", "train.xgboost.max_depth=4")


@contextmanager
def held(workspace: Workspace, *command: str) -> Iterator[int]:
    """Yield the process ID of a command that is stopped in the stage `train`.

    The command continues to its end after the block.
    """
    with started(workspace, *command) as process:
        follow(process, line_of("train"))
        os.killpg(process.pid, signal.SIGSTOP)
        yield process.pid
        os.killpg(process.pid, signal.SIGCONT)
        assert process.stdout is not None
        told = process.stdout.read()
        assert process.wait() == 0, told


@pytest.mark.parametrize("second", [(*DVC, "repro"), (*TARMAC, "run")], ids=["repro", "run"])
def test_second_run_stops_and_names_running_process(finished, second):
    lock = (finished.path / commands.LOCK).read_bytes()
    forget(finished, "train")
    with held(finished, *DVC, "repro") as first:
        done = finished.run(*second, check=False, env=FROM_SOURCE)
        text = done.stdout + done.stderr
        assert done.returncode
        assert f"(PID {first})" in text, text
        assert "Traceback" not in text
    assert finished.run("git", "symbolic-ref", "HEAD").stdout == "refs/heads/main\n"
    assert finished.run("git", "diff", "--name-only").stdout == ""
    assert_whole(finished, lock)


def test_cleanup_leaves_files_of_running_command_untouched(finished):
    lock = finished.path / commands.LOCK
    with held(finished, *EXPERIMENT):
        assert finished.run("git", "symbolic-ref", "HEAD", check=False).returncode, (
            "DVC does not detach HEAD any more"
        )
        before = lock.read_bytes()
        lock.write_bytes(b"")  # as it is for some hundredths of a second
        assert recovery.recover_experiment(finished.path) == []
        assert commands.clear_stale_locks(finished.path) == []
        assert lock.read_bytes() == b""
        lock.write_bytes(before)
        for command in ("repair", "pull"):
            finished.run(*TARMAC, command, check=False, env=FROM_SOURCE)
    assert finished.run("git", "symbolic-ref", "HEAD").stdout == "refs/heads/main\n"
    assert finished.dvc("exp", "list", "--name-only").stdout.split() == ["tried"]


def test_run_fails_if_parameters_change_while_stages_run(finished):
    """Check that changed parameters are reported.

    DVC notes parameters when a stage ends. A refused experiment has changed them by then.
    """
    forget(finished, "train")
    with started(finished, *TARMAC, "run") as first:
        follow(first, line_of("train"))
        os.killpg(first.pid, signal.SIGSTOP)
        assert finished.run(*EXPERIMENT, check=False).returncode
        os.killpg(first.pid, signal.SIGCONT)
        told = first.stdout.read()
        assert first.wait() == 1
    assert "error: files changed while stages ran: params.yaml" in told
    assert "Traceback" not in told
    assert finished.run("git", "symbolic-ref", "HEAD").stdout == "refs/heads/main\n"
