"""What a `dvc.lock` says of its stages."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tarmac.pipeline.base.paths import LOCK
from tarmac.repository.dvc.errors import StoreError

CODE, ENVIRONMENT = "src/", "requirements/"
RESTORE_LOCK = f"run `git restore --source=HEAD {LOCK}`, then `make run`"
Entry = Mapping[str, Any]  # a stage, as the lock has it
# The same, seven times as fast: a command reads many locks.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_lock(folder: Path = Path()) -> str:
    """Return the text of `dvc.lock`, which is empty if there is none.

    Raise `StoreError` if it is not UTF-8.
    """
    if not (folder / LOCK).is_file():
        return ""
    try:
        return (folder / LOCK).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StoreError(f"{LOCK} is damaged: {error}", RESTORE_LOCK) from None


def parse_yaml(text: str) -> Any:
    """What a YAML file of DVC's says: a lock, a pipeline, a pointer. Raises `yaml.YAMLError`."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506 - either one is safe


def parse_stages(text: str | None) -> dict[str, Entry]:
    """The stages of a lock by name; none where there is no lock, or one that cannot be read."""
    try:
        return dict((parse_yaml(text or "") or {}).get("stages", {}))
    except (yaml.YAMLError, AttributeError, TypeError, ValueError):
        return {}


def collect_hashes(entries: Iterable[Entry], kind: str) -> dict[str, str]:
    """Hash by path of the `deps` or `outs` of some stages."""
    return {item["path"]: item["md5"] for entry in entries for item in entry.get(kind, [])}


def parse_output_hashes(text: str, commit: str | None = None) -> dict[str, str]:
    """Return the hash of every output in the text of a `dvc.lock`, by path.

    The text is that of a commit or, without one, of the working tree. Raise `StoreError` if it
    cannot be read.
    """
    try:
        stages = (parse_yaml(text) or {}).get("stages", {})
        return collect_hashes(stages.values(), "outs")
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        conflict = "<<<<<<<" in text
        fault = "has a merge conflict" if conflict else "is truncated or damaged"
        if commit:
            repair = f"`git restore --source=COMMIT {LOCK}`, then `make run`"
            hint = f"choose another commit; to repair a branch, take an earlier lock: {repair}"
            raise StoreError(f"{LOCK} of commit {commit[:7]} {fault}", hint) from None
        hint = "run `make merge-lock`" if conflict else RESTORE_LOCK
        raise StoreError(f"{LOCK} {fault}", hint) from None


def collect_params(entry: Entry) -> dict[str, Any]:
    """The parameters that a stage had."""
    return {key: value for tree in entry.get("params", {}).values() for key, value in tree.items()}


def select_upstream_stages(entries: Mapping[str, Entry], last: str) -> dict[str, Entry]:
    """A stage and all that it takes something from, directly or not, in the order of the lock."""
    makers: dict[str, str] = {}
    for name, entry in entries.items():
        makers |= dict.fromkeys(collect_hashes([entry], "outs"), name)
    waiting, upstream = {last}, set[str]()
    while waiting:
        upstream |= waiting
        needed = collect_hashes((entries[name] for name in waiting), "deps")
        waiting = {makers[path] for path in needed if path in makers} - upstream
    return {name: entry for name, entry in entries.items() if name in upstream}


def compute_code_hash(entries: Iterable[Entry]) -> str:
    """One hash over all code that some stages depend on, by path and content."""
    deps = collect_hashes(entries, "deps")
    text = "\n".join(f"{path} {md5}" for path, md5 in sorted(deps.items()) if path.startswith(CODE))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def find_environment_hash(entries: Iterable[Entry]) -> str | None:
    """Return the hash of the locked requirements that some stages ran with.

    If the stages do not agree, return every one of the hashes.
    """
    hashes: set[str] = set()
    for entry in entries:
        deps = collect_hashes([entry], "deps")
        hashes |= {md5 for path, md5 in deps.items() if path.startswith(ENVIRONMENT)}
    return ", ".join(sorted(hashes)) or None
