"""Read the files that the page shows, and find where each stands in the history.

A missing file is None. The error for a broken file names it.
"""

import csv
import io
from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from tarmac.dashboard.page_blocks import DataSource
from tarmac.interface.errors import UserError
from tarmac.repository import git

R = TypeVar("R", bound=BaseModel)
SHORT = 9  # characters of a commit: as many in every clone


class DashboardError(UserError):
    """The page cannot be made of what is here."""


def shorten_commit(commit: str) -> str:
    """The name of a commit, as the page shows it."""
    return commit[:SHORT]


def read_text(path: Path) -> str | None:
    """A text file; None where there is none. Raises `DashboardError` where it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise build_file_error(path, f"not UTF-8 text (byte {error.start + 1:,})") from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise DashboardError(message, f"check that {path} is a file that you may read") from None


def read_record(kind: type[R], path: Path) -> R | None:
    """A JSON file as a checked record; None where there is none."""
    content = read_text(path)
    return None if content is None else parse_record(kind, content, path)


def parse_record(kind: type[R], content: str, path: Path) -> R:
    """JSON as a checked record. Raises `DashboardError` naming file, place and fault."""
    try:
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        raise build_file_error(path, _format_first_error(error)) from None


def read_rows(kind: type[R], path: Path) -> list[R] | None:
    """Read a CSV file as checked records, one a line; return None if there is no file.

    Raise `DashboardError` if a line is incomplete or invalid, or if the file has no rows.
    """
    content = read_text(path)
    if content is None:
        return None
    if not content.endswith("\n"):
        raise build_file_error(path, "the last line is incomplete")
    checked = []
    for number, line in enumerate(csv.DictReader(io.StringIO(content)), start=2):
        try:
            checked.append(
                kind.model_validate(
                    {name: value for name, value in line.items() if value is not None}
                )
            )
        except ValidationError as error:
            raise build_file_error(path, f"line {number}: {_format_first_error(error)}") from None
    if not checked:
        raise build_file_error(path, "the file has no rows")
    return checked


def find_source(path: Path | str, changed: Collection[str]) -> DataSource:
    """Where a file, or a folder of them, stands in the history."""
    name = Path(path).as_posix()
    if any(other == name or other.startswith(f"{name}/") for other in changed):
        return DataSource(name, None)
    commit = git.run_git("log", "-1", "--format=%H", "--", name).strip()
    return DataSource(name, shorten_commit(commit) if commit else None)


def _format_first_error(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else fault["msg"]


def build_file_error(path: Path, why: str, where: str = "") -> DashboardError:
    """Return the error for an incomplete file, which `where` names if its path does not."""
    hint = f"make the file again, or restore it: `git restore {path}`"
    return DashboardError(f"{where or path}: {why}", hint)
