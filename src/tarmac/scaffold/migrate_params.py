"""Bring the `params.yaml` of a project to the keys of another release; values and comments stay."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tarmac.interface.renamed import RENAMED_KEYS


def migrate_params(
    tree: Any,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    renamed: Mapping[str, str] = RENAMED_KEYS,
) -> list[str]:
    """Change a tree in place, and return a line for each key that changed.

    `old` and `new` are the files that both releases came with. A key that only the new one has is
    added with its value there, if the project has the section. One that only the old one has is
    removed.
    """
    lines = list(_rename_keys(tree, renamed, _collect_keys(new)))
    lines += _add_keys(tree, old, new)
    lines += _remove_keys(tree, old, new)
    return lines


def _rename_keys(
    tree: Any, renamed: Mapping[str, str], known: Collection[str], prefix: str = ""
) -> Iterator[str]:
    """Rename keys that the new release does not know and has another name for."""
    for place, key in enumerate(list(tree)):
        value, name = tree[key], renamed.get(key, key)
        if key not in known and name in known:
            yield f"renamed {prefix}{key} to {name}"
            comment = tree.ca.items.pop(key, None)
            del tree[key]
            tree.insert(place, name, value)
            if comment is not None:
                tree.ca.items[name] = comment
        else:
            name = key
        if isinstance(value, Mapping):
            yield from _rename_keys(value, renamed, known, f"{prefix}{name}.")


def _add_keys(
    tree: Any, old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    for key, value in new.items():
        if key not in old and key not in tree:
            yield f"added {prefix}{key}: {value}"
            tree[key] = value
        elif _are_sections(value, old.get(key), tree.get(key)):
            yield from _add_keys(tree[key], old[key], value, f"{prefix}{key}.")


def _remove_keys(
    tree: Any, old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    for key, value in old.items():
        if key not in new and key in tree:
            yield f"removed {prefix}{key}: {tree[key]}"
            del tree[key]
        elif _are_sections(value, new.get(key), tree.get(key)):
            yield from _remove_keys(tree[key], value, new[key], f"{prefix}{key}.")


def _are_sections(*values: Any) -> bool:
    return all(isinstance(value, Mapping) for value in values)


def _collect_keys(tree: Any) -> set[str]:
    """Return the names of all keys of a tree, at any depth."""
    if not isinstance(tree, Mapping):
        return set()
    keys = set(tree)
    for value in tree.values():
        keys |= _collect_keys(value)
    return keys
