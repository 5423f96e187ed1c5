"""Made-up feature rows with every column of the real ones, and quick parameters to fit on them."""

import numpy as np
import pandas as pd

from tarmac.model.dataset import Inputs, Split
from tarmac.model.estimators import fit
from tarmac.params import TrainParams, load
from tarmac.problem.names import CATEGORICAL, FEATURES, TARGET, feature_names
from tests.conftest import ROOT

GROUPS = tuple(FEATURES)
MODELS = ("xgboost", "hist_gradient_boosting", "logistic_regression")
GROUP_SETS = (GROUPS, ("schedule",), ("weather",), ("rotation", "history"), ("aircraft", "schedule", "traffic"))


def rows(count: int, seed: int) -> pd.DataFrame:
    """Rows whose label depends on an origin and on two numbers, with noise; a tenth of the numbers is missing."""
    draw = np.random.default_rng(seed)
    table = {name: draw.choice([f"{name}{n}" for n in range(4)], count) for name in CATEGORICAL}
    for name in feature_names(GROUPS):
        if name not in CATEGORICAL:
            numbers = draw.normal(50, 20, count).astype("float32")
            table[name] = np.where(draw.random(count) < 0.1, np.float32(np.nan), numbers)
    frame = pd.DataFrame(table)
    shift = (frame["origin"] == "origin0") + (frame[["temp", "spare"]].fillna(50) - 50).sum(axis=1) / 20
    return frame.assign(**{TARGET: (shift + draw.normal(0, 1, count) > 0.3).astype("int8")})


def params(model: str, **changed: object) -> TrainParams:
    """The committed parameters for a model, made to learn something from a few hundred rows in a moment."""
    train = load(ROOT / "params.yaml").train
    quick = {"model": model, "device": "cpu", "max_rounds": 30, "early_stopping_rounds": 10, "features": list(GROUPS)}
    xgboost = train.xgboost.model_copy(update={"learning_rate": 0.3, "min_child_weight": 1.0})
    hist = train.hist_gradient_boosting.model_copy(update={"learning_rate": 0.3, "min_samples_leaf": 10})
    return train.model_copy(update={**quick, "xgboost": xgboost, "hist_gradient_boosting": hist, **changed})


def fitted(chosen: TrainParams, train: pd.DataFrame, valid: pd.DataFrame, on_round=lambda *_: None):
    """The inputs that the parameters choose, and the pipeline fitted on them."""
    inputs = Inputs.of(chosen.features)
    labels, valid_labels = train[TARGET].to_numpy(), valid[TARGET].to_numpy()
    split = Split(train[inputs.names], labels, valid[inputs.names], valid_labels)
    return inputs, fit(chosen, inputs, split, on_round)
