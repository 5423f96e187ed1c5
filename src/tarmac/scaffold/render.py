"""Render the files of this release for a project: what `tarmac upgrade` compares.

As a program it renders the project in the working directory into the folder of its argument. So
an upgrade has the release that a project came from write its files.
"""

import sys
from pathlib import Path

from tarmac.interface.errors import exit_on_user_error
from tarmac.pipeline.base.paths import PIPELINE
from tarmac.scaffold import pipeline, project
from tarmac.scaffold.infer import parse_task
from tarmac.scaffold.parts import write_parts
from tarmac.scaffold.settings import read_settings


def render_project(root: Path, folder: Path) -> None:
    """Write the files that this release gives a project into a folder.

    `params.yaml` is the one that the release came with, not that of the project.
    """
    settings = read_settings(root)
    texts = settings.created
    write_parts(settings.parts, texts, folder)
    project.write_license(texts["license"], texts, folder)
    kind = parse_task(texts["task"])
    pipeline.write_dvc_yaml(folder / PIPELINE, root, kind, bool(texts["time"]))


if __name__ == "__main__":
    with exit_on_user_error():
        render_project(Path(), Path(sys.argv[1]))
