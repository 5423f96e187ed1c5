"""Flattening of nested mappings."""

from hypothesis import given
from hypothesis import strategies as st

from tarmac.reporting.trees import flatten_tree

KEYS = st.text("ab", min_size=1, max_size=2)
TREES = st.dictionaries(
    KEYS, st.recursive(st.integers(), lambda tree: st.dictionaries(KEYS, tree, min_size=1))
)


@given(TREES)
def test_names_every_value_once_by_its_path(tree):
    def find(name):
        value = tree
        for key in name.split("."):
            value = value[key]
        return value

    def count(value):
        return sum(map(count, value.values())) if isinstance(value, dict) else 1

    flat = flatten_tree(tree)
    assert {name: find(name) for name in flat} == flat
    assert len(flat) == count(tree)


def test_keeps_lists_and_the_order_of_the_tree():
    assert list(flatten_tree({"b": {"d": [1, 2], "c": {}}, "a": None}).items()) == [
        ("b.d", [1, 2]),
        ("a", None),
    ]
