"""Studies in memory, of trials that come to their end as a test says."""

from collections.abc import Mapping

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from tarmac.pipeline.base.params import TASK
from tarmac.policy import SweepParams
from tarmac.sweep.space import Sampler, draw_values

SPACE = {
    "train.xgboost.learning_rate": {"low": 0.01, "high": 0.3, "log": True},
    "train.xgboost.max_depth": {"low": 2, "high": 12},
    "train.xgboost.subsample": {"low": 0.5, "high": 1.0, "step": 0.1},
    "train.model": {"choices": ["xgboost", "hist_gradient_boosting"]},
}
GRID = {"train.xgboost.max_depth": {"low": 2, "high": 4}, "train.seed": {"choices": [7, 8]}}


def sweep_params(space: Mapping[str, object] = SPACE, **changes: object) -> SweepParams:
    """A sweep section with some keys changed."""
    tree = {
        "objective": TASK.loss_metric,
        "sampler": "tpe",
        "seed": 7,
        "halving": None,
        "space": dict(space),
        **changes,
    }
    return SweepParams.model_validate(tree)


def study(params: SweepParams) -> Study:
    """A new study."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    return optuna.create_study(direction=params.direction, sampler=Sampler(params))


def loss(values: Mapping[str, object]) -> float:
    """A smooth function of what is drawn."""
    return sum(
        (float(value) - 0.3) ** 2 for value in values.values() if isinstance(value, int | float)
    )


def step(
    study: Study, params: SweepParams, state: TrialState = TrialState.COMPLETE
) -> dict[str, object]:
    """One trial; returns what it drew."""
    trial = study.ask()
    values = draw_values(trial, params.space)
    study.tell(trial, loss(values) if state == TrialState.COMPLETE else None, state=state)
    return values


def last(study: Study) -> FrozenTrial:
    """The newest trial."""
    return study.get_trials()[-1]
