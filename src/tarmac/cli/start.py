"""The command itself, and how it tells a person what went wrong."""

import errno
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tarmac.interface.problem import problem
from tarmac.pipeline.base.site_cache import use_private

T = TypeVar("T")
DISTRIBUTION = "tarmac-ml"
LITTLE = 2**20  # bytes of free space
AGAIN = "Nothing is lost: the same command does it, or goes on"
DISK = {
    errno.ENOSPC: f"Make room, then run the command again. {AGAIN}",
    errno.EDQUOT: f"Make room, then run the command again. {AGAIN}",
    errno.EROFS: f"Make the file system writable, then run the command again. {AGAIN}",
}
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def print_version(wanted: bool) -> None:
    """Print the version of the installed distribution, and end."""
    if wanted:
        print(f"{DISTRIBUTION} {importlib.metadata.version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def tarmac(
    _version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    """Run, compare, review and ship a machine-learning model from one Git repository."""
    if shutil.disk_usage(Path()).free < LITTLE:  # Python leaves bytecode cut there, and cannot import it later
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    use_private(Path.cwd())
    told(lambda: problem.name)  # without one there is nothing to run


def told(action: Callable[[], T]) -> T:
    """Return what an action returns.

    What a person can put right is an error of a line each, without a traceback.
    """
    try:
        return action()
    except ValueError as error:
        sys.exit("\n".join(f"tarmac: error: {line}" for line in str(error).splitlines()))
    except OSError as error:
        if (reason := disk_problem(error)) is None:
            raise
        sys.exit(f"tarmac: error: {reason}")


def disk_problem(error: OSError) -> str | None:
    """Return what is wrong with the disk and what to do, or None if the error is of another kind."""
    place = f"{error.filename}: " if error.filename else ""
    for number, advice in DISK.items():
        words = os.strerror(number)
        if error.errno == number or words in str(error):  # copies of folders only quote the words
            return f"{place}{words}. {advice}"
    return None
