"""Registers the model of HEAD as the next version, if nothing speaks against it."""

import json
from pathlib import Path
from typing import Any

from tarmac.interface.errors import suggest_name
from tarmac.pipeline.base.paths import LOCK, MODEL, ONLINE
from tarmac.registry.history import (
    ARTIFACT,
    Event,
    RegistryError,
    find_environment_version,
    list_events,
    list_versions,
)
from tarmac.registry.tag import create_tag, fetch_tags
from tarmac.repository import git
from tarmac.repository.dvc import commands, lockfile
from tarmac.repository.dvc.object_store import find_faults, open_remote
from tarmac.repository.remote.commit_outputs import list_commit_outputs
from tarmac.review.run import review_working_tree

OUT, BUMPS = Path("review"), ("major", "minor", "patch")
SERVED = (str(MODEL), str(ONLINE))


def release_model(bump: str) -> str:
    """Register HEAD's model, and return what was done in one line.

    The tree must be clean. The lock must match code and parameters. Every object must be in the
    remote with its bytes. The verdict against the version in use must be a pass: metrics, slices,
    behaviour tests, parity of the ONNX file and cost. Raise `RegistryError` if one of these fails.
    """
    if bump not in BUMPS:
        hint = f"{suggest_name(bump, BUMPS)} use {', '.join(BUMPS)}".lstrip()
        raise RegistryError(f"unknown version bump {bump!r}", hint)
    require_clean_tree()
    require_current_lock()
    fetch_tags()
    known = list_events()
    require_unreleased_model(known)
    require_pushed_objects()
    base = find_version_in_use(known)
    if not review_working_tree(base.commit if base else None, OUT):
        message = f"not released, the verdict is fail: {_read_summary()}"
        raise RegistryError(message, f"read {OUT}/report.md")
    return _register_model(bump, base)


def _register_model(bump: str, base: Event | None) -> str:
    from gto import api

    why = "the first version, within the bounds of the policy"
    if base:
        why = f"{_read_summary()} (against {base.version})"
    grown: dict[str, Any] = {f"bump_{bump}": True} if base else {}  # GTO names the first one itself
    return f"{create_tag(lambda: api.register('.', ARTIFACT, 'HEAD', message=why, **grown))}: {why}"


def find_version_in_use(known: list[Event]) -> Event | None:
    """Return the version that a new one is compared with: that of prod, else the latest.

    Return None before the first version.
    """
    return find_environment_version(known, "prod") or next(
        reversed(list_versions(known).values()), None
    )


def require_clean_tree() -> None:
    """Raise `RegistryError` where files differ from HEAD's."""
    changed = git.list_changed_paths("HEAD")
    if changed:
        message = f"the working tree has uncommitted changes: {', '.join(changed[:10])}"
        raise RegistryError(message, "commit or remove these files")


def require_unreleased_model(known: list[Event]) -> None:
    """Raise `RegistryError` where HEAD's model and what it looks up are a version already."""
    served = _list_served_hashes("HEAD")
    same = [
        event.version
        for event in list_versions(known).values()
        if _list_served_hashes(event.commit) == served
    ]
    if same:
        message = f"this model is already registered as {same[-1]}"
        hint = f"promote that version: `make promote ENVIRONMENT=prod VERSION={same[-1]} WHY=…`"
        raise RegistryError(message, hint)


def require_current_lock() -> None:
    """Require a lock that matches code and parameters.

    Raise `RegistryError` if a stage would have to run.
    """
    commands.pull_outputs()
    stale = json.loads("\n".join(commands.run_dvc("status", "--json")) or "{}")
    if stale:
        message = f"dvc.lock is not up to date in {', '.join(stale)}"
        raise RegistryError(message, "run `make run`, and commit the result")


def require_pushed_objects() -> None:
    """Require all objects of HEAD in the remote.

    Raise `RegistryError` if one is missing there, or has other bytes under its name.
    """
    with open_remote() as remote:
        wrong = find_faults(remote, list_commit_outputs("HEAD"), read=True)
    if wrong:
        listed = ", ".join(f"{fault.path} ({fault.kind})" for fault in wrong[:10])
        message = f"the remote does not have all objects of this commit: {listed}"
        raise RegistryError(message, "send them: `make push`")


def _list_served_hashes(revision: str) -> list[str | None]:
    locked = lockfile.parse_output_hashes(git.read_text_at(revision, LOCK) or "", revision)
    return [locked.get(path) for path in SERVED]


def _read_summary() -> str:
    return str(json.loads((OUT / "verdict.json").read_text(encoding="utf-8"))["summary"])
