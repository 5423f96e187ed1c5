"""The `tarmac` command: thin; every word of it is a make target or a question about the repository."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def tarmac() -> None:
    """Run, compare, review and ship a machine-learning model from one Git repository."""


@app.command()
def run() -> None:
    """Pull the raw data, rebuild everything that is not up to date, compare with what is committed."""
    from tarmac import reproduce

    _told(reproduce.run)


@app.command()
def pull() -> None:
    """Fetch the published result and check every byte of it."""
    from tarmac import store

    _told(store.pull)
    print(f"{len(store.outputs())} outputs fetched, every byte as dvc.lock names it")


@app.command("reproduce")
def reproduce_() -> None:
    """Rebuild HEAD from raw data in a clean clone without cache; exit 1 on any differing byte."""
    from tarmac import reproduce

    _told(reproduce.clean_clone)


@app.command()
def review(
    base: Annotated[str, typer.Option(help="Commit to compare with; where this branch left the default one.")] = "",
    out: Annotated[Path, typer.Option(help="Folder for report.md and verdict.json.")] = Path("review"),
) -> None:
    """Compare with the base and judge by the policy of params.yaml; exit 1 where the verdict is fail."""
    from tarmac.review import run

    if not _told(lambda: run.review(base or None, out)):
        sys.exit(1)


sweeps = typer.Typer(invoke_without_command=True)
app.add_typer(sweeps, name="sweep")
Study = Annotated[str, typer.Option(help="Name of the study.")]
Storage = Annotated[str, typer.Option(envvar="TARMAC_SWEEP_STORAGE", help="URL to share it; a file here without one.")]


@sweeps.callback()
def sweep(
    context: typer.Context,
    study: Study = "sweep",
    storage: Storage = "",
    trials: Annotated[int, typer.Option(min=1, help="Trials that the study shall have in all.")] = 24,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes on this machine.")] = 1,
    top: Annotated[int, typer.Option(min=0, help="The best ones to run through the pipeline.")] = 1,
) -> None:
    """Search the space of params.yaml on validation; the same command goes on where it was stopped."""
    if context.invoked_subcommand is None:
        from tarmac.sweep import run

        try:
            _told(lambda: run.sweep(study, storage, trials, jobs, top))
        except KeyboardInterrupt:
            sys.exit(130)


@sweeps.command("show")
def show_sweep(
    study: Study = "sweep",
    storage: Storage = "",
    html: Annotated[Path | None, typer.Option(help="Write a page with charts, too.")] = None,
) -> None:
    """Print every trial, the best first."""
    from tarmac.sweep import run

    _told(lambda: run.look(study, storage, html))


@app.command()
def ingest() -> None:
    """Write data/raw from the pinned distribution, then track it with DVC."""
    from tarmac import ingest as module
    from tarmac import store

    written = _told(module.main)
    for line in store.dvc("add", "data/raw"):
        print(line)
    print(f"{len(written)} files in data/raw; `dvc push`, then commit data/raw.dvc and data/remote")


@app.command()
def params(check: Annotated[bool, typer.Option("--check", help="Only check the file.")] = False) -> None:
    """Print the schema of params.yaml, or check the file against it."""
    from tarmac import params as module

    _told(module.load)
    if not check:
        print(json.dumps(module.Params.model_json_schema(), indent=2))


def _told(action: Callable[[], T]) -> T:
    """What a person can mend is told in a line each, without a traceback."""
    try:
        return action()
    except ValueError as error:
        sys.exit("\n".join(f"tarmac: error: {line}" for line in str(error).splitlines()))
