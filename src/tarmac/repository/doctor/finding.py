"""What a check has found."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

SHOWN = 3  # names in a line


@dataclass(frozen=True)
class Diagnosis:
    """How it is, and what to do where it is not as it should be."""

    outcome: Literal["ok", "warn", "fail"]
    what: str
    do: str = ""

    def format_line(self, name: str) -> str:
        """For a person, in one line whatever was found."""
        advice = f"; {self.do}" if self.do else ""
        line = f"{self.outcome:<5} {name:<10} {self.what}{advice}"
        return " ".join(line.splitlines())


def format_names(names: Iterable[str]) -> str:
    """The first few of many names."""
    known = list(names)
    return ", ".join(known[:SHOWN]) + (
        f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    )


def capture_command(
    *command: str, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command and keep what it says. Raises `OSError` where there is no such command."""
    return subprocess.run(command, env=env, check=False, capture_output=True, text=True)
