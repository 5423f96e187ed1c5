"""Kill commands at random moments, start them again, and report what does not hold then."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands, object_store
from tarmac.repository.remote import commit_outputs
from tests.conftest import Workspace
from tests.e2e.running import DVC, FROM_SOURCE, STAGES, TARMAC, forget, leftovers, started
from tests.moments import EDITED, MINE

ATTEMPTS = 2  # starts that a command has after it was killed
TRIES = (
    20  # to kill it before its end, which is sooner or later with whatever else the machine does
)
STAGED, UNTRACKED = "staged.txt", "notes.txt"  # of a person; no stage reads them
EXPERIMENT = "tried"
RUN_EXPERIMENT = (*DVC, "exp", "run", "--name", EXPERIMENT, "-S", "train.xgboost.max_depth=4")


@dataclass(frozen=True)
class Command:
    """A command to kill, the work that it is given, and what a person types after the kill."""

    name: str
    words: tuple[str, ...]
    again: tuple[tuple[str, ...], ...]
    prepare: Callable[[Workspace, Path, random.Random], Workspace]
    experiment: bool = False
    objects: str = (
        ""  # where it writes objects: every other kill falls between the first of them and the end
    )


@dataclass
class Kill:
    """One kill and what came of it."""

    command: str
    moment: float  # as a part of the undisturbed time from the first change on
    left: list[str]  # what the kill left
    attempts: int = 0  # starts until all was right; 0 where it never was
    wrong: list[str] = field(default_factory=list)


def fresh_clone(template: Workspace, target: Path, _: random.Random) -> Workspace:
    template.run("git", "clone", "--quiet", "--no-hardlinks", ".", str(target))
    workspace = Workspace(target)
    workspace.run("git", "config", "user.name", "Test")
    workspace.run("git", "config", "user.email", "test@example.org")
    return workspace


def copied(template: Workspace, target: Path, _: random.Random) -> Workspace:
    shutil.copytree(template.path, target, symlinks=True)
    return Workspace(target)


def with_an_empty_remote(template: Workspace, target: Path, chance: random.Random) -> Workspace:
    workspace = copied(template, target, chance)
    shutil.rmtree(target / "data" / "remote" / "files")
    return workspace


def with_a_stage_to_run(template: Workspace, target: Path, chance: random.Random) -> Workspace:
    workspace = copied(template, target, chance)
    forget(workspace, chance.choice(STAGES))
    return workspace


COMMANDS = (
    Command(
        "tarmac pull",
        (*TARMAC, "pull"),
        ((*TARMAC, "pull"),),
        fresh_clone,
        objects=".dvc/cache/files/md5",
    ),
    Command(
        "dvc push",
        (*DVC, "push"),
        ((*TARMAC, "push"),),
        with_an_empty_remote,
        objects="data/remote/files/md5",
    ),
    Command("dvc repro", (*DVC, "repro"), ((*TARMAC, "run"),), with_a_stage_to_run),
    Command("tarmac run", (*TARMAC, "run"), ((*TARMAC, "run"),), with_a_stage_to_run),
    Command(
        "dvc exp run",
        RUN_EXPERIMENT,
        ((*TARMAC, "repair"), RUN_EXPERIMENT),
        copied,
        experiment=True,
    ),
)


class Killer:
    """Kill one command again and again, each time in a workspace of its own."""

    def __init__(self, command: Command, template: Workspace, folder: Path, seed: int) -> None:
        """Run the command once undisturbed, for its time and its result."""
        self.command, self.template, self.folder = command, template, folder
        self.chance = random.Random(f"{command.name} {seed}")
        self.head = template.run("git", "rev-parse", "HEAD").stdout.strip()
        self.count = 0
        self.late = False
        workspace = self._workspace()
        with started(workspace, *command.words, env=FROM_SOURCE) as process:
            moments = []
            for late in (False, True):
                self._begin(workspace, process, late)
                moments.append(time.monotonic())
            assert process.stdout is not None
            told = process.stdout.read()
            assert process.wait() == 0, told
        # To the end: before it, Python imports.
        self.seconds = [time.monotonic() - moment for moment in moments]
        self.lock = (workspace.path / commands.LOCK).read_bytes()
        assert not self._wrong(workspace), self._wrong(workspace)
        shutil.rmtree(workspace.path.parent)

    def kill(self) -> Kill:
        """Kill the command once before its end, start it again, and tell what came of it."""
        for _ in range(TRIES):
            workspace = self._workspace()
            # What DVC prepares, and what it ends with, are short compared with the stages: both
            # ends weigh more.
            part = self.chance.betavariate(0.6, 0.9)
            self.late = not self.late
            if self._killed(workspace, part * self.seconds[self.late]):
                break
            shutil.rmtree(workspace.path.parent)
        else:
            raise AssertionError(f"{self.command.name} always ended before it could be killed")
        kill = Kill(self.command.name, part, traces(workspace))
        for attempt in range(1, ATTEMPTS + 1):
            done = [self._run(workspace, words) for words in self.command.again]
            kill.wrong = [last_line(each) for each in done if each.returncode] + self._wrong(
                workspace
            )
            if not kill.wrong:
                kill.attempts = attempt
                shutil.rmtree(workspace.path.parent)
                break
        return kill

    def _workspace(self) -> Workspace:
        self.count += 1
        target = self.folder / self.command.name.replace(" ", "-") / str(self.count) / "repository"
        target.parent.mkdir(parents=True)
        workspace = self.command.prepare(self.template, target, self.chance)
        with (target / EDITED).open("a") as file:
            file.write(MINE)
        for name in (STAGED, UNTRACKED):
            (target / name).write_text(MINE)
        workspace.run("git", "add", STAGED)
        return workspace

    def _begin(self, workspace: Workspace, process: "subprocess.Popen[str]", late: bool) -> None:
        """Wait for the first change or, if `late`, for the first object.

        If the command writes no objects, there is no wait for one.
        """
        if not late:
            first_change(workspace, process)
        elif self.command.objects:
            while process.poll() is None and not any(
                (workspace.path / self.command.objects).glob("??/*")
            ):
                time.sleep(0.001)

    def _killed(self, workspace: Workspace, seconds: float) -> bool:
        with started(workspace, *self.command.words, env=FROM_SOURCE) as process:
            self._begin(workspace, process, self.late)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            return process.wait() == -signal.SIGKILL

    def _run(
        self, workspace: Workspace, words: tuple[str, ...]
    ) -> "subprocess.CompletedProcess[str]":
        return workspace.run(*words, check=False, env=FROM_SOURCE)

    def _wrong(self, workspace: Workspace) -> list[str]:
        """What is not as it is after an undisturbed run, in words."""
        wanted = commands.read_output_hashes(workspace.path)
        with object_store.open_remote(folder=workspace.path) as remote:
            faults = object_store.find_faults(
                remote, commit_outputs.list_commit_outputs("HEAD", workspace.path), read=True
            )
        holds = {
            "dvc.lock": (workspace.path / commands.LOCK).read_bytes() == self.lock,
            "outputs": {path: compute_dvc_hash(workspace.path / path) for path in wanted} == wanted,
            "remote": not faults,
            "HEAD": git(workspace, "symbolic-ref", "HEAD") == "refs/heads/main",
            "commit": git(workspace, "rev-parse", "HEAD") == self.head,
            "edits": not missing_edits(workspace),
            "half-written outputs": not leftovers(workspace),
            "dvc status": not self._run(workspace, (*DVC, "status", "--quiet")).returncode,
        }
        if self.command.experiment:
            holds["experiment"] = (
                git(workspace, "show", f"{self._experiment(workspace)}:dvc.lock").encode()
                == self.lock.strip()
            )
        return [f"{name} is not as it should be" for name, right in holds.items() if not right]

    def _experiment(self, workspace: Workspace) -> str:
        refs = git(workspace, "for-each-ref", "--format=%(refname)", "refs/exps/*/*/*").split()
        return next((ref for ref in refs if ref.endswith(f"/{EXPERIMENT}")), "none")


def first_change(workspace: Workspace, process: "subprocess.Popen[str]") -> None:
    """Wait until a command has changed anything in a workspace, or has ended."""
    names = (
        "",
        ".dvc",
        ".dvc/tmp",
        ".dvc/tmp/lock",
        ".dvc/tmp/rwlock",
        ".git",
        "data",
        "data/remote",
        "models",
    )
    places = [workspace.path / name for name in names]

    def state() -> list[int]:
        return [path.stat().st_mtime_ns for path in places if path.exists()]

    before = state()
    while process.poll() is None and state() == before:
        time.sleep(0.002)


def traces(workspace: Workspace) -> list[str]:
    """What a kill left behind, in words."""
    place = workspace.path
    partial = [
        path for top in ("data", "metrics", "models") for path in (place / top).rglob(".*.tmp")
    ]
    stored = [
        path for top in (".dvc/cache", "data/remote") for path in (place / top).rglob("*tmp*")
    ]
    counts = [
        sum(1 for _ in (place / top / "files").rglob("*")) for top in (".dvc/cache", "data/remote")
    ]
    seen = {
        "HEAD on no branch": git(workspace, "symbolic-ref", "--quiet", "HEAD") == "",
        "edits not in the files": missing_edits(workspace),
        "an experiment that waits": bool(git(workspace, "for-each-ref", "refs/exps/stash")),
        "a lock of Git": any((place / ".git").rglob("*.lock")),
        "an empty lock of DVC": any(
            (place / path).is_file() and not (place / path).stat().st_size
            for path in commands.LOCKS
        ),
        "a cut dvc.lock": not (place / commands.LOCK).read_bytes().endswith(b"\n"),
        "half-written outputs": bool(leftovers(workspace) or partial),
        "half-written objects": bool(stored),
        "a part of the objects": 0 < min(counts) < max(counts),
    }
    return [name for name, there in seen.items() if there]


def missing_edits(workspace: Workspace) -> bool:
    files: Mapping[str, Path] = {
        name: workspace.path / name for name in (EDITED, STAGED, UNTRACKED)
    }
    return not all(path.is_file() and path.read_text().endswith(MINE) for path in files.values())


def git(workspace: Workspace, *words: str) -> str:
    return workspace.run("git", *words, check=False).stdout.strip()


def last_line(done: "subprocess.CompletedProcess[str]") -> str:
    return (done.stderr.strip() or done.stdout.strip() or "nothing was told").splitlines()[-1]
