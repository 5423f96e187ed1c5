"""Registers the model of HEAD as the next version, if nothing speaks against it."""

import json
from pathlib import Path
from typing import Any

from tarmac.interface.errors import suggest
from tarmac.pipeline.base.paths import LOCK, MODEL, STATE
from tarmac.registry.history import ARTIFACT, Event, RegistryError, events, in_stage, versions
from tarmac.registry.tag import fetched, tagged
from tarmac.repository import git
from tarmac.repository.dvc import commands
from tarmac.repository.dvc.object_store import faults, opened
from tarmac.repository.remote.objects import named
from tarmac.review.run import review

OUT, BUMPS = Path("review"), ("major", "minor", "patch")
SERVED = (str(MODEL), str(STATE))


def release(bump: str) -> str:
    """Registers HEAD's model; returns what was done in a line. Raises `RegistryError` for what speaks against it.

    The tree has to be clean, the lock what code and parameters ask for, every object in the remote with its bytes, and
    the verdict against the version in use a pass: metrics, slices, behaviour tests, parity of the ONNX file and cost.
    """
    if bump not in BUMPS:
        hint = f"{suggest(bump, BUMPS)} use {', '.join(BUMPS)}".lstrip()
        raise RegistryError(f"unknown version bump {bump!r}", hint)
    refuse_unclean()
    refuse_stale()
    fetched()
    known = events()
    refuse_released(known)
    refuse_unpushed()
    base = in_use(known)
    if not review(base.commit if base else None, OUT):
        message = f"not released, the verdict is fail: {_summary()}"
        raise RegistryError(message, f"read {OUT}/report.md")
    return _register(bump, base)


def _register(bump: str, base: Event | None) -> str:
    from gto import api

    why = f"{_summary()} (against {base.version})" if base else "the first version; every floor of the policy holds"
    grown: dict[str, Any] = {f"bump_{bump}": True} if base else {}  # GTO names the first one itself
    return f"{tagged(lambda: api.register('.', ARTIFACT, 'HEAD', message=why, **grown))}: {why}"


def in_use(known: list[Event]) -> Event | None:
    """The version that a new one has to stand against: that of prod, else the latest; None before the first."""
    return in_stage(known, "prod") or next(reversed(versions(known).values()), None)


def refuse_unclean() -> None:
    """Raises `RegistryError` where files differ from HEAD's."""
    changed = git.changed_since("HEAD")
    if changed:
        message = f"the working tree has uncommitted changes: {', '.join(changed[:10])}"
        raise RegistryError(message, "commit or remove these files")


def refuse_released(known: list[Event]) -> None:
    """Raises `RegistryError` where HEAD's model and what it looks up are a version already."""
    served = _served("HEAD")
    same = [event.version for event in versions(known).values() if _served(event.commit) == served]
    if same:
        message = f"this model is already registered as {same[-1]}"
        hint = f"promote that version: `make promote STAGE=prod VERSION={same[-1]} WHY=…`"
        raise RegistryError(message, hint)


def refuse_stale() -> None:
    """Raises `RegistryError` where a stage would have to run: the lock is not what code and parameters ask for."""
    commands.pull()
    stale = json.loads("\n".join(commands.dvc("status", "--json")) or "{}")
    if stale:
        message = f"dvc.lock is not up to date in {', '.join(stale)}"
        raise RegistryError(message, "run `make run`, and commit the result")


def refuse_unpushed() -> None:
    """Raises `RegistryError` where the remote lacks an object of HEAD, or has other bytes under its name."""
    with opened() as remote:
        wrong = faults(remote, named("HEAD"), read=True)
    if wrong:
        listed = ", ".join(f"{fault.path} ({fault.kind})" for fault in wrong[:10])
        message = f"the remote does not have all objects of this commit: {listed}"
        raise RegistryError(message, "send them: `make push`")


def _served(revision: str) -> list[str | None]:
    locked = commands.locked(git.text_at(revision, LOCK) or "")
    return [locked.get(path) for path in SERVED]


def _summary() -> str:
    return str(json.loads((OUT / "verdict.json").read_text(encoding="utf-8"))["summary"])
