"""The errors that a user can fix, and how a program reports them.

Only the standard library is imported: programs that hold a token report errors, too.
"""

import difflib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

DEBUG = "TARMAC_DEBUG"  # set: an error of a user has its traceback, too


class UserError(Exception):
    """An error that the user can fix. Any other exception is a bug, and keeps its traceback.

    The message says what happened and where, with a line for each mistake; `hint` says what to do.
    """

    def __init__(self, message: str = "", hint: str = "") -> None:
        """Take the message, and what the user can do."""
        super().__init__(message)
        self.hint = hint


def format_error(error: UserError) -> str:
    """Return `error: …` for each line of the message, then `hint: …` for each line of the hint.

    An indented line of the message continues the one before.
    """
    lines = [
        line if line.startswith("  ") else f"error: {line}" for line in str(error).splitlines()
    ]
    return "\n".join(
        [*(lines or ["error:"]), *(f"hint: {line}" for line in error.hint.splitlines())]
    )


def format_error_inline(error: UserError) -> str:
    """Return the message and the hint of an error in one sentence, for a report or a note."""
    return f"{error}; {error.hint}" if error.hint else str(error)


def suggest_name(name: str, candidates: Iterable[str]) -> str:
    """Return a question that names the candidate nearest to a wrong name; empty if none is near."""
    nearest = difflib.get_close_matches(name, list(candidates), n=1)
    return f"did you mean `{nearest[0]}`?" if nearest else ""


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """End the program with status 1 and the formatted error, if the block raises a `UserError`."""
    try:
        yield
    except UserError as error:
        if os.environ.get(DEBUG):
            raise
        sys.exit(format_error(error))
