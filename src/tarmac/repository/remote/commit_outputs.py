"""List the outputs that a commit leaves to a remote, with their hashes.

`repository.dvc.object_store` checks what a remote really has of them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tarmac.pipeline.base.paths import LOCK, PIPELINE
from tarmac.repository.dvc import commands, lockfile
from tarmac.repository.dvc.errors import StoreError
from tarmac.repository.git import read_text_at, run_git


def list_commit_outputs(revision: str | None = None, folder: Path = Path()) -> dict[str, str]:
    """Return the hash of every output that a commit leaves to a remote, by path.

    If `revision` is None, read the files in the working tree instead of a commit. The outputs stand
    in `dvc.lock` and in `.dvc` files. What Git keeps, and what is not to be pushed, is not among
    them. Raise `StoreError` if one of these files cannot be read.
    """
    locked = lockfile.parse_output_hashes(_read_text(revision, LOCK, folder) or "", revision)
    elsewhere = _find_unpushed_outputs(_read_yaml(revision, PIPELINE, folder))
    hashes = {path: oid for path, oid in locked.items() if path not in elsewhere}
    for pointer in _list_dvc_files(revision, folder):
        content = _read_yaml(revision, pointer, folder)
        if any("repo" in dep for dep in content.get("deps", [])):
            continue  # imported from another repository, which has its own remote
        for out in content.get("outs", []):
            if "md5" in out and _is_pushed(out):
                hashes[(pointer.parent / out["path"]).as_posix()] = out["md5"]
    return hashes


def _read_text(revision: str | None, path: Path, folder: Path) -> str | None:
    if revision is not None:
        return read_text_at(revision, path, folder)
    if path == LOCK:
        return lockfile.read_lock(folder)
    return (folder / path).read_text(encoding="utf-8") if (folder / path).is_file() else None


def _read_yaml(revision: str | None, path: Path, folder: Path) -> dict[str, Any]:
    try:
        tree = lockfile.parse_yaml(_read_text(revision, path, folder) or "") or {}
    except (yaml.YAMLError, UnicodeDecodeError):
        tree = None
    if not isinstance(tree, dict):
        where = f" of {revision}" if revision else ""
        hint = "choose another commit" if revision else f"restore it with `git restore {path}`"
        raise StoreError(f"{path}{where} is not a valid DVC file", hint)
    return tree


def _list_dvc_files(revision: str | None, folder: Path) -> list[Path]:
    if revision is None:
        return commands.list_dvc_files(folder)
    listed = run_git("ls-tree", "--name-only", "-r", "-z", revision, folder=folder).split("\0")
    return [Path(path) for path in listed if path.endswith(".dvc")]


def _find_unpushed_outputs(pipeline: Mapping[str, Any]) -> set[str]:
    """Outputs that a `dvc.yaml` declares with `cache: false` or `push: false`."""
    return {path for path, options in _iter_declared_outputs(pipeline) if not _is_pushed(options)}


def _iter_declared_outputs(pipeline: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for stage in (pipeline.get("stages") or {}).values():
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get(kind) or []:
                if isinstance(out, Mapping):
                    yield from out.items()


def _is_pushed(options: Mapping[str, Any]) -> bool:
    return bool(options.get("cache", True) and options.get("push", True))
