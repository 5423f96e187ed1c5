"""Nested mappings, as a table can show them."""

from collections.abc import Mapping
from typing import Any


def flatten_tree(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return every value of a tree by its dotted name, in the order of the tree."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten_tree(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
