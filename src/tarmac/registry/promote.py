"""Gives a stage a version of the model, or the one back that it had before."""

from tarmac.interface.errors import suggest
from tarmac.registry.history import (
    ARTIFACT,
    BACK,
    REGISTER_FIRST,
    STAGES,
    RegistryError,
    describe_unknown_stage,
    events,
    held,
    versions,
)
from tarmac.registry.tag import fetched, tagged


def promote(stage: str, version: str, why: str) -> str:
    """Gives a stage a version, the latest one where none is named; returns what was done in a line."""
    _check(stage, why)
    known = events()
    registered = versions(known)
    version = version or next(reversed(registered), "")
    if not registered:
        raise RegistryError(f"there is no version {version or 'to promote'}", REGISTER_FIRST)
    if version not in registered:
        hint = f"{suggest(version, registered)} use one of {', '.join(registered)}".lstrip()
        raise RegistryError(f"there is no version {version}", hint)
    if held(known, stage)[-1:] == [version]:
        raise RegistryError(f"{stage} already has {version}")
    return _assign(stage, version, why)


def rollback(stage: str, why: str) -> str:
    """Gives a stage the version that it had before the present one; returns what was done in a line."""
    _check(stage, why)
    known = events()
    registered = versions(known)
    back = [version for version in held(known, stage)[:-1] if version in registered]
    if not back:
        before = "".join(f" before {present}" for present in held(known, stage)[-1:])
        message = f"{stage} has no version{before} to roll back to"
        raise RegistryError(message, "list all versions: `tarmac registry`")
    return _assign(stage, back[-1], f"{BACK}{why}")


def _check(stage: str, why: str) -> None:
    if stage not in STAGES:
        raise RegistryError(*describe_unknown_stage(stage))
    if not why.strip():
        hint = "give the reason, which the tag keeps: `make … WHY='…'`, or `tarmac … --why '…'`"
        raise RegistryError("no reason was given", hint)
    fetched()


def _assign(stage: str, version: str, why: str) -> str:
    from gto import api

    tag = tagged(lambda: api.assign(".", ARTIFACT, stage, version=version, message=why, force=True))
    return f"{stage} has {version} now ({tag}): {why}"
