"""Commands that give a version of the model to an environment, and make predictions with it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.application import app

Why = Annotated[str, typer.Option(help="The reason, kept with the tag.")]


@app.command()
def release(bump: Annotated[str, typer.Option(help="major, minor or patch.")] = "patch") -> None:
    """Register HEAD's model as the next version, if its objects, lock and verdict allow it."""
    from tarmac.registry import release as module

    print(module.release_model(bump))


@app.command()
def promote(
    environment: Annotated[str, typer.Argument(help="staging or prod.")],
    version: Annotated[str, typer.Option(help="The version; without one the latest.")] = "",
    why: Why = "",
) -> None:
    """Promote a version of the model to an environment."""
    from tarmac.registry import promote as module

    print(module.promote_version(environment, version, why))


@app.command()
def rollback(
    environment: Annotated[str, typer.Argument(help="staging or prod.")] = "prod", why: Why = ""
) -> None:
    """Roll an environment back to its previous version."""
    from tarmac.registry import promote as module

    print(module.roll_back_environment(environment, why))


@app.command()
def registry(
    as_json: Annotated[
        bool, typer.Option("--json", help="For a machine, with the history.")
    ] = False,
) -> None:
    """List versions with their environments, metrics and lineage."""
    from tarmac.registry import show

    print(json.dumps(show.read_registry(), indent=2) if as_json else show.format_registry())


@app.command()
def bundle(
    environment: Annotated[str, typer.Option(help="staging or prod.")] = "",
    version: Annotated[str, typer.Option(help="A version by its name.")] = "",
    place: Annotated[str, typer.Option(help="live, or shadow next to it.")] = "live",
) -> None:
    """Write what a service needs to served/, from an environment, a version or the clone."""
    from tarmac.registry import bundle as module

    print(module.build_bundle(environment, version, place))


@app.command()
def predict(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A .parquet or .csv file, or a folder of them.")
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="A .parquet or .csv file; a folder where IN is one."),
    ],
    bundle: Annotated[
        Path | None, typer.Option(help="Score with this one, not served/live or $TARMAC_BUNDLE.")
    ] = None,
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Exit 1 above this share of rejected rows.")
    ] = 1.0,
) -> None:
    """Score rows with a bundle; the same command goes on where it was stopped."""
    from tarmac.batch import run

    try:
        print(run.predict_files(source, out, run.load_bundle(bundle), max_rejects))
    except KeyboardInterrupt:
        sys.exit(130)
