"""Start a command in its own process group, follow its output, and end it.

The moment of the end can be chosen.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import yaml

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tests.conftest import ROOT, Workspace
from tests.moments import MOMENTS, Seen

STAGES = ("prepare", "featurize", "baseline", "train", "evaluate", "online", "card")
DVC = (sys.executable, "-m", "dvc")
TARMAC = (sys.executable, "-c", "from tarmac.cli import app; app()")
FROM_SOURCE = {"PYTHONPATH": "src"}  # the workspace's own code, not what is installed


@contextmanager
def started(
    workspace: Workspace, *command: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A command that runs in the workspace; nothing of it is left running after the block."""
    # A run in the background ignores interrupts, and so would what it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command,
            cwd=workspace.path,
            env={**workspace.environment, **FROM_SOURCE, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def follow(process: subprocess.Popen[str], wanted: Callable[[int, str], bool]) -> None:
    """Read lines until one is wanted, given its number and text.

    Fail if the process ends first.
    """
    assert process.stdout is not None
    seen = []
    for number, line in enumerate(process.stdout):
        seen.append(line)
        if wanted(number, line):
            return
    raise AssertionError("the line to wait for never came:\n" + "".join(seen))


def line_of(stage: str, step: str = "") -> Callable[[int, str], bool]:
    """The line that a stage prints when a step is done; of any step, where none is named."""
    return lambda _, line: line.startswith(f"{stage:<10}{step}")


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the whole group as a power cut would.

    Check that it had not ended by itself.
    """
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it had ended before it was killed"


def kill_when(process: subprocess.Popen[str], moment: Callable[[], bool]) -> bool:
    """Kill the group as soon as the moment is there; False where the process ended without it."""
    while process.poll() is None:
        if moment():
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
    return False


def kill_at(workspace: Workspace, moment: str, *arguments: str) -> None:
    """Run DVC, and kill it at a moment of `tests.moments`. Fail if there is none."""
    code = {"PYTHONPATH": f"src{os.pathsep}{ROOT}"}  # the workspace's, and these tests
    command = (sys.executable, "-m", "tests.moments", moment, "dvc", *arguments)
    with started(workspace, *command, env=code) as process:
        printed = process.stdout.read()
        assert process.wait() == -signal.SIGKILL, f"no moment of {moment}:\n{printed}"
    assert MOMENTS[moment](Seen(workspace.path))


def results(workspace: Workspace, stage: str) -> dict[str, str]:
    """Hash of every declared output of a stage, by path, as the lock has it."""
    lock = yaml.safe_load((workspace.path / "dvc.lock").read_text())
    return {out["path"]: out["md5"] for out in lock["stages"][stage]["outs"]}


def delete_results(workspace: Workspace, stage: str) -> None:
    """Deletes every declared output of a stage from the workspace."""
    for path in (workspace.path / name for name in results(workspace, stage)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def forget(workspace: Workspace, stage: str) -> None:
    """Remove the result of a stage from workspace, cache and lock.

    Only running the stage brings the lock back.
    """
    lock, cache = workspace.path / "dvc.lock", workspace.path / ".dvc" / "cache"
    forgotten = results(workspace, stage)
    for name in forgotten:
        files = [workspace.path / name, *(workspace.path / name).rglob("*")]
        for known in [
            forgotten[name],
            *(compute_dvc_hash(file) for file in files if file.is_file()),
        ]:
            (cache / "files" / "md5" / known[:2] / known[2:]).unlink(missing_ok=True)
    delete_results(workspace, stage)
    shutil.rmtree(cache / "runs", ignore_errors=True)
    text = lock.read_text()
    outs = text[text.index(f"\n  {stage}:") :]
    for known in forgotten.values():
        outs = outs.replace(known[:32], "f" * 32, 1)
    lock.write_text(text[: text.index(f"\n  {stage}:")] + outs)


def leftovers(workspace: Workspace) -> list[str]:
    """What a stage was writing when it ended, under the name that no one trusts."""
    found = [
        path
        for top in ("data", "metrics", "models")
        for path in (workspace.path / top).rglob(".*.partial")
    ]
    return [str(path.relative_to(workspace.path)) for path in found]
