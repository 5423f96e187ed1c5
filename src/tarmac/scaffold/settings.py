"""What `pyproject.toml` of a project says of its parts, and of what it was created from."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tarmac.interface.errors import UserError
from tarmac.interface.problem import PROJECT
from tarmac.pipeline.base.outputs import replace_output

PARTS_LINE = re.compile(r"^parts = \[[^\]]*\]", re.MULTILINE)


@dataclass(frozen=True)
class ProjectSettings:
    """The optional parts of a project, and the texts that it was created with."""

    parts: Sequence[str]
    created: Mapping[str, str]


def read_settings(root: Path) -> ProjectSettings:
    """Return what `pyproject.toml` says of a project.

    Raise `UserError` if it was not created by `tarmac new`.
    """
    path = root / PROJECT
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["tarmac"]
        parts = [str(part) for part in settings["parts"]]
        created = {name: str(text) for name, text in settings["created"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} does not say how the project was created ({error})"
        hint = f"run it at the root of a project, or restore the file: `git restore {PROJECT}`"
        raise UserError(message, hint) from None
    return ProjectSettings(parts, created)


def format_created(texts: Mapping[str, str]) -> str:
    """Return the lines of a TOML table that keep texts, sorted by their names."""
    return "\n".join(f"{name} = {quote_text(texts[name])}" for name in sorted(texts))


def quote_text(text: str) -> str:
    """Return a text as a basic string of TOML.

    JSON escapes the same characters the same way, but for DEL.
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def record_parts(root: Path, parts: Sequence[str]) -> None:
    """Write the parts of a project to its `pyproject.toml`, if other ones are there.

    Raise `UserError` if they are not where `tarmac new` wrote them.
    """
    path = root / PROJECT
    before = path.read_text(encoding="utf-8")
    line = f"parts = [{', '.join(map(quote_text, parts))}]"
    after = PARTS_LINE.sub(lambda _: line, before, count=1)
    if tomllib.loads(after)["tool"]["tarmac"]["parts"] != list(parts):
        message = f"{path} has no line `parts = […]` that can be edited"
        raise UserError(message, f"write `{line}` below `[tool.tarmac]`")
    if after != before:
        with replace_output(path) as new:
            new.write_text(after, encoding="utf-8")
