"""The two results that are compared: the files here, and those of the base commit in a temporary clone."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tarmac.interface.errors import UserError
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.hashing import digest
from tarmac.repository import clone
from tarmac.repository.dvc import commands

# As text, which names them in a lock.
LOCK, PIPELINE, PARAMS, RAW = str(paths.LOCK), str(paths.PIPELINE), str(paths.PARAMS), str(paths.RAW)
PREDICTIONS, FEATURES = str(paths.PREDICTIONS), str(paths.FEATURES)
MODEL, BASELINE = str(paths.MODEL), str(paths.BASELINE)
NEEDED = (PREDICTIONS, MODEL, BASELINE, FEATURES, RAW)  # of the base, in order of use


@dataclass(frozen=True)
class Result:
    """A result in a folder: what its lock names, and which of the compared outputs are really there."""

    folder: Path
    commit: str
    hashes: Mapping[str, str]  # of every output that DVC keeps, by path
    present: frozenset[str]

    def path(self, name: str) -> Path:
        """Where a file of this result lies."""
        return self.folder / name

    def text(self, name: str) -> str | None:
        """A text file of this result, or None where it has none."""
        path = self.path(name)
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file of this result; empty where it has none."""
        return dict(json.loads(self.text(name) or "{}"))

    def yaml(self, name: str) -> dict[str, Any]:
        """A YAML file of this result, as the stages and DVC read it; empty where it has none. Not to be changed."""
        return _mapping(self.text(name) or "")


def here(commit: str) -> Result:
    """The result in the working tree. Its outputs have been pulled or made before."""
    hashes = commands.outputs()
    return Result(Path(), commit, hashes, frozenset(name for name in NEEDED if Path(name).exists()))


@contextmanager
def of_commit(commit: str, head: Result, trusted: bool = True) -> Iterator[Result]:
    """The result of a commit, for as long as the block lasts; what the remote lacks is not `present` in it.

    A commit that is not trusted gets no symbolic link, and the remotes that are set here instead of its own.
    """
    with clone.of_commit(commit, trusted) as folder:
        _drop_broken(folder)
        hashes = commands.outputs(folder)
        wanted = [name for name in NEEDED if name in hashes]
        for name in wanted:
            if hashes[name] == head.hashes.get(name) and name in head.present:
                _link(head.path(name), folder / name)
        commands.pull_each((name for name in wanted if not (folder / name).exists()), folder, clone.site(folder))
        present = frozenset(name for name in wanted if digest(folder / name) == hashes[name])
        yield Result(folder, commit, hashes, present)


@lru_cache(maxsize=8)  # the same few files are asked for again and again, and reading one takes long
def _mapping(text: str) -> dict[str, Any]:
    found = YAML(typ="safe", pure=True).load(text) or {}
    if not isinstance(found, dict):
        raise YAMLError("not a mapping")
    return found


def _drop_broken(folder: Path) -> None:
    """Removes what cannot be read: a broken commit is compared as far as it goes, so that its mend can be reviewed."""
    readers: dict[str, Callable[[str], object]] = {LOCK: commands.locked, PIPELINE: _mapping, PARAMS: _mapping}
    for name, read in readers.items():
        path = folder / name
        try:
            read(path.read_text(encoding="utf-8") if path.is_file() else "")
        except (UserError, ValueError, YAMLError):
            print(f"base: {name} cannot be read, and is left out of the comparison", flush=True)
            path.unlink()


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())
