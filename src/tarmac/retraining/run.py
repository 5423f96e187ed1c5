"""The month's round: takes in what arrived, judges it, makes a new model where that is called for, and reviews it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.monitoring.report import report
from tarmac.monitoring.run import monitor, nothing, refuse, write
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import Window
from tarmac.pipeline.base.paths import FEATURES, LOCK
from tarmac.pipeline.models.dataset import read_window
from tarmac.policy import load
from tarmac.registry.live_model import Live, live
from tarmac.registry.release import OUT, refuse_unclean
from tarmac.repository import git, reproduce
from tarmac.repository.dvc import commands, recovery
from tarmac.retraining.arrival import arrivals, named, show
from tarmac.retraining.correction import distrusted, emptied, missing
from tarmac.review.results import PREDICTIONS
from tarmac.review.run import review
from tarmac.review.windows import WindowsError, moved

BEGUN = Path(".dvc/tmp/retrain")  # the commit that a round began at, while it lasts
ORDER, OUTCOMES = ("none", "retrain", "hold"), ("ok", "watch", "act")  # a later one outweighs


def retrain(source: str) -> dict[str, Any]:
    """One round, in the working tree; returns what `monitoring.json` holds, and says in `made` what is to be proposed.

    `source` is a folder or a URL of files, as DVC takes them. Where the round breaks, `monitoring.json` says why before
    the error is raised.
    """
    shutil.rmtree(OUT, ignore_errors=True)  # an older verdict is none on this round
    # Nor is an older decision, whatever ends the process.
    refuse("`tarmac retrain` was interrupted before it evaluated any data")
    if problem.contract.DAY is None:
        return nothing("no date column: use `make ingest`, `make run` and `make review` instead")
    with _told(), _begun():
        commands.pull()
        arrived = arrivals(source)
        if not arrived:
            return nothing("nothing new has arrived")
        model = live()
        found = {**_judged(arrived, model), "arrived": arrived}
        found["made"] = _make(found["decision"])
        write(found, report(found))
        if found["made"]:
            review(model.commit, OUT)
    return found


def _judged(arrived: Sequence[str], model: Live) -> dict[str, Any]:
    """Makes the features of what arrived, and judges them and what they correct."""
    last, before = months.stored(FEATURES)[-1], missing(FEATURES)
    show(commands.dvc("repro", "featurize"))
    found = judged(new_months(arrived, model), model) | distrusted(named(arrived), model.months)
    return found | emptied(before, missing(FEATURES, last), last)


def new_months(arrived: Sequence[str], model: Live) -> list[str]:
    """The months to judge: what arrived and is new to the model, else the last one."""
    stored = months.stored(FEATURES)
    fresh = [month for month in stored if month in named(arrived) and month > model.months.validation.last]
    return fresh or stored[-1:]


def judged(wanted: Sequence[str], model: Live) -> dict[str, Any]:
    """Judges months; the one that weighs most speaks for all."""
    found = [monitor(month, model=model) for month in wanted]
    return max(
        found, key=lambda one: (ORDER.index(one["decision"]), OUTCOMES.index(one["verdict"]), one["period"]["last"])
    )


def last_labelled(stored: Sequence[str], tables: Path = FEATURES) -> str:
    """The month that a new model is judged up to: labels may come later than a month."""
    for month in reversed(stored):
        if (
            read_window(tables, Window(first=month, last=month), [problem.contract.TARGET])[problem.contract.TARGET]
            .notna()
            .any()
        ):
            return month
    raise WindowsError(
        f"no month of {tables} has a known {problem.contract.TARGET} to train on",
        "add months with labels: `make ingest FILES=path/to/files`, then `make run`",
    )


def _make(decision: str) -> str:
    """Runs the pipeline unless the data are broken; returns what was made, in a line."""
    if decision == "hold":
        return ""
    if decision == "none":
        reproduce.repro(Path())
        return "new data for the model as it is" if _answers_the_same() else "the model again, from corrected data"
    stored = months.stored(FEATURES)
    last = last_labelled(stored)
    windows = moved(stored[0], last, load().retrain)
    settings = [f"--set-param={name}={month}" for name, month in windows.items()]
    name = f"retrain-{last}-{git.git('rev-parse', '--short', 'HEAD').strip()}"
    show(commands.dvc("exp", "run", "--name", name, "--force", *settings))
    return f"a model of {windows['split.train.first']} to {windows['split.train.last']}"


def _answers_the_same() -> bool:
    """Whether test rows get the answers of HEAD's model; its file is another all the same, it names its features."""
    committed = commands.locked(git.text_at("HEAD", LOCK) or "")
    return commands.outputs().get(PREDICTIONS) == committed.get(PREDICTIONS)


@contextmanager
def _begun() -> Iterator[None]:
    """Start from a clean tree, and note it for as long as the round lasts.

    After a kill the note is still there, and all that differs from that commit is the killed
    round's: it goes into `git stash`.
    """
    recovery.mend_and_tell()
    commands.clear_stale_locks()
    head = git.commit("HEAD") or ""
    if BEGUN.is_file() and BEGUN.read_text(encoding="utf-8") == head and git.changed_since("HEAD"):
        left = "files as a killed `tarmac retrain` left them"
        git.git("stash", "push", "--quiet", "--include-untracked", "--message", left)
        print(f"mended: {left} are in `git stash`", flush=True)
    refuse_unclean()
    BEGUN.parent.mkdir(parents=True, exist_ok=True)
    BEGUN.write_text(head, encoding="utf-8")
    try:
        yield
    finally:
        BEGUN.unlink()


@contextmanager
def _told() -> Iterator[None]:
    """Notes why a round broke, for whoever is told."""
    try:
        yield
    except UserError as error:
        refuse(f"{error}; {error.hint}" if error.hint else str(error))
        raise
