"""Commands that run the pipeline, and compare, review and explain its result."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.application import app
from tarmac.pipeline.base.paths import MODEL


@app.command()
def run() -> None:
    """Pull the raw data, rebuild what is not up to date, and compare with what is committed."""
    from tarmac.repository import reproduce

    reproduce.rebuild_and_compare()


sweeps = typer.Typer(invoke_without_command=True)
app.add_typer(sweeps, name="sweep")
Study = Annotated[str, typer.Option(help="Name of the study.")]
Storage = Annotated[
    str,
    typer.Option(envvar="TARMAC_SWEEP_STORAGE", help="URL to share it; a file here without one."),
]


@sweeps.callback()
def sweep(
    context: typer.Context,
    study: Study = "sweep",
    storage: Storage = "",
    trials: Annotated[
        int, typer.Option(min=1, help="Number of trials of the study in total.")
    ] = 24,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes on this machine.")] = 1,
    top: Annotated[int, typer.Option(min=0, help="The best ones to run through the pipeline.")] = 1,
) -> None:
    """Search the space of params.yaml on validation.

    The same command continues a search that was stopped.
    """
    if context.invoked_subcommand is None:
        from tarmac.sweep import run

        try:
            run.run_sweep(study, storage, trials, jobs, top)
        except KeyboardInterrupt:
            sys.exit(130)


@sweeps.command("show")
def show_sweep(
    study: Study = "sweep",
    storage: Storage = "",
) -> None:
    """Print every trial, the best first."""
    from tarmac.sweep import run

    run.show_study(study, storage)


class PolicySource(StrEnum):
    """Whose code can judge a commit instead of the working tree's."""

    BASE = "base"


@app.command()
def review(
    base: Annotated[
        str, typer.Option(help="Commit to compare with; where this branch left the default one.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder for report.md and verdict.json.")] = Path(
        "review"
    ),
    candidate: Annotated[
        str, typer.Option(help="Commit to judge by this tree's code and policy, as CI does.")
    ] = "",
    approval: Annotated[
        str, typer.Option(help="Commit whose name counts in review.approved; the candidate.")
    ] = "",
    judge: Annotated[
        PolicySource | None, typer.Option(help="Whose code and policy judge, if not these.")
    ] = None,
) -> None:
    """Compare with the base, and evaluate the result by the policy of params.yaml.

    Exit 1 if the verdict is fail.
    """
    from tarmac.review import run

    if candidate:
        passed = run.review_commit(candidate, out, approval)
    elif judge:
        passed = run.review_by_base(base or None, out)
    else:
        passed = run.review_working_tree(base or None, out)
    if not passed:
        sys.exit(1)


@app.command("reproduce")
def reproduce_() -> None:
    """Rebuild HEAD from raw data in a clean clone without cache; exit 1 on any differing byte."""
    from tarmac.repository import reproduce

    reproduce.rebuild_in_clean_clone()


@app.command("lineage")
def lineage_(
    file: Annotated[
        Path, typer.Argument(help="An output of the pipeline, here or anywhere.")
    ] = Path(str(MODEL)),
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Say where a file comes from, and how to rebuild it.

    The lineage has commit, data, code, environment, parameters and metrics.
    """
    from tarmac.repository import lineage

    facts = lineage.find_lineage(file)
    print(json.dumps(facts.to_dict(), indent=2) if as_json else lineage.format_lineage(facts))


@app.command()
def params(
    check: Annotated[bool, typer.Option("--check", help="Only check the file.")] = False,
) -> None:
    """Print the schema of params.yaml, or check the file against it."""
    from tarmac import policy

    policy.load_all_params()
    if not check:
        print(json.dumps(policy.AllParams.model_json_schema(), indent=2))
