"""Gives a stage a version of the model, or the one back that it had before."""

from tarmac.interface.errors import suggest_name
from tarmac.registry.history import (
    ARTIFACT,
    BACK,
    REGISTER_FIRST,
    STAGES,
    RegistryError,
    describe_unknown_stage,
    list_events,
    list_stage_versions,
    list_versions,
)
from tarmac.registry.tag import create_tag, fetch_tags


def promote_version(stage: str, version: str, why: str) -> str:
    """Assign a version to an environment, and return what was done in one line.

    The default is the latest version.
    """
    _check_stage_and_reason(stage, why)
    known = list_events()
    registered = list_versions(known)
    version = version or next(reversed(registered), "")
    if not registered:
        raise RegistryError(f"there is no version {version or 'to promote'}", REGISTER_FIRST)
    if version not in registered:
        hint = f"{suggest_name(version, registered)} use one of {', '.join(registered)}".lstrip()
        raise RegistryError(f"there is no version {version}", hint)
    if list_stage_versions(known, stage)[-1:] == [version]:
        again = f"`make promote STAGE={stage} VERSION=… WHY=…`"
        hint = f"choose another version: {again} (`tarmac registry` lists them)"
        raise RegistryError(f"{stage} already has {version}", hint)
    return _assign_version(stage, version, why)


def roll_back_stage(stage: str, why: str) -> str:
    """Assign an environment its previous version again, and return what was done in one line."""
    _check_stage_and_reason(stage, why)
    known = list_events()
    registered = list_versions(known)
    back = [version for version in list_stage_versions(known, stage)[:-1] if version in registered]
    if not back:
        before = "".join(f" before {present}" for present in list_stage_versions(known, stage)[-1:])
        message = f"{stage} has no version{before} to roll back to"
        again = f"`make promote STAGE={stage} VERSION=… WHY=…`"
        hint = f"promote another version: {again} (`tarmac registry` lists them)"
        raise RegistryError(message, hint)
    return _assign_version(stage, back[-1], f"{BACK}{why}")


def _check_stage_and_reason(stage: str, why: str) -> None:
    if stage not in STAGES:
        raise RegistryError(*describe_unknown_stage(stage))
    if not why.strip():
        hint = "give the reason, which the tag keeps: `make … WHY='…'`, or `tarmac … --why '…'`"
        raise RegistryError("no reason was given", hint)
    fetch_tags()


def _assign_version(stage: str, version: str, why: str) -> str:
    from gto import api

    tag = create_tag(
        lambda: api.assign(".", ARTIFACT, stage, version=version, message=why, force=True)
    )
    return f"{stage} has {version} now ({tag}): {why}"
