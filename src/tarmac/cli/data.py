"""The command on the data: ingest rows."""

from typing import Annotated

import typer

from tarmac.cli.application import app


@app.command()
def ingest(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="Files of new or corrected months, or months (2014-01)."),
    ] = None,
) -> None:
    """Write data/raw from the pinned distribution, or ingest some months.

    Then track data/raw with DVC.
    """
    from tarmac.ingest import incoming

    lines = incoming.ingest_raw_data(what or [])
    if not lines:
        print("nothing new: data/raw has these rows already")
        return
    print("\n".join(lines))
    print("`make push`, then commit data/raw.dvc and data/remote")
