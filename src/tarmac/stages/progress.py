"""One line on the terminal for each step of a stage, so that a person can follow a long run."""

import time


class Progress:
    """Prints `stage  step  name value …  seconds` for every step of a stage."""

    def __init__(self, stage: str) -> None:
        """Starts the stage's clock."""
        self._stage, self._last = stage, time.monotonic()

    def step(self, name: str, **facts: object) -> None:
        """Reports that a step is done, with what it counted."""
        now = time.monotonic()
        shown = "  ".join(f"{key.replace('_', ' ')} {_format(value)}" for key, value in facts.items())
        print(f"{self._stage:<10}{name:<14}{shown}  ({now - self._last:.1f} s)", flush=True)
        self._last = now


def _format(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if isinstance(value, float) else str(value)
