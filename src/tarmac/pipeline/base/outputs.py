"""Write outputs whole or not at all.

What a kill leaves has another name, and is never the only copy.
"""

import fcntl
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError


@contextmanager
def replace_output(path: Path, commit: Callable[[], object] = lambda: None) -> Iterator[Path]:
    """Yield a new path in the same folder to write a file or a folder to.

    Move it to `path` at the end. `commit` then records the new output, as `dvc add` does. Until it
    has, an error takes the old output back, and after a kill `recover_output` does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    recover_output(path)
    new, old, done = _build_partial_paths(path)
    try:
        yield new
        if path.exists():
            path.replace(old)
        new.replace(path)
        commit()
        if old.exists():
            old.replace(done)  # one step, whereas a folder is deleted file by file
    finally:
        recover_output(path)


def recover_output(path: Path) -> bool:
    """Take back a replacement that did not end, and delete its rest.

    Return whether there was one.
    """
    new, old, done = _build_partial_paths(path)
    unfinished = is_unfinished(path)
    if unfinished:
        _remove_path(new)
        if path.exists():
            path.replace(new)
        old.replace(path)
    _remove_path(new)
    _remove_path(done)
    return unfinished


def is_unfinished(path: Path) -> bool:
    """Check whether a replacement was killed before it ended, or is under way."""
    _, old, _ = _build_partial_paths(path)
    return old.exists()


def _build_partial_paths(path: Path) -> list[Path]:
    """Return paths for what is written, what it replaces, and what it has replaced.

    Git ignores them.
    """
    return [path.with_name(f".{path.name}.{kind}.partial") for kind in ("new", "old", "done")]


@contextmanager
def acquire_file_lock(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file for the block, and yield whether it is held; without `wait` it may not be.

    The system frees it when the process ends, however that happens. The file is deleted at the end,
    so that a process that has waited for it may hold a file that is gone, and tries again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            if _is_same_file(path, file.fileno()):
                try:
                    yield True
                finally:
                    path.unlink()
                return


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove_path(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def require_finite(metrics: Mapping[str, Any], prefix: str = "") -> None:
    """Check that all metrics are finite: JSON has no word for NaN or infinity.

    Raise `UserError` with the name of the first metric that is NaN or infinite.
    """
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            require_finite(value, f"{prefix}{name}.")
        elif isinstance(value, float) and not math.isfinite(value):
            raise UserError(
                f"metric {prefix}{name} is {value}: too few rows, or a model that diverged",
                "use more rows in the section `split`, or other parameters in the section `train`",
            )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write sorted, indented JSON. Raises `UserError` where a number is not finite."""
    require_finite(content)
    with replace_output(path) as partial:
        partial.write_text(
            json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8"
        )
