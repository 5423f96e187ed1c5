"""Run a worker: a process that loads the features once, and takes trials until there are none."""

import os
import signal
import sys
import threading
from collections.abc import Callable

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import TrialState

from tarmac.pipeline.base.runner import run_stage
from tarmac.pipeline.training.fitting import read_split
from tarmac.policy import load_all_params
from tarmac.sweep.facts import collect_facts
from tarmac.sweep.slots import has_open_slots, requeue_trial
from tarmac.sweep.study import open_storage, open_study
from tarmac.sweep.trial import Objective

# A URL may contain a password, so it is not an argument: every user of the machine can read those.
STORAGE = "TARMAC_SWEEP_STORAGE"


def main() -> None:
    """Run a worker until there are no trials left.

    The arguments are the name of the study, trials in all, the worker's own name, and the process
    that started it.
    """
    # A flag, not an exception: one that is raised while XGBoost calls back for data would be lost
    # in its C code.
    stop_requested = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop_requested.set())
    name, total, own, parent = sys.argv[1:]

    def check_alive() -> None:
        # Who would tell it may be gone before it asks who that is.
        if stop_requested.is_set() or os.getppid() != int(parent):
            raise KeyboardInterrupt

    try:
        _join_study(name, int(total), own, check_alive)
    except KeyboardInterrupt:
        sys.exit(130)


def _join_study(name: str, total: int, own: str, alive: Callable[[], None]) -> None:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    params = load_all_params()
    study = open_study(
        open_storage(os.environ.get(STORAGE, "")), name, params.sweep, collect_facts(params)
    )
    split = read_split(params.split, params.train.features)
    process_trials(study, Objective(study, params, split, total, own, alive), total)


def process_trials(study: Study, objective: Objective, total: int) -> None:
    """Take trials until every slot is taken.

    Put the running trial back if the worker is ended.
    """
    while has_open_slots(study.get_trials(deepcopy=False), total):
        try:
            study.optimize(objective, n_trials=1, catch=(Exception,))
        except (
            UpdateFinishedTrialError
        ):  # this worker was silent for so long that another has taken its trial
            continue
        except KeyboardInterrupt:
            for trial in study.get_trials():
                if trial.number == objective.number and trial.state == TrialState.FAIL:
                    requeue_trial(study, trial)
            raise


if __name__ == "__main__":
    run_stage(main)
