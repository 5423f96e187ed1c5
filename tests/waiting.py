"""Waiting for a condition with a deadline: no test sleeps for a time that was guessed."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 300  # seconds: only a failure takes that long, however much else the machine does
PAUSE = 0.02  # seconds from one look to the next
Value = TypeVar("Value")


def wait_for(
    condition: Callable[[], Value],
    what: str | Callable[[], str],
    patience: float = PATIENCE,
    pause: float = PAUSE,
) -> Value:
    """Return the first true value of a condition. Fail with `what` if none comes in time."""
    last = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > last:
            reason = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {patience:g} s in vain: {reason}")
        time.sleep(pause)
    return found
