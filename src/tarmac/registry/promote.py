"""Gives an environment a version of the model, or the one back that it had before."""

from tarmac.interface.errors import suggest_name
from tarmac.registry.history import (
    ARTIFACT,
    BACK,
    ENVIRONMENTS,
    REGISTER_FIRST,
    RegistryError,
    describe_unknown_environment,
    list_environment_versions,
    list_events,
    list_versions,
)
from tarmac.registry.tag import create_tag, fetch_tags


def promote_version(environment: str, version: str, why: str) -> str:
    """Assign a version to an environment, and return what was done in one line.

    The default is the latest version.
    """
    _check_environment_and_reason(environment, why)
    known = list_events()
    registered = list_versions(known)
    version = version or next(reversed(registered), "")
    if not registered:
        raise RegistryError(f"there is no version {version or 'to promote'}", REGISTER_FIRST)
    if version not in registered:
        hint = f"{suggest_name(version, registered)} use one of {', '.join(registered)}".lstrip()
        raise RegistryError(f"there is no version {version}", hint)
    if list_environment_versions(known, environment)[-1:] == [version]:
        again = f"`make promote ENVIRONMENT={environment} VERSION=… WHY=…`"
        hint = f"choose another version: {again} (`tarmac registry` lists them)"
        raise RegistryError(f"{environment} already has {version}", hint)
    return _assign_version(environment, version, why)


def roll_back_environment(environment: str, why: str) -> str:
    """Assign an environment its previous version again, and return what was done in one line."""
    _check_environment_and_reason(environment, why)
    known = list_events()
    registered = list_versions(known)
    back = [
        version
        for version in list_environment_versions(known, environment)[:-1]
        if version in registered
    ]
    if not back:
        before = "".join(
            f" before {present}" for present in list_environment_versions(known, environment)[-1:]
        )
        message = f"{environment} has no version{before} to roll back to"
        again = f"`make promote ENVIRONMENT={environment} VERSION=… WHY=…`"
        hint = f"promote another version: {again} (`tarmac registry` lists them)"
        raise RegistryError(message, hint)
    return _assign_version(environment, back[-1], f"{BACK}{why}")


def _check_environment_and_reason(environment: str, why: str) -> None:
    if environment not in ENVIRONMENTS:
        raise RegistryError(*describe_unknown_environment(environment))
    if not why.strip():
        hint = "give the reason, which the tag keeps: `make … WHY='…'`, or `tarmac … --why '…'`"
        raise RegistryError("no reason was given", hint)
    fetch_tags()


def _assign_version(environment: str, version: str, why: str) -> str:
    from gto import api

    tag = create_tag(
        lambda: api.assign(".", ARTIFACT, environment, version=version, message=why, force=True)
    )
    return f"{environment} has {version} now ({tag}): {why}"
