"""Gives a stage a version of the model, or the one back that it had before."""

from tarmac.registry.history import ARTIFACT, BACK, STAGES, RegistryError, events, held, versions
from tarmac.registry.tag import fetched, tagged


def promote(stage: str, version: str, why: str) -> str:
    """Gives a stage a version, the latest one where none is named; returns what was done in a line."""
    _check(stage, why)
    known = events()
    registered = versions(known)
    version = version or next(reversed(registered), "")
    if version not in registered:
        there = ", ".join(registered) or "none: `make release` registers the first"
        raise RegistryError(f"there is no version {version or 'to promote'}; there is {there}")
    if held(known, stage)[-1:] == [version]:
        raise RegistryError(f"{stage} has {version} already")
    return _assign(stage, version, why)


def rollback(stage: str, why: str) -> str:
    """Gives a stage the version that it had before the present one; returns what was done in a line."""
    _check(stage, why)
    known = events()
    registered = versions(known)
    back = [version for version in held(known, stage)[:-1] if version in registered]
    if not back:
        present = held(known, stage)[-1:] or ["nothing"]
        raise RegistryError(f"{stage} has {present[0]}, and nothing before it to go back to")
    return _assign(stage, back[-1], f"{BACK}{why}")


def _check(stage: str, why: str) -> None:
    if stage not in STAGES:
        raise RegistryError(f"a stage is one of {', '.join(STAGES)}, not {stage!r}: STAGE=prod")
    if not why.strip():
        raise RegistryError("say why, it is kept with the tag: WHY='better on the last month'")
    fetched()


def _assign(stage: str, version: str, why: str) -> str:
    from gto import api

    tag = tagged(lambda: api.assign(".", ARTIFACT, stage, version=version, message=why, force=True))
    return f"{stage} has {version} now ({tag}): {why}"
