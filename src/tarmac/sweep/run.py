"""A sweep from one command: prepare, search, certify, and go on where it was left."""

import optuna
from optuna.study import Study

from tarmac import policy
from tarmac.interface.errors import UserError
from tarmac.sweep import show
from tarmac.sweep.certify import certify_trial
from tarmac.sweep.facts import build_features, collect_facts, require_committed_files
from tarmac.sweep.pool import WorkerPool
from tarmac.sweep.space import build_grid
from tarmac.sweep.study import load_study, open_storage, open_study
from tarmac.sweep.trial import METRICS, select_finished_trials


def run_sweep(name: str, url: str, trials: int, jobs: int, top: int) -> None:
    """Run trials in `jobs` processes until the study has `trials`, and certify the best `top`.

    A grid has as many trials as points. Raise `UserError` for what a person can repair.
    """
    known = policy.load_all_params()
    if known.engine != "duckdb":
        raise UserError(
            f"`engine: {known.engine}` in params.yaml does not support sweeps",
            "set `engine: duckdb` in params.yaml (docs/scale.md)",
        )
    require_committed_files()
    build_features()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = open_study(open_storage(url), name, known.sweep, collect_facts(known))
    total = len(build_grid(known.sweep.space)) if known.sweep.sampler == "grid" else trials
    try:
        WorkerPool(study, url, total, jobs).run_trials(
            show.ProgressLine(study, known.sweep.objective, total)
        )
    except KeyboardInterrupt:
        ended = len(select_finished_trials(study.get_trials(deepcopy=False)))
        print(f"\nstopped: {ended} of {total} trials are kept; the same command goes on")
        raise
    print(f"\n{show.format_table(study, known.sweep.objective)}\n")
    _certify_best(study, top)


def _certify_best(study: Study, top: int) -> None:
    """The best one last, so that its result is what the workspace has."""
    best = show.rank_trials(study)[:top]
    if top and not best:
        raise UserError(
            f"no trial of the study {study.study_name!r} was completed",
            f"list the errors with `tarmac sweep show --study {study.study_name}`",
        )
    names = [certify_trial(study.study_name, trial) for trial in reversed(best)]
    for trial, name in zip(best, reversed(names), strict=True):
        print(
            f"certified: {name}, validation {trial.user_attrs[METRICS]}, "
            "the same in the pipeline to the last digit"
        )
    if names:
        print(
            f"{names[-1]} is in the workspace: `make review` evaluates it; "
            "`dvc exp show` lists all experiments"
        )


def show_study(name: str, url: str) -> None:
    """Print the table of a study."""
    study, objective = load_study(open_storage(url), name), policy.load_all_params().sweep.objective
    print(show.format_table(study, objective))
