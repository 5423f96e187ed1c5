"""Plant a violation in a copy of the repository.

The tests use it to show that a checker finds the violation.
"""

from collections.abc import Callable
from pathlib import Path

import yaml


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replace the one occurrence of a text: a test whose plant does not take must not pass."""
    text = (root / path).read_text()
    assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
    (root / path).write_text(text.replace(old, new))


def append(root: Path, path: str, text: str) -> None:
    """Add text at the end of a file, or make the file."""
    with (root / path).open("a") as file:
        file.write(text)


def change_dvc_yaml(root: Path, change: Callable[[dict], object]) -> None:
    """Rewrite `dvc.yaml` after `change` has edited the tree in place."""
    tree = yaml.safe_load((root / "dvc.yaml").read_text())
    change(tree)
    (root / "dvc.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def change_list(
    root: Path, stage: str, key: str, add: str | None = None, drop: str | None = None
) -> None:
    """Add an entry to a stage's list in `dvc.yaml`, or drops one."""

    def change(tree: dict) -> None:
        entries = tree["stages"][stage][key]
        assert drop is None or drop in entries
        tree["stages"][stage][key] = [entry for entry in entries if entry != drop] + (
            [add] if add else []
        )

    change_dvc_yaml(root, change)
