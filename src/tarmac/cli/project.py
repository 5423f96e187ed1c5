"""Commands that create a project, add parts to it, and bring it to another release."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.application import app

Table = Annotated[
    Path, typer.Option("--from", metavar="FILE", help="A .parquet or .csv file with its rows.")
]
Target = Annotated[str, typer.Option(help="The column that is predicted.")]
Time = Annotated[str, typer.Option(help="The column with the date of a row: months are its parts.")]
Group = Annotated[
    str, typer.Option(help="The column whose rows are alike: no group is in two parts.")
]
Key = Annotated[str, typer.Option(help="The column that names a row.")]
TaskName = Annotated[
    str, typer.Option("--task", help="binary, multiclass or regression; by default by the values.")
]


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(help="What its rows are called, such as rents: the folder under src.")
    ],
    path: Table,
    target: Target,
    time: Time = "",
    group: Group = "",
    key: Key = "",
    task: TaskName = "",
    to: Annotated[
        Path | None, typer.Option(help="Folder of the repository; by default the name.")
    ] = None,
    license_name: Annotated[
        str, typer.Option("--license", help="MIT, BSD-3-Clause or none.")
    ] = "none",
    with_parts: Annotated[
        str, typer.Option("--with", metavar="PART,…", help="Optional parts, or all; see `add`.")
    ] = "",
    without: Annotated[
        str, typer.Option(metavar="PART,…", help="Parts that are left out of those.")
    ] = "",
) -> None:
    """Create the repository of a project from one table, with a first commit.

    It holds the code of the problem, parameters, pipeline, data, tests, workflows, and the release
    of Tarmac that runs it.
    """
    from tarmac.scaffold import infer, parts, project

    problem = infer.ProblemRequest(
        target, time, group, key, infer.parse_task(task) if task else None
    )
    chosen = parts.select_parts(parts.parse_names(with_parts), parts.parse_names(without))
    request = project.ProjectRequest(name, to or Path(name), license_name, parts=chosen)
    for line in project.create_project(request, path, problem):
        print(line)


@app.command()
def add(
    part: Annotated[
        str,
        typer.Argument(help="serve, deploy, retrain, sweep, gpu, spark, site, remote or all."),
    ],
) -> None:
    """Add an optional part to the project: its targets, lockfiles and workflows.

    The parts that it needs come with it. No file that differs is overwritten.
    """
    from tarmac.scaffold import parts

    for line in parts.add_part(part, Path()):
        print(line)


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
