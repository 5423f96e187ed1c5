"""Commands on a model that lives: release, serve, watch and replace it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.start import app

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
def bundle(
    environment: Annotated[str, typer.Option(help="staging or prod.")] = "",
    version: Annotated[str, typer.Option(help="A version by its name.")] = "",
    place: Annotated[str, typer.Option(help="live, or shadow beside it.")] = "live",
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
def monitor(
    month: Annotated[str, typer.Option(help="A stored month, 2013-12; without one the last.")] = "",
    log: Annotated[
        Path | None, typer.Option(help="Folder of a service's journal, or scores of a batch.")
    ] = None,
) -> None:
    """Check new rows against what the live model knows: ok, warning or critical, with reasons."""
    from tarmac.monitoring import run

    found = run.monitor(month, log)
    print(
        f"{found['verdict']} ({found['decision']}): {found['summary']}\n"
        f"written: {run.OUT}/report.md, monitoring.json"
    )


@app.command()
def retrain(
    source: Annotated[str, typer.Argument(help="Folder or URL of new files.")],
) -> None:
    """Ingest and evaluate what arrived; make and review a new model if that is called for.

    Nothing is committed.
    """
    from tarmac.retraining import run as module

    found = module.run_retraining_round(source)
    print(
        f"\n{found['verdict']} ({found['decision']}): {found['summary']}\n"
        f"made: {found['made'] or 'nothing'}"
    )


@app.command()
def backtest() -> None:
    """Backtest the stored months: never retrained, retrained monthly, retrained by policy.

    It takes half an hour.
    """
    from tarmac.backtest import run as module

    print("\n".join(module.run_backtest()))


@app.command()
def site(out: Annotated[Path, typer.Option(help="The file.")] = Path("site/index.html")) -> None:
    """Write a page with the model, its results, its monitoring, and the source of every number."""
    from tarmac.dashboard import build

    print(build.build_page(out))
