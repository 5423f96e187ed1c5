"""Render the files of this release for a project: what `tarmac upgrade` compares.

As a program it renders the project in the working directory into the folder of its argument, so
that the release that a project came from can be asked for its files.
"""

import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tarmac.interface.errors import UserError, exit_on_user_error
from tarmac.interface.problem import PROJECT
from tarmac.pipeline.base.paths import PIPELINE
from tarmac.scaffold import pipeline, project
from tarmac.scaffold.start import parse_task


def render_project(root: Path, folder: Path) -> None:
    """Write the files that this release gives a project into a folder.

    `params.yaml` is the one that the release came with, not that of the project.
    """
    settings = read_settings(root)
    texts = settings.created
    for part in (project.CORE, *settings.parts):
        project.write_part(part, texts, folder)
    project.write_license(texts["license"], texts, folder)
    kind = parse_task(texts["task"])
    pipeline.write_dvc_yaml(folder / PIPELINE, root, kind, bool(texts["time"]))


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
        return ProjectSettings(settings["parts"], settings["created"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        message = f"{path} does not say how the project was created ({error})"
        hint = f"run it at the root of a project, or restore the file: `git restore {PROJECT}`"
        raise UserError(message, hint) from None


if __name__ == "__main__":
    with exit_on_user_error():
        render_project(Path(), Path(sys.argv[1]))
