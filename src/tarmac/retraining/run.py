"""Run the month's round: ingest what arrived, evaluate it, retrain if needed, and review."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError, format_error_inline
from tarmac.interface.problem import problem
from tarmac.monitoring.report import render_report
from tarmac.monitoring.run import monitor, write_empty_result, write_failed_result, write_result
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import MonthWindow
from tarmac.pipeline.base.paths import FEATURES, LOCK
from tarmac.pipeline.models.dataset import read_window
from tarmac.policy import load_all_params
from tarmac.registry.live_model import LiveModel, load_live_model
from tarmac.registry.release import OUT, require_clean_tree
from tarmac.repository import git, reproduce
from tarmac.repository.dvc import commands, lockfile, recovery
from tarmac.retraining.arrival import ingest_arrivals, parse_changed_months, print_lines
from tarmac.retraining.correction import (
    compute_missing_shares,
    evaluate_corrections,
    evaluate_emptied_inputs,
)
from tarmac.review.result_folder import PREDICTIONS
from tarmac.review.run import review_working_tree
from tarmac.review.split_windows import SplitWindowError, compute_split_windows

BEGUN = Path(".dvc/tmp/retrain")  # the commit that a round began at, while it lasts
ORDER, OUTCOMES = (
    ("none", "retrain", "block"),
    ("ok", "warning", "critical"),
)  # a later one outweighs


def run_retraining_round(source: str) -> dict[str, Any]:
    """Run one round in the working tree, and return the content of `monitoring.json`.

    Its field `made` says what is to be proposed. `source` is a folder or a URL of files, as DVC
    takes them. If the round fails, `monitoring.json` says why before the error is raised.
    """
    shutil.rmtree(OUT, ignore_errors=True)  # an older verdict is none on this round
    # Nor is an older decision, whatever ends the process.
    write_failed_result("`tarmac retrain` was interrupted before it evaluated any data")
    if problem.contract.DAY is None:
        return write_empty_result(
            "no date column: use `make ingest`, `make run` and `make review` instead"
        )
    with _record_failure(), _open_round():
        commands.pull_outputs()
        arrived = ingest_arrivals(source)
        if not arrived:
            return write_empty_result("nothing new has arrived")
        model = load_live_model()
        record = {**_evaluate_arrivals(arrived, model), "arrived": arrived}
        record["made"] = _build_result(record["decision"])
        write_result(record, render_report(record))
        if record["made"]:
            review_working_tree(model.commit, OUT)
    return record


def _evaluate_arrivals(arrived: Sequence[str], model: LiveModel) -> dict[str, Any]:
    """Make the features of what arrived, and judge them and what they correct."""
    last, before = months.list_stored_months(FEATURES)[-1], compute_missing_shares(FEATURES)
    print_lines(commands.run_dvc("repro", "featurize"))
    record = monitor_months(find_new_months(arrived, model), model)
    corrections = evaluate_corrections(parse_changed_months(arrived), model.months)
    emptied = evaluate_emptied_inputs(before, compute_missing_shares(FEATURES, last), last)
    return record | corrections | emptied


def find_new_months(arrived: Sequence[str], model: LiveModel) -> list[str]:
    """The months to judge: what arrived and is new to the model, else the last one."""
    stored = months.list_stored_months(FEATURES)
    changed, last_known = parse_changed_months(arrived), model.months.validation.last
    fresh = [month for month in stored if month in changed and month > last_known]
    return fresh or stored[-1:]


def monitor_months(wanted: Sequence[str], model: LiveModel) -> dict[str, Any]:
    """Judges months; the one that weighs most speaks for all."""
    records = [monitor(month, model=model) for month in wanted]
    return max(
        records,
        key=lambda one: (
            ORDER.index(one["decision"]),
            OUTCOMES.index(one["verdict"]),
            one["period"]["last"],
        ),
    )


def find_last_labeled_month(stored: Sequence[str], tables: Path = FEATURES) -> str:
    """The month that a new model is judged up to: labels may come later than a month."""
    for month in reversed(stored):
        window = MonthWindow(first=month, last=month)
        labels = read_window(tables, window, [problem.contract.TARGET])[problem.contract.TARGET]
        if labels.notna().any():
            return month
    raise SplitWindowError(
        f"no month of {tables} has a known {problem.contract.TARGET} to train on",
        "add months with labels: `make ingest FILES=path/to/files`, then `make run`",
    )


def _build_result(decision: str) -> str:
    """Run the pipeline unless the data are broken; return what was made, in a line."""
    if decision == "block":
        return ""
    if decision == "none":
        reproduce.run_dvc_repro(Path())
        return (
            "new data for the model as it is"
            if _has_same_predictions()
            else "the model again, from corrected data"
        )
    stored = months.list_stored_months(FEATURES)
    last = find_last_labeled_month(stored)
    windows = compute_split_windows(stored[0], last, load_all_params().retrain)
    settings = [f"--set-param={name}={month}" for name, month in windows.items()]
    name = f"retrain-{last}-{git.run_git('rev-parse', '--short', 'HEAD').strip()}"
    print_lines(commands.run_dvc("exp", "run", "--name", name, "--force", *settings))
    return f"a model of {windows['split.train.first']} to {windows['split.train.last']}"


def _has_same_predictions() -> bool:
    """Check whether test rows get the predictions of HEAD's model.

    The model's file differs all the same: it names its features.
    """
    committed = lockfile.parse_output_hashes(git.read_text_at("HEAD", LOCK) or "", "HEAD")
    return commands.read_output_hashes().get(PREDICTIONS) == committed.get(PREDICTIONS)


@contextmanager
def _open_round() -> Iterator[None]:
    """Start from a clean tree, and note it for as long as the round lasts.

    After a kill the note is still there, and all that differs from that commit is the killed
    round's: it goes into `git stash`.
    """
    recovery.recover_and_report()
    commands.clear_stale_locks()
    head = git.resolve_commit("HEAD") or ""
    if (
        BEGUN.is_file()
        and BEGUN.read_text(encoding="utf-8") == head
        and git.list_changed_paths("HEAD")
    ):
        left = "files as a killed `tarmac retrain` left them"
        git.run_git("stash", "push", "--quiet", "--include-untracked", "--message", left)
        print(f"repaired: {left} are in `git stash`", flush=True)
    require_clean_tree()
    BEGUN.parent.mkdir(parents=True, exist_ok=True)
    BEGUN.write_text(head, encoding="utf-8")
    try:
        yield
    finally:
        BEGUN.unlink()


@contextmanager
def _record_failure() -> Iterator[None]:
    """Notes why a round broke, for whoever is told."""
    try:
        yield
    except UserError as error:
        write_failed_result(format_error_inline(error))
        raise
    except Exception as error:
        write_failed_result(f"{type(error).__name__}: {error}")
        raise
