"""The `tarmac` command: thin; every word of it is a make target or a question about the repository."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

T = TypeVar("T")
LITTLE = 2**20  # bytes of free space
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def tarmac() -> None:
    """Run, compare, review and ship a machine-learning model from one Git repository."""
    if shutil.disk_usage(Path()).free < LITTLE:  # Python leaves bytecode cut there, and cannot import it later
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


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


Remote = Annotated[str, typer.Option(help="Name of a DVC remote; the default one without it.")]


@app.command()
def push(remote: Remote = "") -> None:
    """Send what dvc.lock names, and look for every object of it in the remote; exit 1 naming what is missing."""
    from tarmac.remote import push as module

    print(_told(lambda: module.push(name=remote or None)))


@app.command()
def fsck(
    revision: Annotated[str, typer.Argument(help="Commit whose objects are read.")] = "HEAD",
    every: Annotated[bool, typer.Option("--all", help="Of every commit of all branches and tags.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Put back what the cache has.")] = False,
    remote: Remote = "",
) -> None:
    """Re-hash what the remote holds for a commit; exit 1 with a line for each object that is wrong."""
    from tarmac.remote import fsck as module

    print(_told(lambda: module.fsck(revision, every, repair, remote or None)))


@app.command()
def hook(install: Annotated[bool, typer.Option("--install", help="Write it for Git to call.")] = False) -> None:
    """Git's pre-push hook: exit 1 naming what the pushed commits need and the remote does not hold."""
    from tarmac.remote import hook as module

    if install:
        try:
            print(module.install())
        except module.HookError as error:
            print(error)  # a person's own hook is no failure of the setup
        return
    _told(lambda: module.check(sys.stdin))


@app.command()
def remote(
    url: Annotated[str, typer.Argument(help="s3://bucket/path, ssh://, gs://, …, a folder's path, or embedded.")],
    options: Annotated[list[str] | None, typer.Argument(help="Options of DVC for it, as name=value.")] = None,
) -> None:
    """Copy what HEAD names to a URL, prove that a new clone gets it from there, and make it the default remote."""
    from tarmac.remote import move

    _told(lambda: move.move(url, options or []))


@app.command()
def mend() -> None:
    """Put right what a killed command left: locks, a detached HEAD, edits that DVC had put away."""
    from tarmac import interrupted, store

    told = _told(
        lambda: [*interrupted.mend(), *(f"{path} was left half written" for path in store.clear_stale_locks())]
    )
    print("\n".join(told or ["nothing was left"]))


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


Why = Annotated[str, typer.Option(help="The reason, kept with the tag.")]


@app.command()
def release(bump: Annotated[str, typer.Option(help="major, minor or patch.")] = "patch") -> None:
    """Register HEAD's model as the next version, if its objects, its lock and the verdict allow it."""
    from tarmac.registry import release as module

    print(_told(lambda: module.release(bump)))


@app.command()
def promote(
    stage: Annotated[str, typer.Argument(help="staging or prod.")],
    version: Annotated[str, typer.Option(help="The version; without one the latest.")] = "",
    why: Why = "",
) -> None:
    """Give a stage a version of the model."""
    from tarmac.registry import promote as module

    print(_told(lambda: module.promote(stage, version, why)))


@app.command()
def rollback(stage: Annotated[str, typer.Argument(help="staging or prod.")] = "prod", why: Why = "") -> None:
    """Give a stage the version back that it had before."""
    from tarmac.registry import promote as module

    print(_told(lambda: module.rollback(stage, why)))


@app.command()
def bundle(
    stage: Annotated[str, typer.Option(help="staging or prod.")] = "",
    version: Annotated[str, typer.Option(help="A version by its name.")] = "",
    place: Annotated[str, typer.Option(help="live, or shadow beside it.")] = "live",
) -> None:
    """Write what a service needs to served/: of a stage, of a version, else of what is here."""
    from tarmac.registry import bundle as module

    print(_told(lambda: module.bundle(stage, version, place)))


@app.command()
def predict(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A .parquet or .csv file, or a folder of them.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .parquet or .csv file; a folder where IN is one.")],
    bundle: Annotated[Path | None, typer.Option(help="Score with this one, not served/live or $TARMAC_BUNDLE.")] = None,
    max_rejects: Annotated[float, typer.Option(min=0, max=1, help="Exit 1 above this share of rejected rows.")] = 1.0,
) -> None:
    """Score rows with a bundle; the same command goes on where it was stopped."""
    from tarmac.serving.batch import run

    try:
        print(_told(lambda: run.predict(source, out, run.found(bundle), max_rejects)))
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def registry(as_json: Annotated[bool, typer.Option("--json", help="For a machine, with the history.")] = False) -> None:
    """List versions with their stages, metrics and lineage."""
    from tarmac.registry import show

    print(_told(lambda: json.dumps(show.registry(), indent=2) if as_json else show.table()))


@app.command()
def monitor(
    month: Annotated[str, typer.Option(help="A stored month, 2013-12; without one the last.")] = "",
    log: Annotated[Path | None, typer.Option(help="Folder of a service's journal, or scores of a batch.")] = None,
) -> None:
    """Judge new rows beside what the live model knows: ok, watch or act, each with its reason."""
    from tarmac.monitoring import run

    found = _told(lambda: run.monitor(month, log))
    print(
        f"{found['verdict']} ({found['decision']}): {found['summary']}\nwritten: {run.OUT}/report.md, monitoring.json"
    )


@app.command()
def retrain(
    source: Annotated[
        str, typer.Argument(help="Folder or URL of new files; without one nothing arrives.")
    ] = "",
) -> None:
    """Take in what arrived, judge it, make and review a new model where that is called for; nothing is committed."""
    from tarmac.monitoring import retrain as module

    found = _told(lambda: module.retrain(source))
    print(f"\n{found['verdict']} ({found['decision']}): {found['summary']}\nmade: {found['made'] or 'nothing'}")


@app.command()
def replay() -> None:
    """Live the stored months again: never retrained, retrained monthly, retrained by policy; half an hour."""
    from tarmac.monitoring import replay as module

    print("\n".join(_told(module.replay)))


@app.command()
def site(out: Annotated[Path, typer.Option(help="The file.")] = Path("site/index.html")) -> None:
    """Write the page of what is here: model, results, monitoring, and where every number comes from."""
    from tarmac.site import build

    print(_told(lambda: build.build(out)))


@app.command()
def doctor() -> None:
    """Check machine, repository and remote, a line each with what to do; exit 1 where something is to be mended."""
    from tarmac.doctor import run

    if not run.doctor():
        sys.exit(1)


@app.command("merge-lock")
def merge_lock() -> None:
    """After a merge or in a rebase: make the lock, metrics and card that the merged code and parameters give."""
    from tarmac import merge

    _told(merge.merge_lock)


@app.command("lineage")
def lineage_(
    file: Annotated[Path, typer.Argument(help="An output of the pipeline, here or anywhere.")] = Path(
        "models/model.onnx"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Say where a file comes from: commit, data, code, environment, parameters, metrics, and how to rebuild it."""
    from tarmac import lineage

    found = _told(lambda: lineage.lineage(file))
    print(json.dumps(found.as_json(), indent=2) if as_json else lineage.text(found))


@app.command()
def ingest(
    what: Annotated[
        list[str] | None, typer.Argument(help="Files of new or corrected months, or months (2014-01).")
    ] = None,
) -> None:
    """Write data/raw from the pinned distribution, or take in some months; then track it with DVC."""
    from tarmac import incoming, store

    told = _told(lambda: incoming.ingest(what or []))
    if not told:
        print("nothing new: data/raw has these rows already")
        return
    print("\n".join([*told, *store.dvc("add", "data/raw")]))
    print("`make push`, then commit data/raw.dvc and data/remote")


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
