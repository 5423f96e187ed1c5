"""Write outputs whole or not at all: what a kill leaves has another name, and never is the only copy."""

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path, commit: Callable[[], object] = lambda: None) -> Iterator[Path]:
    """Give a new path beside `path` to write a file or a folder to; move it to `path` when the block succeeds.

    `commit` then records the new output, as `dvc add` does. Until it has, an error takes the old output back, and
    after a kill `recover` does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    recover(path)
    new, old, done = _beside(path)
    try:
        yield new
        if path.exists():
            path.replace(old)
        new.replace(path)
        commit()
        if old.exists():  # a folder is deleted file by file: out of sight first, so that no half of it is left
            old.replace(done)
    finally:
        recover(path)


def recover(path: Path) -> bool:
    """Take back a replacement that has not ended, and delete what it left. Return whether there was one."""
    new, old, done = _beside(path)
    unfinished = old.exists()
    if unfinished:
        _remove(new)
        if path.exists():
            path.replace(new)
        old.replace(path)
    _remove(new)
    _remove(done)
    return unfinished


def _beside(path: Path) -> list[Path]:
    """What is written, what it replaces, and what it has replaced; Git and DVC ignore these names."""
    return [path.with_name(f".{path.name}.{kind}.partial") for kind in ("new", "old", "done")]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def finite(metrics: Mapping[str, Any], prefix: str = "") -> None:
    """Raises `ValueError` naming the first metric that is NaN or infinite: JSON has no word for either."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            finite(value, f"{prefix}{name}.")
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"metric {prefix}{name} is {value}: too few rows, or a model that diverged")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes sorted, indented JSON. Raises `ValueError` where a number is not finite."""
    finite(content)
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
