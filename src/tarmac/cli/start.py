"""The command itself, and how it tells a person what went wrong."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

from tarmac.files.site_cache import use_private

T = TypeVar("T")
LITTLE = 2**20  # bytes of free space
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def tarmac() -> None:
    """Run, compare, review and ship a machine-learning model from one Git repository."""
    if shutil.disk_usage(Path()).free < LITTLE:  # Python leaves bytecode cut there, and cannot import it later
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    use_private(Path.cwd())


def told(action: Callable[[], T]) -> T:
    """What a person can mend is told in a line each, without a traceback."""
    try:
        return action()
    except ValueError as error:
        sys.exit("\n".join(f"tarmac: error: {line}" for line in str(error).splitlines()))
