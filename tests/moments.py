"""Run a module until the files around it are as wanted, and kill it there with all that it started.

The process looks at the files itself before it goes on. From outside, a state that lasts a
hundredth of a second is missed now and then.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tarmac.repository.dvc.recovery import BRANCH, MERGE, QUEUED

STASH = "refs/stash"
WRITERS = ("scmrepo", "pygit2", "ruamel")  # what writes Git's files and the lock for DVC
# A file that no stage reads, and a person's line.
EDITED, MINE = ("src/tarmac/ingest/pinned_distribution.py", "# mine\n")


class Seen:
    """What the files of a repository say at a moment."""

    def __init__(self, folder: Path) -> None:
        self.git, self.edit, self.lock = folder / ".git", folder / EDITED, folder / "dvc.lock"

    def has(self, ref: str) -> bool:
        return (self.git / ref).is_file()

    @property
    def on_a_branch(self) -> bool:
        return (self.git / "HEAD").read_bytes().startswith(b"ref:")

    @property
    def edited(self) -> bool:
        try:
            return self.edit.read_bytes().endswith(MINE.encode())
        except FileNotFoundError:  # Git puts another version there
            return False

    @property
    def set_up(self) -> bool:
        """Whether an experiment is being made, and waits for nothing yet."""
        return self.has(STASH) and not self.has(QUEUED)

    @property
    def at_work(self) -> bool:
        """Whether the experiment has the folder, off every branch."""
        return self.has(MERGE) and not self.has(STASH) and not self.on_a_branch


MOMENTS: dict[str, Callable[[Seen], bool]] = {
    "edits stashed": lambda seen: seen.set_up and seen.on_a_branch and not seen.edited,
    "HEAD detached": lambda seen: seen.set_up and not seen.on_a_branch,
    "experiment committed": lambda seen: seen.has(STASH) and seen.has(QUEUED) and not seen.edited,
    "experiment waits": lambda seen: seen.has(QUEUED) and not seen.has(STASH),
    "edits in a hidden commit": lambda seen: seen.has(MERGE) and not seen.edited,
    "a stage runs": lambda seen: seen.at_work and seen.edited,
    "result committed": lambda seen: seen.has(BRANCH),
    "lock emptied": lambda seen: seen.lock.stat().st_size == 0,
}
OF_AN_EXPERIMENT = [name for name in MOMENTS if name != "lock emptied"]


def kill_at(name: str) -> None:
    """Kill this process and its group as soon as the working folder is in the named state."""
    moment, seen = MOMENTS[name], Seen(Path.cwd())

    def look(frame: FrameType, *_: object) -> None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(WRITERS) and moment(seen):
            os.killpg(0, signal.SIGKILL)

    sys.settrace(look)


if __name__ == "__main__":
    _, name, module, *arguments = sys.argv
    kill_at(name)
    sys.argv[:] = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
