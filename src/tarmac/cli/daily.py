"""Commands of every day on a result: run, review, search, share and repair it."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tarmac.cli.start import app
from tarmac.pipeline.base.paths import MODEL


@app.command()
def run() -> None:
    """Pull the raw data, rebuild what is not up to date, and compare with what is committed."""
    from tarmac.repository import reproduce

    reproduce.rebuild_and_compare()


@app.command()
def pull() -> None:
    """Fetch the published result and check every byte of it."""
    from tarmac.repository.dvc import commands

    commands.pull_outputs()
    print(f"{len(commands.read_output_hashes())} outputs fetched, every byte as dvc.lock names it")


Remote = Annotated[str, typer.Option(help="Name of a DVC remote; the default one without it.")]


@app.command()
def push(remote: Remote = "") -> None:
    """Send what dvc.lock names, and check that the remote has every object of it.

    Exit 1 if an object is missing, and name it.
    """
    from tarmac.repository.remote import push as module

    print(module.push_outputs(name=remote or None))


@app.command()
def fsck(
    revision: Annotated[str, typer.Argument(help="Commit whose objects are read.")] = "HEAD",
    every: Annotated[
        bool, typer.Option("--all", help="Of every commit of all branches and tags.")
    ] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Put back what the cache has.")] = False,
    remote: Remote = "",
) -> None:
    """Re-hash what the remote has for a commit.

    Exit 1 if an object is wrong, with a line for each.
    """
    from tarmac.repository.remote import fsck as module

    print(module.run_fsck(revision, every, repair, remote or None))


@app.command()
def hook(
    install: Annotated[bool, typer.Option("--install", help="Write it for Git to call.")] = False,
) -> None:
    """Check, as Git's pre-push hook, that the remote has what the pushed commits need.

    Exit 1 if an object is missing, and name it.
    """
    from tarmac.repository.remote import hook as module

    if install:
        try:
            print(module.install_hook())
        except module.HookError as error:
            print(f"{error}; {error.hint}")  # a person's own hook is no failure of the setup
        return
    module.check_pushed_commits(sys.stdin)


@app.command()
def remote(
    url: Annotated[
        str,
        typer.Argument(help="s3://bucket/path, ssh://, gs://, …, a folder's path, or embedded."),
    ],
    options: Annotated[
        list[str] | None, typer.Argument(help="Options of DVC for it, as name=value.")
    ] = None,
) -> None:
    """Copy what HEAD names to a URL, and make the URL the default remote.

    Before that, prove that a new clone gets everything from there.
    """
    from tarmac.repository.remote import move

    move.move_remote(url, options or [])


@app.command()
def restore(
    revision: Annotated[str, typer.Argument(help="Commit, branch or tag.")] = "HEAD",
    to: Annotated[Path, typer.Option(help="Folder to write to; this one without it.")] = Path(),
    source: Annotated[Path | None, typer.Option("--from", help="Folder of objects.")] = None,
) -> None:
    """Write the outputs of a commit from its lock and the objects, without DVC."""
    from tarmac.repository.remote import restore as module

    print(module.format_report(module.restore_outputs(revision, to, source)))


@app.command()
def repair() -> None:
    """Recover from a killed command: locks, a detached HEAD, edits that DVC had stashed."""
    from tarmac.repository.dvc import commands, recovery

    lines = [
        *recovery.recover_experiment(),
        *(f"{path} was left half written" for path in commands.clear_stale_locks()),
    ]
    print("\n".join(lines or ["nothing was left"]))


@app.command("reproduce")
def reproduce_() -> None:
    """Rebuild HEAD from raw data in a clean clone without cache; exit 1 on any differing byte."""
    from tarmac.repository import reproduce

    reproduce.rebuild_in_clean_clone()


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
        int, typer.Option(min=1, help="Trials that the study shall have in all.")
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
def show_sweep(study: Study = "sweep", storage: Storage = "") -> None:
    """Print every trial, the best first."""
    from tarmac.sweep import run

    run.show_study(study, storage)


@app.command()
def doctor() -> None:
    """Check machine, repository and remote, and say what to do, a line for each check.

    Exit 1 if something needs repair.
    """
    from tarmac.repository.doctor import run

    if not run.run_doctor():
        sys.exit(1)


@app.command("merge-lock")
def merge_lock() -> None:
    """Make the lock, metrics and card that the merged code and parameters give.

    Run it after a merge or during a rebase.
    """
    from tarmac.repository import merge_lock

    merge_lock.merge_lock()


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

    found = lineage.find_lineage(file)
    print(json.dumps(found.to_dict(), indent=2) if as_json else lineage.format_lineage(found))


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

    asked = infer.ProblemRequest(target, time, group, key, start.parse_task(task) if task else None)
    for line in list(start.init_problem(name, path, asked)):
        print(line)


@app.command()
def params(
    check: Annotated[bool, typer.Option("--check", help="Only check the file.")] = False,
) -> None:
    """Print the schema of params.yaml, or check the file against it."""
    from tarmac import policy

    policy.load_all_params()
    if not check:
        print(json.dumps(policy.AllParams.model_json_schema(), indent=2))
