"""A kill -9 at any moment loses at most the work of one stage, never the result."""

import os
import random
import shutil
from pathlib import Path

import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands
from tests.conftest import Workspace
from tests.e2e.running import (
    DVC,
    STAGES,
    delete_results,
    follow,
    forget,
    kill,
    kill_at,
    kill_when,
    leftovers,
    line_of,
    results,
    started,
)
from tests.needs import times

pytestmark = pytest.mark.kill

LOCK = "dvc.lock"
# The last line but one of each stage that takes its time to write; `card` writes a few kilobytes.
NEAR_END = {
    "prepare": "2013-12",
    "featurize": "2013-12",
    "train": "round 25",
    "evaluate": "importance",
}
BUFFER = 8192  # bytes that Python writes at a time: where a file that is being written may be cut


def assert_recovers(workspace: Workspace, undisturbed: bytes) -> None:
    """Check the result of `tarmac run` after a kill.

    Lock, outputs and status must be those of the undisturbed run.
    """
    commands.clear_stale_locks(workspace.path)
    workspace.dvc("repro")
    assert (workspace.path / LOCK).read_bytes() == undisturbed
    wanted = commands.read_output_hashes(workspace.path)
    assert {path: compute_dvc_hash(workspace.path / path) for path in wanted} == wanted
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0
    assert not leftovers(workspace)


@pytest.mark.parametrize("stage", STAGES)
def test_run_recovers_after_kill_in_stage(finished, stage):
    undisturbed = (finished.path / LOCK).read_bytes()
    forget(finished, stage)
    with started(finished, *DVC, "repro") as process:
        follow(process, line_of(stage))
        kill(process)
    assert (finished.path / LOCK).read_bytes() != undisturbed
    assert_recovers(finished, undisturbed)


def test_run_recovers_after_kill_while_outputs_are_cached(finished):
    undisturbed, objects = (
        (finished.path / LOCK).read_bytes(),
        finished.path / ".dvc" / "cache" / "files" / "md5",
    )
    forget(finished, "prepare")
    before = sum(1 for _ in objects.rglob("*"))
    with started(finished, *DVC, "repro") as process:
        follow(process, line_of("prepare", NEAR_END["prepare"]))
        assert kill_when(process, lambda: sum(1 for _ in objects.rglob("*")) > before)
    assert_recovers(finished, undisturbed)


def test_run_recovers_after_kill_while_lock_is_written(finished):
    lock = finished.path / LOCK
    undisturbed = lock.read_bytes()
    forget(finished, "evaluate")
    kill_at(finished, "lock emptied", "repro")
    assert lock.read_bytes() == b""
    assert_recovers(finished, undisturbed)


@pytest.mark.parametrize("size", [0, BUFFER])
def test_run_recovers_from_truncated_lock(finished, size):
    lock = finished.path / LOCK
    undisturbed = lock.read_bytes()
    assert len(undisturbed) > BUFFER
    lock.write_bytes(undisturbed[:size])
    assert_recovers(finished, undisturbed)


def test_run_recovers_from_emptied_rwlock(finished):
    (finished.path / ".dvc" / "tmp" / "rwlock").write_text("")
    assert finished.dvc("repro", check=False).returncode != 0, "DVC is fixed: the recovery can go"
    assert_recovers(finished, (finished.path / LOCK).read_bytes())


@pytest.mark.repeated
@pytest.mark.parametrize("unit", ["lines", "objects"])
@pytest.mark.parametrize("seed", range(1, 1 + times(1, 15)))
def test_run_from_nothing_recovers_after_kill_at_random_moment(finished, seed, unit):
    """A stage computes after a line that it prints; DVC is at work while objects are cached."""
    undisturbed, chance = (finished.path / LOCK).read_bytes(), random.Random(seed)
    last_line = chance.randrange(4, 24)  # of about thirty
    raw = [path for path in (finished.path / "data" / "raw").rglob("*") if path.is_file()]
    last_object = chance.randrange(1, count_objects(finished) - len(raw) - 1)  # and their listing
    for stage in STAGES:
        delete_results(finished, stage)
    for name in ("cache", "tmp"):
        shutil.rmtree(finished.path / ".dvc" / name)
    (finished.path / LOCK).unlink()
    with started(finished, *DVC, "repro") as process:
        if unit == "lines":
            follow(process, lambda number, _: number == last_line)
            kill(process)
        else:
            assert kill_when(process, lambda: count_objects(finished) >= last_object)
    assert_recovers(finished, undisturbed)


def count_objects(workspace: Workspace) -> int:
    """Return the number of objects in the cache."""
    return sum(1 for _ in (workspace.path / ".dvc" / "cache" / "files" / "md5").glob("??/*"))


@pytest.mark.parametrize("there", [True, False], ids=["over old outputs", "from none"])
@pytest.mark.parametrize("stage", NEAR_END)
def test_killed_stage_leaves_no_partial_output(finished, stage, there):
    wanted = results(finished, stage)
    forget_months(finished)
    if not there:
        delete_results(finished, stage)
    with started(finished, "python", "-m", f"tarmac.pipeline.{stage}.stage") as process:
        follow(process, line_of(stage, NEAR_END[stage]))
        kill(process)
    left = {path: compute_dvc_hash(finished.path / path) for path in wanted}
    # What dvclive logs is there to be watched while it grows; it goes to Git, not to DVC's cache,
    # and is made again.
    whole = [path for path in wanted if not path.startswith("metrics/train/")]
    assert [path for path in whole if left[path] not in ("", wanted[path])] == []


def test_kill_while_replacing_folder_leaves_it_whole_or_empty(finished):
    folder, wanted = (
        finished.path / "data" / "features",
        results(finished, "featurize")["data/features"],
    )
    for number in range(10_000):  # deleting so many takes long enough to be seen
        (folder / f"old-{number}").touch()
    forget_months(finished)
    before = entries(folder)
    with started(finished, "python", "-m", "tarmac.pipeline.featurize.stage") as process:
        follow(process, line_of("featurize", NEAR_END["featurize"]))
        assert kill_when(process, lambda: entries(folder) != before)
    assert entries(folder) == 0 or compute_dvc_hash(folder) == wanted


def forget_months(workspace: Workspace) -> None:
    """Make the next run make every month: there is no moment to kill it at where all are kept."""
    shutil.rmtree(workspace.path / ".dvc/tmp/tarmac/months", ignore_errors=True)


def entries(folder: Path) -> int:
    try:
        return len(os.listdir(folder))  # noqa: PTH208 - fast: this is asked in a tight loop
    except FileNotFoundError:
        return 0
