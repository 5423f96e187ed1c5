"""The command itself, and how it reports errors."""

import errno
import importlib.metadata
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tarmac.interface.errors import DEBUG, UserError, exit_on_user_error
from tarmac.interface.problem import problem
from tarmac.pipeline.base import log
from tarmac.pipeline.base.site_cache import use_private_site_cache

DISTRIBUTION = "tarmac-ml"
CREATE = "new"  # the one command that needs no project
RENAMED = {"init-problem": "new", "mend": "repair", "replay": "backtest"}  # earlier names
LITTLE = 2**20  # bytes of free space
FREE_SPACE = "free some disk space, then run the same command again: nothing is lost"
DISK = {
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: FREE_SPACE,
    errno.EROFS: "make the file system writable, then run the same command again: nothing is lost",
}


class App(typer.Typer):
    """The command; an error that the user can fix ends it with a message instead of a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the arguments name."""
        with exit_on_user_error():
            try:
                return super().__call__(*args, **kwargs)
            except OSError as error:
                problem_of_disk = find_disk_problem(error)
                if problem_of_disk is None:
                    raise
                raise problem_of_disk from error


class Commands(TyperGroup):
    """The commands by name; an earlier name is an error that says the new one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first argument names. Raise `UserError` if it was renamed."""
        if args and args[0] in RENAMED:
            hint = f"run `tarmac {RENAMED[args[0]]}`"
            raise UserError(f"there is no command `{args[0]}`", hint)
        return super().resolve_command(ctx, args)


app = App(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def print_version(wanted: bool) -> None:
    """Print the version of the installed distribution, and end."""
    if wanted:
        print(f"{DISTRIBUTION} {importlib.metadata.version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def tarmac(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version, and end."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Leave out the progress of stages.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print what each stage costs, too.")
    ] = False,
) -> None:
    """Run, compare, review and ship a machine-learning model from one Git repository."""
    # On a full disk Python leaves cut bytecode, and cannot import it later.
    if shutil.disk_usage(Path()).free < LITTLE:
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if debug:
        os.environ[DEBUG] = "1"
    if quiet or verbose:  # for the stages that the command starts
        os.environ[log.VARIABLE] = "quiet" if quiet else "verbose"
    use_private_site_cache(Path.cwd())
    if context.invoked_subcommand != CREATE:
        _ = problem.name  # without one there is nothing to run


def find_disk_problem(error: OSError) -> UserError | None:
    """Return what is wrong with the disk and what to do; None if the error is of another kind."""
    for number, advice in DISK.items():
        reason = os.strerror(number)
        if error.errno == number or reason in str(error):  # copies of folders only quote it
            return UserError(f"{error.filename}: {reason}" if error.filename else reason, advice)
    return None
