"""A project's parameters get the keys of a release, and keep their values and comments."""

import io

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from tarmac.scaffold import pipeline
from tarmac.scaffold.migrate_params import migrate_params

KEYS = st.sampled_from("abcd")
TREES = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
).filter(lambda tree: isinstance(tree, dict))


def migrate(project: str, old: str, new: str, renamed: dict[str, str]) -> tuple[str, list[str]]:
    tree = pipeline._create_yaml().load(project)
    lines = migrate_params(tree, yaml.safe_load(old), yaml.safe_load(new), renamed)
    text = io.StringIO()
    pipeline._create_yaml().dump(tree, text)
    return text.getvalue(), lines


def test_renames_a_key_in_its_place_and_keeps_value_and_comment():
    text, lines = migrate(
        "review:\n  first: 1\n  floor: 0.7  # as agreed\n  last: 2\n",
        "review:\n  first: 0\n  floor: 0\n  last: 0\n",
        "review:\n  first: 0\n  worst_allowed: 0\n  last: 0\n",
        {"floor": "worst_allowed"},
    )
    assert text == "review:\n  first: 1\n  worst_allowed: 0.7 # as agreed\n  last: 2\n"
    assert lines == ["renamed review.floor to worst_allowed"]


def test_renames_a_section_and_keys_that_no_release_came_with():
    text, lines = migrate(
        "state:\n  rmse: {floor: 3}\n",
        "state:\n  auc: {floor: 0}\n",
        "online:\n  auc: {worst_allowed: 0}\n",
        {"floor": "worst_allowed", "state": "online"},
    )
    assert yaml.safe_load(text) == {"online": {"rmse": {"worst_allowed": 3}}}
    assert lines == ["renamed state to online", "renamed online.rmse.floor to worst_allowed"]


def test_adds_and_removes_keys_of_the_release_and_leaves_those_of_the_project():
    text, lines = migrate("a: {x: 1, mine: 2}\n", "a: {x: 0}\n", "a: {y: 3}\n", {})
    assert yaml.safe_load(text) == {"a": {"mine": 2, "y": 3}}
    assert lines == ["added a.y: 3", "removed a.x: 1"]


def test_section_that_the_project_has_dropped_stays_away():
    text, lines = migrate("b: 1\n", "b: 1\nretrain: {x: 0}\n", "b: 1\nretrain: {y: 0}\n", {})
    assert (yaml.safe_load(text), lines) == ({"b": 1}, [])


@given(TREES, TREES)
def test_the_file_of_a_release_becomes_that_of_the_next(old, new):
    assume(_have_same_kinds(old, new))
    text, _ = migrate(yaml.safe_dump(old), yaml.safe_dump(old), yaml.safe_dump(new), {})
    assert _list_paths(yaml.safe_load(text)) == _list_paths(new)


@given(TREES, TREES)
def test_nothing_changes_between_releases_with_the_same_keys(project, release):
    text = yaml.safe_dump(project)
    changed, lines = migrate(text, yaml.safe_dump(release), yaml.safe_dump(release), {"a": "b"})
    if "a" in release or "b" not in str(release):
        assert (yaml.safe_load(changed), lines) == (project, [])


def _list_paths(tree: dict, prefix: str = "") -> set[str]:
    paths = set()
    for key, value in tree.items():
        paths |= (
            _list_paths(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key}
        )
        paths.add(prefix + key)
    return paths


def _have_same_kinds(old: dict, new: dict) -> bool:
    """Return whether no key is a section in one release and a value in the other."""
    for key in old.keys() & new.keys():
        sections = [isinstance(tree[key], dict) for tree in (old, new)]
        if sections[0] != sections[1] or (sections[0] and not _have_same_kinds(old[key], new[key])):
            return False
    return True
