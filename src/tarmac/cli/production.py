"""Commands on the model in production: monitor, retrain, backtest and report."""

from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.application import app


@app.command()
def monitor(
    month: Annotated[str, typer.Option(help="A stored month, 2013-12; without one the last.")] = "",
    log: Annotated[
        Path | None, typer.Option(help="Folder of a service's journal, or scores of a batch.")
    ] = None,
) -> None:
    """Check new rows against what the live model knows: ok, warning or critical, with reasons."""
    from tarmac.monitoring import run

    outcome = run.monitor(month, log)
    print(
        f"{outcome['verdict']} ({outcome['decision']}): {outcome['summary']}\n"
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

    outcome = module.run_retraining_round(source)
    print(
        f"\n{outcome['verdict']} ({outcome['decision']}): {outcome['summary']}\n"
        f"made: {outcome['made'] or 'nothing'}"
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
