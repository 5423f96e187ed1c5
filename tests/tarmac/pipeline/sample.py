"""Made-up feature rows with every column of the real ones, and quick parameters to fit on them."""

import numpy as np
import pandas as pd
import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, TASKS, RidgeParams, Task, TrainParams
from tarmac.pipeline.models.dataset import ModelInputs, Split
from tarmac.pipeline.training.estimators import fit_model
from tarmac.policy import load_all_params
from tests.conftest import ROOT

GROUPS = tuple(problem.contract.FEATURES)
BINARY, MULTICLASS, REGRESSION = TASKS["binary"], TASKS["multiclass"], TASKS["regression"]
BOOSTERS = ("xgboost", "hist_gradient_boosting")
MODELS = (*BOOSTERS, "logistic_regression")
CASES = [
    pytest.param(task, model, id=f"{task.kind}-{model}")
    for task in TASKS.values()
    for model in (*BOOSTERS, task.baseline)
]
BOOSTED = [case for case in CASES if case.values[1] in BOOSTERS]
GROUP_SETS = (
    GROUPS,
    ("schedule",),
    ("weather",),
    ("rotation", "history"),
    ("aircraft", "schedule", "traffic"),
)
CLASSES, RARE = 4, 3  # of a multiclass target; the last has one row in fifty


def rows(count: int, seed: int, task: Task = BINARY) -> pd.DataFrame:
    """Return rows whose label depends on an origin and on two numbers, with noise.

    A tenth of the numbers is missing.
    """
    draw = np.random.default_rng(seed)
    table = {
        name: draw.choice([f"{name}{n}" for n in range(4)], count)
        for name in problem.contract.CATEGORICAL
    }
    for name in problem.contract.feature_names(GROUPS):
        if name not in problem.contract.CATEGORICAL:
            numbers = draw.normal(50, 20, count).astype("float32")
            table[name] = np.where(draw.random(count) < 0.1, np.float32(np.nan), numbers)
    frame = pd.DataFrame(table)
    shift = (frame["origin"] == "origin0") + (frame[["temp", "spare"]].fillna(50) - 50).sum(
        axis=1
    ) / 20
    return frame.assign(
        **{problem.contract.TARGET: _labels(shift + draw.normal(0, 1, count), task)}
    )


def _labels(value: pd.Series, task: Task) -> pd.Series:
    if task.kind == "regression":
        return value.astype("float32")
    if task.kind == "binary":
        return (value > 0.3).astype("int8")
    return pd.Series(np.digitize(value, value.quantile([0.7, 0.9, 0.98])), value.index).astype(
        "int8"
    )


def params(model: str, **changed: object) -> TrainParams:
    """Return the committed parameters for a model, changed so that it trains in a moment.

    It learns something from a few hundred rows.
    """
    train = load_all_params(ROOT / "params.yaml").train
    quick = {
        "model": model,
        "device": "cpu",
        "max_rounds": 30,
        "early_stopping_rounds": 10,
        "features": list(GROUPS),
    }
    xgboost = train.xgboost.model_copy(
        update={"learning_rate": 0.3, "min_child_weight": 1.0, "max_depth": 4}
    )
    hist = train.hist_gradient_boosting.model_copy(
        update={"learning_rate": 0.3, "min_samples_leaf": 10, "max_leaf_nodes": 8}
    )
    sections = {"xgboost": xgboost, "hist_gradient_boosting": hist, "ridge": RidgeParams(alpha=1.0)}
    return train.model_copy(update={**quick, **sections, **changed})


def fitted(
    chosen: TrainParams,
    train: pd.DataFrame,
    valid: pd.DataFrame,
    on_round=lambda *_: None,
    task: Task = TASK,
    inputs: ModelInputs | None = None,
):
    """The inputs that the parameters choose, if none are given, and the pipeline fitted on them."""
    inputs = inputs or ModelInputs.from_groups(chosen.features)
    labels, valid_labels = (
        train[problem.contract.TARGET].to_numpy(),
        valid[problem.contract.TARGET].to_numpy(),
    )
    split = Split(train[inputs.names], labels, valid[inputs.names], valid_labels)
    return inputs, fit_model(chosen, inputs, split, on_round, task)
