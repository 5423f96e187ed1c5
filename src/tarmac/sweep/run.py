"""A sweep from one command: prepare, search, certify, and go on where it was left."""

from pathlib import Path

import optuna
from optuna.study import Study

from tarmac import policy
from tarmac.interface.errors import UserError
from tarmac.sweep import show
from tarmac.sweep.certify import certify
from tarmac.sweep.facts import bring_features, facts, refuse_uncommitted
from tarmac.sweep.page import write_page
from tarmac.sweep.pool import Pool
from tarmac.sweep.space import grid
from tarmac.sweep.study import load_study, open_storage, open_study
from tarmac.sweep.trial import METRICS, finished


def sweep(name: str, url: str, trials: int, jobs: int, top: int) -> None:
    """Runs trials until the study has this many, in this many processes, and certifies the best `top` of them.

    A grid has as many trials as points. Raises `UserError` for what a person can mend.
    """
    known = policy.load()
    if known.engine != "duckdb":
        raise UserError(
            f"`engine: {known.engine}` in params.yaml does not support sweeps",
            "set `engine: duckdb` in params.yaml (docs/scale.md)",
        )
    refuse_uncommitted()
    bring_features()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(open_storage(url), name, known.sweep, facts(known))
    total = len(grid(known.sweep.space)) if known.sweep.sampler == "grid" else trials
    try:
        Pool(study, url, total, jobs).run(show.Line(study, known.sweep.objective, total))
    except KeyboardInterrupt:
        ended = len(finished(study.get_trials(deepcopy=False)))
        print(f"\nstopped: {ended} of {total} trials are kept; the same command goes on")
        raise
    print(f"\n{show.table(study, known.sweep.objective)}\n")
    _certify_best(study, top)


def _certify_best(study: Study, top: int) -> None:
    """The best one last, so that its result is what the workspace has."""
    best = show.ranked(study)[:top]
    if top and not best:
        raise UserError(
            f"no trial of the study {study.study_name!r} was completed",
            f"list the errors with `tarmac sweep show --study {study.study_name}`",
        )
    names = [certify(study.study_name, trial) for trial in reversed(best)]
    for trial, name in zip(best, reversed(names), strict=True):
        print(f"certified: {name}, validation {trial.user_attrs[METRICS]}, the same in the pipeline to the last digit")
    if names:
        print(f"{names[-1]} is in the workspace: `make review` judges it; `dvc exp show` lists all experiments")


def look(name: str, url: str, page: Path | None) -> None:
    """Prints the table of a study, and writes its page where one is asked for."""
    study, objective = load_study(open_storage(url), name), policy.load().sweep.objective
    print(show.table(study, objective))
    if page:
        write_page(study, objective, page)
        print(f"written: {page}")
