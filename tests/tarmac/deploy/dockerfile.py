"""Read a Dockerfile as Docker does, as far as this repository's Dockerfiles need it.

This covers stages, instructions, and the values of variables.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
KNOWN = {
    *(
        "FROM",
        "ARG",
        "ENV",
        "WORKDIR",
        "COPY",
        "RUN",
        "LABEL",
        "USER",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "CMD",
    )
}


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name, its `--flags`, and what follows.

    Variables are kept as they are written.
    """

    name: str
    flags: Mapping[str, str]
    value: str

    def words(self, variables: Mapping[str, str]) -> list[str]:
        """What follows, in words, with variables filled in and quotes taken off."""
        return shlex.split(expand(self.value, variables))

    @property
    def exec_form(self) -> list[str]:
        """The words of a command that no shell reads."""
        return json.loads(self.value)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables; one that is not known becomes nothing."""
    return VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), text)


def read(path: Path) -> list[list[Instruction]]:
    """The stages, each of which begins with its FROM."""
    kept = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    stages: list[list[Instruction]] = []
    for line in re.sub(r"\\\n", "", "\n".join(kept)).splitlines():
        if line.strip():
            found = _instruction(line.strip())
            if found.name == "FROM":
                stages.append([])
            stages[-1].append(found)
    return stages


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    assert name in KNOWN, f"{name} is more than what is known here"
    flags = {}
    while (found := re.match(r"\s*--([\w-]+)=(\S+)\s+", rest)) is not None:
        flags[found[1]] = found[2]
        rest = rest[found.end() :]
    return Instruction(name, flags, rest.strip())
