"""What the tags say: which versions there are, and which of them each environment has had."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError, suggest_name

ARTIFACT, ENVIRONMENTS = (
    "model",
    ("staging", "prod"),
)  # the name is that of `artifacts:` in dvc.yaml
FETCH_OR_MAKE = "fetch it with `make pull`, or make it with `make run`"
REGISTER_FIRST = "register the first version: `make release`"
BACK = "rollback: "  # how the reason of a tag begins that takes an environment one version back


class RegistryError(UserError):
    """A request that does not fit the versions in the registry."""


def describe_unknown_environment(environment: str) -> tuple[str, str]:
    """Return the message and the hint of the error for a name that is not in `ENVIRONMENTS`."""
    hint = f"{suggest_name(environment, ENVIRONMENTS)} use {' or '.join(ENVIRONMENTS)}".lstrip()
    return f"unknown environment {environment!r}", hint


@dataclass(frozen=True)
class Event:
    """One tag of a version or of an environment.

    A version was registered or withdrawn, or an environment got or lost one.
    """

    # registration, deregistration, assignment, unassignment or deprecation, as GTO has them
    kind: str
    version: str  # v1.2.3
    environment: str | None
    commit: str
    tag: str
    when: str  # ISO 8601, UTC
    who: str
    why: str


def list_events(folder: Path = Path()) -> list[Event]:
    """Every event of the model, the oldest first."""
    from gto import api

    history = api.history(str(folder), ARTIFACT, ascending=True)
    # Git notes whole seconds only.
    return sorted(
        map(_convert_event, history), key=lambda event: (event.when, _parse_tag_number(event.tag))
    )


def _convert_event(event: Mapping[str, Any]) -> Event:
    """Return an event of GTO as one of ours."""
    return Event(
        kind=event["event"],
        version=event["version"],
        environment=event["stage"],
        commit=event["commit"],
        tag=event["ref"],
        when=event["timestamp"].astimezone(UTC).isoformat(),
        who=f"{event['author']} <{event['author_email']}>",
        why=(event["message"] or "").strip(),
    )


def _parse_tag_number(tag: str) -> int:
    """The number at the end of an environment's tag: it grows by one with every assignment."""
    ending = re.search(r"#(\d+)$", tag)
    return int(ending[1]) if ending else 0


def list_versions(known: Iterable[Event]) -> dict[str, Event]:
    """The registration of every version that was not withdrawn, the oldest first."""
    held: dict[str, Event] = {}
    for event in known:
        if event.kind == "registration":
            held[event.version] = event
        elif event.kind in ("deregistration", "deprecation"):
            held.pop(event.version, None)
    return held


def list_environment_versions(known: Iterable[Event], environment: str) -> list[str]:
    """Return the versions that an environment can go back through, its present one last.

    A rollback removes the last one.
    """
    stack: list[str] = []
    for event in known:
        if event.environment != environment:
            continue
        if event.kind == "unassignment":
            stack = [version for version in stack if version != event.version]
        elif event.why.startswith(BACK) and event.version in stack[:-1]:
            del stack[len(stack) - stack[::-1].index(event.version) :]
        elif event.kind == "assignment" and stack[-1:] != [event.version]:
            stack.append(event.version)
    return stack


def find_environment_version(known: list[Event], environment: str) -> Event | None:
    """The registration of the version that an environment has; None where it has none."""
    registered = list_versions(known)
    for version in reversed(list_environment_versions(known, environment)):
        if version in registered:
            return registered[version]
    return None
