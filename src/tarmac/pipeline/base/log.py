"""What stages print: `TARMAC_VERBOSITY=quiet` leaves progress out, `verbose` adds details."""

import logging
import os
import sys
from collections.abc import Mapping

from tarmac.interface.errors import UserError, suggest_name

VARIABLE = "TARMAC_VERBOSITY"  # passed to the stages, which DVC runs as programs
LEVELS = {"": logging.INFO, "quiet": logging.WARNING, "verbose": logging.DEBUG}


def configure_logging() -> None:
    """Print messages of Tarmac to standard output, from the level that `TARMAC_VERBOSITY` names.

    Raise `UserError` if it names none.
    """
    level = os.environ.get(VARIABLE, "")
    if level not in LEVELS:
        hint = f"{suggest_name(level, LEVELS)} use quiet or verbose, or unset it".lstrip()
        raise UserError(f"{VARIABLE} is {level!r}", hint)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("tarmac")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(LEVELS[level])


def format_step(stage: str, name: str, facts: Mapping[str, object]) -> str:
    """Return `stage  step  name value …`, in columns."""
    shown = [f"{key.replace('_', ' ')} {_format_value(value)}" for key, value in facts.items()]
    return f"{stage:<10}{name:<14}{'  '.join(shown)}"


def _format_value(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
