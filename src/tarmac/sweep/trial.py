"""One trial: draws parameters, fits as the stage does, and is evaluated on validation."""

import time
from collections.abc import Callable

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.outputs import require_finite
from tarmac.pipeline.models.dataset import ModelInputs, Split
from tarmac.pipeline.training import estimators
from tarmac.pipeline.training.best_round import BestRound
from tarmac.policy import AllParams
from tarmac.policy.sweep import replace_values
from tarmac.sweep.slots import HISTORY, SURPLUS, compute_slot, select_effective_trials
from tarmac.sweep.space import draw_values

PARAMS, METRICS, SECONDS, WORKER, ERROR = "params", "metrics", "seconds", "worker", "error"


class SurplusError(Exception):
    """Two workers took the last slot at once; this one came second."""


def select_finished_trials(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that have come to their end, one way or another."""
    return [trial for trial in select_effective_trials(trials) if trial.state.is_finished()]


class Objective:
    """What Optuna calls for each trial; returns the validation metric that is searched for."""

    def __init__(
        self,
        study: Study,
        params: AllParams,
        split: Split,
        total: int,
        worker: str,
        alive: Callable[[], None],
    ):
        """Keep the data for all trials of a worker. `alive` raises if the worker must end."""
        self._study, self._params, self._split, self._total = study, params, split, total
        self._worker, self._alive, self.number = worker, alive, -1

    def __call__(self, trial: Trial) -> float:
        """Run a trial. Raises `TrialPruned` where halving ends it."""
        self.number, started = trial.number, time.monotonic()
        self._alive()
        self._require_free_slot(trial)
        trial.set_user_attr(WORKER, self._worker)
        values = draw_values(trial, self._params.sweep.space)
        trial.set_user_attr(PARAMS, values)
        best = BestRound()
        try:
            params = replace_values(self._params.train, values)
            estimators.fit_model(
                params,
                ModelInputs.from_groups(params.features),
                self._split,
                self._build_round_callback(trial, best),
            )
        except (UserError, ValueError) as error:
            hint = getattr(error, "hint", "")
            trial.set_user_attr(ERROR, f"{error}; {hint}" if hint else str(error))
            raise
        finally:
            trial.set_user_attr(SECONDS, round(time.monotonic() - started, 2))
            trial.set_user_attr(METRICS, best.metrics)
        return best.metrics[self._params.sweep.objective]

    def _require_free_slot(self, trial: Trial) -> None:
        trials = self._study.get_trials(deepcopy=False)
        (own,) = (other for other in trials if other.number == trial.number)
        if HISTORY not in own.system_attrs and compute_slot(trials, own) >= self._total:
            trial.set_user_attr(SURPLUS, True)
            raise SurplusError

    def _build_round_callback(self, trial: Trial, best: BestRound) -> estimators.OnRound:
        halving, objective = self._params.sweep.halving, self._params.sweep.objective
        rung = halving.min_rounds if halving else 0

        def on_round(number: int, metrics: dict[str, float]) -> None:
            nonlocal rung
            self._alive()
            require_finite(metrics)
            best(number, metrics)
            if halving and number >= rung:
                rung *= halving.factor
                trial.report(best.metrics[objective], number)
                if trial.should_prune():
                    raise optuna.TrialPruned

        return on_round
