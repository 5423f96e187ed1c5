"""`tarmac upgrade`: bring a project to another release of Tarmac.

The files that both releases give the project are rendered, and the difference is merged into the
project's own. Template history never enters the project's, so that it cannot be merged back. The
code of the new release does all of it: the installed one only finds and starts it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tarmac.interface.errors import UserError, exit_on_user_error
from tarmac.pipeline.base.outputs import write_json
from tarmac.pipeline.base.paths import PARAMS, WHEEL_PIN
from tarmac.pipeline.base.wheel import PinnedWheel, read_pinned_wheel
from tarmac.repository import git
from tarmac.scaffold import pipeline, project
from tarmac.scaffold.merge_files import MergedFile, Outcome, merge_folders
from tarmac.scaffold.migrate_params import migrate_params
from tarmac.scaffold.render import render_project
from tarmac.scaffold.settings import read_settings

STATE = Path(".dvc/tmp/tarmac/upgrade.json")  # there while files are written
RENDER = "tarmac.scaffold.render"
BUILT_FROM = ("pyproject.toml", "LICENSE")  # besides the code
STASH, DETACH = "an interrupted upgrade of Tarmac", "--detach"
BUILD = ("--wheel", "--no-build-isolation", "--out-dir")


class UpgradeError(UserError):
    """The project cannot be upgraded; it is as it was."""


def start_upgrade(source: Path) -> bool:
    """Upgrade the project in the working directory to a wheel, or to the code of a clone.

    Return whether no conflict is left. Raise `UserError` if the source has no release.
    """
    with tempfile.TemporaryDirectory(prefix="tarmac-upgrade-") as temporary:
        wheel = find_wheel(source, Path(temporary))
        release = Path(temporary) / "release"
        shutil.unpack_archive(wheel, release, "zip")
        command = [sys.executable, "-m", "tarmac.scaffold.upgrade"]
        environment = {**os.environ, "PYTHONPATH": str(release)}
        done = subprocess.run(command, env=environment, check=False)
    return done.returncode == 0


def find_wheel(source: Path, folder: Path) -> Path:
    """Return the wheel of a release: the file itself, or one built from a clone of Tarmac."""
    if source.suffix == ".whl" and source.is_file():
        return source
    if not (source / "src" / "tarmac").is_dir():
        message = f"{source} is neither a wheel nor a clone of Tarmac"
        raise UpgradeError(message, "make upgrade FROM=path/to/tarmac_ml-….whl")
    built, copy = folder / "built", folder / "clone"  # building leaves files behind
    shutil.copytree(source / "src", copy / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in BUILT_FROM:
        shutil.copy(source / name, copy)
    command = [sys.executable, "-m", "uv", "build", "--quiet", *BUILD, str(built), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"no wheel can be built from {source}: {done.stderr.strip()}"
        raise UpgradeError(message, "check out a release there, then run the same command again")
    return next(built.glob("*.whl"))


def upgrade_project() -> bool:
    """Upgrade the project in the working directory to the release that runs this code.

    Return whether no conflict is left.
    """
    restore_interrupted_upgrade()
    root, old = Path(), read_pinned_wheel(Path())
    if old is None:
        raise UpgradeError("this is Tarmac's own repository", "run it at the root of a project")
    read_settings(root)
    changed = git.run_git("status", "--porcelain").strip()
    if changed:
        message = f"the working tree has uncommitted changes: {changed.splitlines()[0].strip()}"
        raise UpgradeError(message, "commit them first, so that nothing of yours is lost")
    with tempfile.TemporaryDirectory(prefix="tarmac-upgrade-") as temporary:
        before, after = Path(temporary) / "before", Path(temporary) / "after"
        render_old_release(old, Path(temporary) / "release", before)
        render_project(root, after)
        project.write_pinned_wheel(after)
        new = read_pinned_wheel(after)
        if new is None or new.sha256 == old.sha256:
            print(f"nothing to do: {old.path.name} is this release already")
            return True
        files = [file for file in merge_folders(root, before, after) if file.path != PARAMS]
        tree = pipeline.read_tree(PARAMS)
        lines = migrate_params(tree, *(pipeline.read_tree(one / PARAMS) for one in (before, after)))
        branch = f"upgrade-{new.version}-{new.sha256[:7]}"
        subject = f"Upgrade Tarmac from {old.version} to {new.version}"
        write_upgrade(branch, subject, files, tree if lines else None)
    return report_upgrade(branch, files, lines)


def render_old_release(wheel: PinnedWheel, release: Path, folder: Path) -> None:
    """Have the release that a project came from write its files, by its own code."""
    wheel.extract(release)
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(release)}
    command = [sys.executable, "-m", RENDER, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{wheel.path.name} cannot write its files: {done.stderr.strip()}"
        raise UpgradeError(message, "correct what it reports, then run the same command again")
    shutil.copy(WHEEL_PIN, folder / WHEEL_PIN)
    (folder / project.VENDOR).mkdir()
    shutil.copy(wheel.path, folder / project.VENDOR)


def write_upgrade(
    branch: str, subject: str, files: Sequence[MergedFile], params: object | None
) -> None:
    """Write the merged files on a new branch, and commit them if there is no conflict."""
    start = git.run_git("rev-parse", "HEAD").strip()
    write_json(STATE, {"start": start, "from": git.run_git("branch", "--show-current").strip()})
    git.run_git("switch", "--quiet", "--force-create", branch)
    for file in files:
        if file.outcome is Outcome.REMOVED:
            file.path.unlink()
        elif file.outcome is not Outcome.KEPT and file.content is not None:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            file.path.write_bytes(file.content)
    if params is not None:
        pipeline.write_tree(params, PARAMS)
    if not any(file.outcome is Outcome.CONFLICT for file in files):
        git.run_git("add", "--all")
        git.run_git("commit", "--quiet", "--message", subject)
    STATE.unlink()


def restore_interrupted_upgrade() -> None:
    """Take back what a killed upgrade has written: the tree was clean when it began."""
    if not STATE.is_file():
        return
    state = json.loads(STATE.read_text(encoding="utf-8"))
    git.remove_stale_locks(since=STATE.stat().st_mtime)
    # A stash, and not a reset: a person may have edited a file since.
    git.run_git("stash", "push", "--quiet", "--include-untracked", "--message", STASH)
    target = [state["from"]] if state["from"] else [DETACH, state["start"]]
    git.run_git("switch", "--quiet", *target)
    STATE.unlink()
    print("an upgrade was interrupted: what it wrote is taken back, and kept by `git stash`")


def report_upgrade(branch: str, files: Sequence[MergedFile], lines: Sequence[str]) -> bool:
    """Print what changed, and what to do next; return whether no conflict is left."""
    print(f"on the new branch {branch}:")
    for file in files:
        print(f"  {file.outcome.value:9} {file.path}")
    for line in lines:
        print(f"  {PARAMS}: {line}")
    conflicts = [str(file.path) for file in files if file.outcome is Outcome.CONFLICT]
    if conflicts:
        print(f"both sides changed the same lines of {', '.join(conflicts)}: decide between Git's")
        print("markers (<<<<<<<), then: git add --all && git commit")
    print(f"to undo: git switch --force - && git branch --delete --force {branch}")
    return not conflicts


if __name__ == "__main__":
    with exit_on_user_error():
        sys.exit(0 if upgrade_project() else 1)
