"""What is in a stage, by its tags: any order of promotions and rollbacks, against the plain rules of a stack."""

from hypothesis import given
from hypothesis import strategies as st

from tarmac.registry.history import BACK, Event, held, in_stage, versions

VERSIONS = ("v0.0.1", "v0.0.2", "v0.0.3")


def event(kind: str, version: str, stage: str | None = None, why: str = "", number: int = 1) -> Event:
    tag = f"model#{stage}#{number}" if stage else f"model@{version}"
    return Event(kind, version, stage, "c" * 40, tag, "2026-01-01T00:00:00+00:00", "Ada <a@example.org>", why)


REGISTERED = [event("registration", version) for version in VERSIONS]


@given(st.lists(st.one_of(st.sampled_from(VERSIONS), st.none()), max_size=12))
def test_a_rollback_gives_another_version_than_the_one_before(steps):
    """A version in `steps` is promoted; None takes the stage one version back."""
    known, stack = list(REGISTERED), []
    for version in steps:
        if version and stack[-1:] != [version]:
            stack.append(version)
            known.append(event("assignment", version, "prod", "better"))
        elif version is None and len(stack) > 1:
            stack.pop()
            known.append(event("assignment", stack[-1], "prod", f"{BACK}worse"))
    assert held(known, "prod") == stack
    assert held(known, "staging") == []
    present = in_stage(known, "prod")
    assert (present.version if present else None) == (stack[-1] if stack else None)


def test_a_version_that_was_withdrawn_is_still_offered():
    promoted = [event("assignment", version, "prod", "better") for version in VERSIONS[:2]]
    known = [*REGISTERED, *promoted, event("deregistration", VERSIONS[1])]
    assert list(versions(known)) == [VERSIONS[0], VERSIONS[2]]
    assert in_stage(known, "prod") == REGISTERED[0]


def test_a_stage_keeps_a_version_that_was_taken_from_it():
    known = [*REGISTERED, event("assignment", VERSIONS[0], "prod"), event("unassignment", VERSIONS[0], "prod")]
    assert in_stage(known, "prod") is None
