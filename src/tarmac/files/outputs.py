"""Writes outputs whole or not at all: what a killed stage leaves has another name than what DVC looks for."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a new path beside `path` to write a file or a folder to; moves it to `path` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = (path.with_name(f".{path.name}.{kind}.partial") for kind in ("new", "old"))
    _remove(partial)
    _remove(old)
    try:
        yield partial
        if path.exists():  # a folder is deleted file by file: out of sight first, so that no half of it is left
            path.replace(old)
        partial.replace(path)
    finally:
        _remove(partial)
        _remove(old)


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
