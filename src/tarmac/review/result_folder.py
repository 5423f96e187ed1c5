"""Read the two results that are compared: the files here, and those of the base commit.

The base commit is in a temporary clone.
"""

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
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository import clone
from tarmac.repository.dvc import commands, lockfile

# As text, which names them in a lock.
LOCK, PIPELINE, PARAMS, RAW = (
    str(paths.LOCK),
    str(paths.PIPELINE),
    str(paths.PARAMS),
    str(paths.RAW),
)
PREDICTIONS, FEATURES = str(paths.PREDICTIONS), str(paths.FEATURES)
MODEL, BASELINE = str(paths.MODEL), str(paths.BASELINE)
NEEDED = (PREDICTIONS, MODEL, BASELINE, FEATURES, RAW)  # of the base, in order of use


@dataclass(frozen=True)
class ResultFolder:
    """A result in a folder: what its lock names, and which of the compared outputs are present."""

    folder: Path
    commit: str
    hashes: Mapping[str, str]  # of every output that DVC keeps, by path
    present: frozenset[str]

    def resolve_path(self, name: str) -> Path:
        """Where a file of this result lies."""
        return self.folder / name

    def read_text(self, name: str) -> str | None:
        """A text file of this result, or None where it has none."""
        path = self.resolve_path(name)
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of this result; empty where it has none."""
        return dict(json.loads(self.read_text(name) or "{}"))

    def read_yaml(self, name: str) -> dict[str, Any]:
        """Return a YAML file of this result, as the stages and DVC read it.

        The mapping is empty if there is no such file. It is not to be changed. Raise `UserError`
        if the file is not valid.
        """
        try:
            return _parse_mapping(self.read_text(name) or "")
        except (YAMLError, ValueError) as error:  # ValueError: not UTF-8, or an impossible date
            message = f"{self.resolve_path(name)}: not valid YAML: {' '.join(str(error).split())}"
            hint = f"correct it, or restore it: `git restore {name}`"
            raise UserError(message, hint) from None


def load_working_tree_result(commit: str) -> ResultFolder:
    """The result in the working tree. Its outputs have been pulled or made before."""
    hashes = commands.read_output_hashes()
    return ResultFolder(
        Path(), commit, hashes, frozenset(name for name in NEEDED if Path(name).exists())
    )


@contextmanager
def open_commit_result(
    commit: str, head: ResultFolder, trusted: bool = True
) -> Iterator[ResultFolder]:
    """Yield the result of a commit, for as long as the block lasts.

    What the remote lacks is not `present` in it. A commit that is not trusted gets no symbolic
    link, and the remotes that are set here instead of its own.
    """
    with clone.open_clone(commit, trusted) as folder:
        _remove_unreadable_files(folder)
        hashes = commands.read_output_hashes(folder)
        wanted = [name for name in NEEDED if name in hashes]
        for name in wanted:
            if hashes[name] == head.hashes.get(name) and name in head.present:
                _link_output(head.resolve_path(name), folder / name)
        commands.pull_available_outputs(
            (name for name in wanted if not (folder / name).exists()),
            folder,
            clone.build_site_cache_env(folder),
        )
        present = frozenset(
            name for name in wanted if compute_dvc_hash(folder / name) == hashes[name]
        )
        yield ResultFolder(folder, commit, hashes, present)


@lru_cache(
    maxsize=8
)  # the same few files are asked for again and again, and reading one takes long
def _parse_mapping(text: str) -> dict[str, Any]:
    mapping = YAML(typ="safe", pure=True).load(text) or {}
    if not isinstance(mapping, dict):
        raise YAMLError("not a mapping")
    return mapping


def _remove_unreadable_files(folder: Path) -> None:
    """Remove what cannot be read.

    A broken commit is compared as far as it goes, so that its repair can be reviewed.
    """
    readers: dict[str, Callable[[str], object]] = {
        LOCK: lockfile.parse_output_hashes,
        PIPELINE: _parse_mapping,
        PARAMS: _parse_mapping,
    }
    for name, read in readers.items():
        path = folder / name
        try:
            read(path.read_text(encoding="utf-8") if path.is_file() else "")
        except (UserError, ValueError, YAMLError):
            print(f"base: {name} cannot be read, and is left out of the comparison", flush=True)
            path.unlink()


def _link_output(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())
