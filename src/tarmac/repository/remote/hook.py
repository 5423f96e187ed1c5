"""Check, in Git's pre-push hook, that others can get the outputs of a commit.

A commit whose outputs nobody else can get is reported before it is pushed, not after.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from tarmac.interface.errors import UserError
from tarmac.repository.dvc import object_store
from tarmac.repository.git import read_blob_at, run_git
from tarmac.repository.remote.commit_outputs import list_commit_outputs
from tarmac.repository.remote.push import find_embedded_remote

NOTHING = re.compile("0+")  # the object of a branch that is deleted
MARK = "# Tarmac's hook: written by `make setup`, safe to delete."
SCRIPT = f"""#!/bin/sh
{MARK}
if [ -x .venv/bin/tarmac ]; then exec .venv/bin/tarmac hook; fi
echo "warning: outputs are not checked, because .venv is missing" >&2
echo "hint: run \\`make setup\\`" >&2
"""


class UnpushedError(UserError):
    """Objects that the commits to be pushed name and the remote does not hold."""


class HookError(UserError):
    """A hook of someone else's that must not be replaced."""


def install_hook(folder: Path = Path()) -> str:
    """Write the hook, and return what was done.

    Raise `HookError` if there is a hook that Tarmac has not written.
    """
    hint = "call `.venv/bin/tarmac hook` in your own hook to find outputs that were not pushed"
    configured = run_git(
        "config", "--default", "", "--get", "core.hooksPath", folder=folder
    ).strip()
    if configured:
        raise HookError(f"the hook was not written: core.hooksPath is set to {configured}", hint)
    path = folder / run_git("rev-parse", "--git-path", "hooks/pre-push", folder=folder).strip()
    if os.path.lexists(path) and not (
        path.is_file() and MARK in path.read_text(encoding="utf-8", errors="replace")
    ):
        raise HookError(f"the hook was not written: {path} is a hook of your own", hint)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCRIPT, encoding="utf-8")
    path.chmod(0o755)
    return (
        f"{path}: `git push` is told of outputs that were not pushed "
        "(`git push --no-verify` goes without)"
    )


def check_pushed_commits(pushed_refs: Iterable[str], folder: Path = Path()) -> None:
    """Look for every object that the pushed commits name.

    A line is what Git gives: its name, object, and theirs. In an embedded remote, the commit itself
    is searched: what is in the folder and was not added reaches nobody. Raise `UnpushedError`
    naming each missing object.
    """
    tips = dict(filter(None, (_parse_pushed_ref(line, folder) for line in pushed_refs)))
    wanted = {name: list_commit_outputs(commit, folder) for name, commit in tips.items()}
    if not any(wanted.values()):
        return
    with object_store.open_remote(folder=folder) as remote:
        inside = find_embedded_remote(remote, folder)
        lines = []
        for name, commit in tips.items():
            store = _CommitStore(commit, inside, folder) if inside else remote
            lines += _describe_missing_objects(name, wanted[name], store)
    if lines:
        commit_it = f", commit {inside}" if inside else ""
        hint = f"run `make push`{commit_it} and push again; `git push --no-verify` skips this check"
        raise UnpushedError("\n".join(lines), hint)


def _parse_pushed_ref(line: str, folder: Path) -> tuple[str, str] | None:
    """Return the name and commit of a branch or tag that is pushed.

    Return None for a deletion, and for what is no commit.
    """
    name, pushed, *_ = line.split()
    if NOTHING.fullmatch(pushed):
        return None
    oid = run_git("rev-parse", "--verify", f"{pushed}^{{object}}", folder=folder).strip()
    if run_git("cat-file", "-t", oid, folder=folder).strip() not in ("commit", "tag"):
        return None
    return name, run_git("rev-parse", "--verify", f"{oid}^{{commit}}", folder=folder).strip()


def _describe_missing_objects(
    name: str, wanted: dict[str, str], remote: object_store.ObjectStore
) -> list[str]:
    faults = object_store.audit_objects(remote, wanted, read=False).faults
    if not faults:
        return []
    title = f"{name}: {len(faults)} objects missing or damaged in the remote:"
    return [title, *(f"  {fault}" for fault in faults)]


class _CommitStore:
    """The embedded remote as a commit has it: an object store whose files are Git's."""

    def __init__(self, commit: str, inside: Path, folder: Path) -> None:
        self.fs: Any = self
        self._commit, self._inside, self._folder = commit, inside, folder
        listed = run_git(
            "ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", str(inside), folder=folder
        ).split("\0")
        lines = (line.split("\t", 1) for line in listed if line)
        self._sizes = {
            path: int(meta.split()[3]) for meta, path in lines if meta.split()[1] == "blob"
        }

    def oid_to_path(self, oid: str) -> str:
        """The place of an object in the tree of the commit."""
        return (self._inside / "files" / "md5" / oid[:2] / oid[2:]).as_posix()

    def info(self, paths: list[str], **_: object) -> list[dict[str, int] | Exception]:
        """Size of each file, or the error that it is not there."""
        return [
            {"size": self._sizes[path]} if path in self._sizes else FileNotFoundError(path)
            for path in paths
        ]

    @contextmanager
    def open(self, path: str, _: str) -> Iterator[IO[bytes]]:
        """A file of the commit."""
        if path not in self._sizes:
            raise FileNotFoundError(path)
        yield BytesIO(read_blob_at(self._commit, Path(path), self._folder) or b"")
