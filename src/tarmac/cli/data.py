"""Commands on the data: ingest rows, and start another problem from a table."""

from pathlib import Path
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


@app.command()
def init_problem(
    name: Annotated[
        str,
        typer.Argument(help="What its rows are called: the folder under src, tests and data/raw."),
    ],
    path: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="A .parquet or .csv file with its rows.")
    ],
    target: Annotated[str, typer.Option(help="The column that is predicted.")],
    time: Annotated[
        str, typer.Option(help="The column with the date of a row: months are its parts.")
    ] = "",
    group: Annotated[
        str, typer.Option(help="The column whose rows are alike: no group is in two parts.")
    ] = "",
    key: Annotated[str, typer.Option(help="The column that names a row.")] = "",
    task: Annotated[
        str, typer.Option(help="binary, multiclass or regression, where the values deceive.")
    ] = "",
) -> None:
    """Replace the problem by that of one table: its code, parameters, pipeline and data.

    Git keeps the old problem.
    """
    from tarmac.scaffold import infer, start

    request = infer.ProblemRequest(
        target, time, group, key, start.parse_task(task) if task else None
    )
    for line in list(start.init_problem(name, path, request)):
        print(line)
