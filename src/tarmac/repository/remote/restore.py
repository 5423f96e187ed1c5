"""Write the outputs of a commit from its lock and an object store, without DVC.

Should DVC no longer install one day, a clone, Python and PyYAML still give every byte back:
`PYTHONPATH=src python3 -m tarmac.repository.remote.restore HEAD`. DVC 3 keeps an object at
`files/md5/ab/cdef…`, by the MD5 of its bytes; one whose name ends in `.dir` lists a folder.
"""

import argparse
import configparser
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tarmac.interface.errors import UserError, exit_on_user_error
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.paths import LOCK
from tarmac.repository.dvc import object_store
from tarmac.repository.git import resolve_commit
from tarmac.repository.remote.commit_outputs import list_commit_outputs

LAYOUT = Path("files/md5")
SETTINGS = ("config", "config.local")  # of `.dvc`; the second one wins
SHOWN = 5  # paths in an error


class RestoreError(UserError):
    """An output cannot be restored; nothing is written then."""


class ObjectFolder:
    """A folder of objects: DVC's cache, a remote that is a folder, or a copy of any remote."""

    fs: Any = SimpleNamespace(open=open)

    def __init__(self, root: Path) -> None:
        """Take the folder that `files/md5` is in."""
        self.root = root

    def oid_to_path(self, oid: str) -> str:
        """Return the place of an object."""
        return str(self.root / LAYOUT / oid[:2] / oid[2:])


def restore_outputs(
    revision: str = "HEAD", target: Path = Path(), source: Path | None = None
) -> list[str]:
    """Write what a commit keeps outside Git below `target`; return the outputs that were written.

    The objects are those of `source`, or else of the cache and of the default remote. An output
    that has the right bytes already stays. Raise `RestoreError`, with nothing written, if an object
    is missing or damaged, or if another file is in the way.
    """
    if not Path(".dvc").is_dir():
        raise RestoreError("no .dvc folder found here", "run this in the repository's top folder")
    name = resolve_commit(revision)
    if name is None:
        hint = "run `git fetch`, or choose a commit of `git log`"
        raise RestoreError(f"no such commit in this clone: {revision!r}", hint)
    stores = find_stores(source)
    outputs = {
        path: oid
        for path, oid in list_commit_outputs(name).items()
        if compute_dvc_hash(target / path) != oid
    }
    check_target_paths(outputs, target, revision)
    advice = _format_advice(source)
    files = {path: _list_files(stores, path, oid, advice) for path, oid in outputs.items()}
    oids: set[str] = set()
    for content in files.values():
        oids.update(content.values())
    copies = _find_objects(stores, oids)
    lost = [path for path, content in files.items() if not copies.keys() >= set(content.values())]
    if lost:
        raise RestoreError(
            f"no undamaged copy of {_format_paths(lost)} in {_format_stores(stores)}", advice
        )
    for path, content in files.items():
        _write_output(
            target, path, outputs[path], {name: copies[content[name]] for name in content}
        )
    return list(files)


def _write_output(target: Path, path: str, oid: str, copies: Mapping[str, Path]) -> None:
    """Write an output below `target` from a copy of each of its files, by its path in the output.

    Raise `RestoreError` if the written output has another hash.
    """
    with replace_output(target / path) as partial:
        for name, copy in copies.items():
            file = partial / name if name else partial
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(copy, file)
        if compute_dvc_hash(partial) != oid:
            hint = "check the free disk space with `df`"
            raise RestoreError(f"{path} was written incompletely", hint)


def check_target_paths(paths: Iterable[str], target: Path, revision: str) -> None:
    """Raise `RestoreError` if an output would leave the target, or if something is in its place."""
    outside = [path for path in paths if Path(path).is_absolute() or ".." in Path(path).parts]
    if outside:
        hint = f"do not trust {LOCK} of this commit: choose another commit"
        raise RestoreError(f"outputs outside the target folder: {_format_paths(outside)}", hint)
    in_the_way = [path for path in paths if (target / path).exists()]
    if in_the_way:
        hint = "move them away, or restore to another folder with `--to FOLDER`"
        raise RestoreError(
            f"files differ from those of {revision}: {_format_paths(in_the_way)}", hint
        )


def find_stores(source: Path | None) -> list[ObjectFolder]:
    """Return the folders that may hold objects. Raises `RestoreError` if there is none."""
    url, cache = _read_default_url(), _read_settings().get("cache", "dir", fallback=None) or "cache"
    remote = [Path(".dvc") / url] if url and "://" not in url else []  # relative ones start there
    candidates = [source] if source else [Path(".dvc") / cache, *remote]
    stores = [ObjectFolder(root) for root in candidates if (root / LAYOUT).is_dir()]
    if not stores:
        roots = " or ".join(map(str, candidates))
        raise RestoreError(f"no folder of objects ({LAYOUT}) in {roots}", _format_advice(source))
    return stores


def _read_default_url() -> str | None:
    """Return the address of the default remote."""
    name = _read_settings().get("core", "remote", fallback=None)
    return _read_settings().get(f"'remote \"{name}\"'", "url", fallback=None)


def _read_settings() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    for path in (Path(".dvc") / name for name in SETTINGS):
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            message = f"{path} cannot be read: {' '.join(str(error).split())}"
            hint = "correct the file; `git restore .dvc/config` restores the committed one"
            raise RestoreError(message, hint) from None
    return parser


def _list_files(stores: Sequence[ObjectFolder], path: str, oid: str, advice: str) -> dict[str, str]:
    """Return the hash of each file of an output by its path in it, which is empty for a file.

    Raise `RestoreError`, with the advice, if no store has a valid list of the files.
    """
    if not oid.endswith(".dir"):
        return {"": oid}
    for store in stores:
        try:
            return object_store.parse_listing(object_store.read_listing(store, oid))
        except object_store.BadObjectError:
            continue
    stored = _format_stores(stores)
    raise RestoreError(
        f"the list of the files in {path} ({oid}) is missing or damaged in {stored}", advice
    )


def _find_objects(stores: Sequence[ObjectFolder], oids: Iterable[str]) -> dict[str, Path]:
    """Return the path of a copy of each object with the bytes that its name says."""
    copies = {}
    for oid in oids:
        for store in stores:
            path = Path(store.oid_to_path(oid))
            if path.is_file() and compute_dvc_hash(path) == oid:
                copies[oid] = path
                break
    return copies


def _format_advice(source: Path | None) -> str:
    if source:
        return "use `--from` with another clone's .dvc/cache, or with another copy of the remote"
    url = _read_default_url()
    if url and "://" in url:
        url = object_store.redact_credentials(url)
        return f"copy {url} to a folder with the storage's own tool, then add `--from FOLDER`"
    return "add `--from FOLDER` with another clone's .dvc/cache, or with a copy of the remote"


def _format_stores(stores: Sequence[ObjectFolder]) -> str:
    return " or ".join(str(store.root) for store in stores)


def _format_paths(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="tarmac restore", description=str(__doc__).partition("\n")[0]
    )
    parser.add_argument("revision", nargs="?", default="HEAD", help="commit, branch or tag")
    parser.add_argument("--to", type=Path, default=Path(), help="folder to write to")
    parser.add_argument(
        "--from", type=Path, dest="source", help="folder of objects, as .dvc/cache is"
    )
    given = parser.parse_args()
    with exit_on_user_error():
        try:
            written = restore_outputs(given.revision, given.to, given.source)
        except OSError as error:
            hint = "check the permissions there, and the free disk space with `df`"
            place = f"{error.filename}: " if error.filename else ""
            message = f"not restored to {given.to}: {place}{error.strerror or error}"
            raise RestoreError(message, hint) from error
    print(format_report(written))


def format_report(written: Sequence[str]) -> str:
    """Return what the command prints at its end."""
    end = f"{len(written)} outputs written, every byte as dvc.lock names it"
    return "\n".join([*written, end])


if __name__ == "__main__":
    main()
