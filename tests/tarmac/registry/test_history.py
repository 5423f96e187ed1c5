"""Version in an environment by its tags.

Any order of promotions and rollbacks matches a plain stack.
"""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dulwich import porcelain
from hypothesis import given
from hypothesis import strategies as st

from tarmac.registry.history import (
    ARTIFACT,
    BACK,
    ENVIRONMENTS,
    Event,
    find_environment_version,
    list_environment_versions,
    list_events,
    list_versions,
)

VERSIONS = ("v0.0.1", "v0.0.2", "v0.0.3")


def event(
    kind: str, version: str, environment: str | None = None, why: str = "", number: int = 1
) -> Event:
    tag = f"model#{environment}#{number}" if environment else f"model@{version}"
    return Event(
        kind,
        version,
        environment,
        "c" * 40,
        tag,
        "2026-01-01T00:00:00+00:00",
        "Ada <a@example.org>",
        why,
    )


REGISTERED = [event("registration", version) for version in VERSIONS]


@given(st.lists(st.one_of(st.sampled_from(VERSIONS), st.none()), max_size=12))
def test_rollback_restores_previous_version(steps):
    """A version in `steps` is promoted; None takes the environment one version back."""
    known, stack = list(REGISTERED), []
    for version in steps:
        if version and stack[-1:] != [version]:
            stack.append(version)
            known.append(event("assignment", version, "prod", "better"))
        elif version is None and len(stack) > 1:
            stack.pop()
            known.append(event("assignment", stack[-1], "prod", f"{BACK}worse"))
    assert list_environment_versions(known, "prod") == stack
    assert list_environment_versions(known, "staging") == []
    present = find_environment_version(known, "prod")
    assert (present.version if present else None) == (stack[-1] if stack else None)


def test_withdrawn_version_is_neither_listed_nor_deployed():
    promoted = [event("assignment", version, "prod", "better") for version in VERSIONS[:2]]
    known = [*REGISTERED, *promoted, event("deregistration", VERSIONS[1])]
    assert list(list_versions(known)) == [VERSIONS[0], VERSIONS[2]]
    assert find_environment_version(known, "prod") == REGISTERED[0]


def test_unassigned_version_leaves_environment():
    known = [
        *REGISTERED,
        event("assignment", VERSIONS[0], "prod"),
        event("unassignment", VERSIONS[0], "prod"),
    ]
    assert find_environment_version(known, "prod") is None


def assigned(*steps: str) -> list[Event]:
    """Return events for the versions that the steps end with.

    A step is a promotion; `<` makes it a rollback, and `!` an unassignment.
    """
    made = []
    for step in steps:
        version = f"v0.0.{step[-1]}"
        if step[0] == "!":
            made.append(event("unassignment", version, "prod"))
        else:
            why = "rollback: worse" if "<" in step else ""
            made.append(event("assignment", version, "prod", why))
    return made


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("1", "1"), "1"),
        (("1", "2", "1"), "121"),
        (("1", "2", "1", "!1"), "2"),
        (("1", "2", "1", "3", "<1"), "121"),
        (("1", "2", "3", "<1"), "1"),
        (("1", "<2"), "12"),
        (("<1",), "1"),
        (("1", "2", "<2"), "12"),
        (("1", "2", "!2", "2"), "12"),
        ((), ""),
    ],
)
def test_environment_history_follows_promotions_and_rollbacks(steps, expected):
    known = [*assigned(*steps), event("assignment", "v0.0.9", "staging")]
    assert "".join(version[-1] for version in list_environment_versions(known, "prod")) == expected
    assert list_environment_versions(known, "staging") == ["v0.0.9"]


@pytest.mark.parametrize("kind", ["deregistration", "deprecation"])
def test_withdrawn_version_can_be_registered_again(kind):
    first, second = REGISTERED[:2]
    withdrawn = event(kind, first.version)
    again = event("registration", first.version, why="again")
    assert list(list_versions([first, second, withdrawn]).items()) == [(second.version, second)]
    assert list(list_versions([first, withdrawn, second, again]).values()) == [second, again]
    assert list_versions([withdrawn, *assigned("1")]) == {}


def test_environment_has_latest_still_registered_version():
    known = [*REGISTERED, *assigned("1", "2", "3")]
    withdrawn = [event("deregistration", version) for version in reversed(VERSIONS)]
    found = [find_environment_version([*known, *withdrawn[:count]], "prod") for count in range(4)]
    assert found == [*reversed(REGISTERED), None]
    assert find_environment_version(known, "staging") is None


def test_tag_names_stay_compatible_with_earlier_versions():
    assert (ARTIFACT, ENVIRONMENTS, BACK) == ("model", ("staging", "prod"), "rollback: ")


START = datetime(2026, 1, 1, tzinfo=UTC)
ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"
Tag = Callable[..., Event]


@pytest.fixture
def tag(tmp_path: Path) -> Tag:
    """Make a tag in a repository of two commits, and return the event that it stands for."""
    porcelain.init(tmp_path)
    start = int(START.timestamp())
    made = [
        porcelain.commit(
            tmp_path,
            message=b"work",
            author=ADA.encode(),
            committer=ADA.encode(),
            commit_timestamp=start + second,
            commit_timezone=0,
            author_timestamp=start,
            author_timezone=0,
            sign=False,
        ).decode()
        for second in range(2)
    ]

    def make(
        name: str,
        kind: str,
        version: str,
        second: int,
        who: str = ADA,
        why: str = "why",
        hours: int = 0,
    ) -> Event:
        commit = made[version == "v0.0.2"]
        porcelain.tag_create(
            tmp_path,
            name,
            author=who,
            message=why,
            annotated=True,
            objectish=commit,
            tag_time=start + second,
            tag_timezone=hours * 3600,
            sign=False,
        )
        environment = name.split("#")[1].removesuffix("!") if "#" in name else None
        when = (START + timedelta(seconds=second)).isoformat()
        return Event(kind, version, environment, commit, name, when, who, why.strip())

    return make


def test_reads_every_tag_of_model_oldest_first(tag, tmp_path):
    expected = [
        tag("model@v0.0.1", "registration", "v0.0.1", 10, why="the first\n"),
        tag("model#prod#1", "assignment", "v0.0.1", 20),
        tag("model@v0.0.2", "registration", "v0.0.2", 30, BOB),
        tag("model#staging#2", "assignment", "v0.0.2", 40),
        tag("model#prod#3", "assignment", "v0.0.2", 50, why="better on both"),
        tag("model#prod#4", "assignment", "v0.0.1", 60, BOB, why="rollback: slower"),
        tag("model#prod!#5", "unassignment", "v0.0.1", 70),
        tag("model@v0.0.2!", "deregistration", "v0.0.2", 80),
    ]
    tag("other@v0.0.1", "registration", "v0.0.1", 90)
    assert list_events(tmp_path) == expected
    assert list_environment_versions(expected[:6], "prod") == ["v0.0.1"]


def test_reads_no_event_where_there_is_no_tag(tag, tmp_path):
    assert list_events(tmp_path) == []


def test_orders_tags_of_one_second_by_their_number(tag, tmp_path):
    numbers = (12, 2, 9, 3, 10)
    for number in numbers:
        version = "v0.0.1" if number % 2 else "v0.0.2"
        tag(f"model#prod#{number}", "assignment", version, 40)
    tag("model@v0.0.2", "registration", "v0.0.2", 40)
    tag("model@v0.0.1", "registration", "v0.0.1", 40)
    found = [event.tag for event in list_events(tmp_path)]
    assert set(found[:2]) == {"model@v0.0.1", "model@v0.0.2"}
    assert found[2:] == [f"model#prod#{number}" for number in sorted(numbers)]


def test_reads_tag_without_message(tag, tmp_path):
    tag("model@v0.0.1", "registration", "v0.0.1", 10, why="")
    (found,) = list_events(tmp_path)
    assert (found.version, found.why) == ("v0.0.1", "")


def test_orders_tags_across_time_zones_by_creation_time(tag, tmp_path):
    expected = [
        tag("model@v0.0.1", "registration", "v0.0.1", 10, hours=2),
        tag("model#prod#1", "assignment", "v0.0.1", 20, hours=-5),
        tag("model@v0.0.2", "registration", "v0.0.2", 30, hours=9),
        tag("model#prod#2", "assignment", "v0.0.2", 40),
    ]
    assert list_events(tmp_path) == expected


def test_event_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        REGISTERED[0].version = "another"
