"""Commands that create a project and bring it to another release."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.application import app


@app.command()
def upgrade(
    source: Annotated[
        Path, typer.Argument(help="The wheel of a release, or a clone of Tarmac to build it from.")
    ],
) -> None:
    """Bring the project to another release of Tarmac, on a new branch.

    Files that both changed are merged, and conflicts are marked as Git does. Exit 1 if there are
    any.
    """
    from tarmac.scaffold import upgrade

    if not upgrade.start_upgrade(source):
        sys.exit(1)
