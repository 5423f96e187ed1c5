"""Three models behind one interface: fit on train, watch validation round by round, stop early."""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
    zero_one_loss,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.params import TASK, Task, TrainParams
from tarmac.pipeline.models.dataset import ModelInputs, Split

OnRound = Callable[[int, dict[str, float]], None]
# Fits XGBoost by an encoder, on rows that are not here.
Away = Callable[[TrainParams, Any, OnRound], Any]
ESTIMATOR = (
    "classifier"  # the pipeline's last step, whatever the task: nodes of the file are called by it
)
# XGBoost drops a split that gains under 1e-6, and its squares of more are no float32.
SPREADS = (1e-3, 1e12)
HIST_STEP = 10  # rounds that HistGradientBoosting grows between two looks at validation


def fit_model(
    params: TrainParams,
    inputs: ModelInputs,
    split: Split,
    on_round: OnRound,
    task: Task = TASK,
    away: Away | None = None,
) -> Pipeline:
    """Fit the chosen model and return encoder and estimator as one pipeline.

    `on_round` gets the round, from 1, and the validation metrics of `task.rounds` while the fit
    goes on. `away` fits XGBoost in this process's stead.

    Raise `UserError` if `device` is `cuda` and the booster did not train there.
    """
    if params.model == task.baseline:
        pipeline = fit_linear_model(params, inputs, split)
        on_round(
            1,
            compute_round_metrics(
                split.y_valid, compute_predictions(pipeline, split.X_valid, task), task
            ),
        )
        return pipeline
    encoder = build_ordinal_encoder(inputs)
    if away and params.model == "xgboost":
        encoder.fit(split.X)
        return Pipeline([("encoder", encoder), (ESTIMATOR, away(params, encoder, on_round))])
    encoded = replace(
        split, X=encoder.fit_transform(split.X), X_valid=encoder.transform(split.X_valid)
    )
    grow = fit_xgboost if params.model == "xgboost" else fit_hist_gradient_boosting
    return Pipeline([("encoder", encoder), (ESTIMATOR, grow(params, encoded, on_round, task))])


def compute_predictions(fitted: Any, X: Any, task: Task = TASK) -> np.ndarray:
    """What a pipeline or an estimator predicts, in the shape of the task."""
    if task.kind == "regression":
        return np.asarray(fitted.predict(X))
    probability = np.asarray(fitted.predict_proba(X))
    return probability[:, 1] if task.kind == "binary" else probability


def compute_round_metrics(y: np.ndarray, p: np.ndarray, task: Task = TASK) -> dict[str, float]:
    """The metrics of `task.rounds` of what was predicted."""
    if task.kind == "binary":
        return {"auc": float(roc_auc_score(y, p)), "log_loss": float(log_loss(y, p))}
    if task.kind == "multiclass":  # where a class may have no row
        loss = log_loss(y, p, labels=np.arange(p.shape[1]))
        return {"error": float(zero_one_loss(y, p.argmax(axis=1))), "log_loss": float(loss)}
    return {"mae": float(mean_absolute_error(y, p)), "rmse": float(root_mean_squared_error(y, p))}


def build_ordinal_encoder(inputs: ModelInputs) -> ColumnTransformer:
    """Return an encoder of categories as ordinal codes (unknown is -1), with numbers as they are.

    Both are float32, categories first.
    """
    unknown = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    return _build_column_transformer(inputs, unknown, "passthrough")


def fit_linear_model(params: TrainParams, inputs: ModelInputs, split: Split) -> Pipeline:
    """Fit a linear model on one-hot categories and standardized numbers.

    A missing number is the median.
    """
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    encoder = _build_column_transformer(
        inputs,
        OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32),
        numbers,
    )
    estimator = _build_linear_model(params)
    with threadpool_limits(1):
        estimator.fit(encoder.fit_transform(split.X).astype("float64"), split.y)
    return Pipeline([("encoder", encoder), (ESTIMATOR, estimator)])


def _build_linear_model(params: TrainParams) -> Any:
    """Return a linear model, not yet fitted, that is solved on doubles, to the end.

    A solver that stops early keeps the rounding of this machine's BLAS kernel and of its threads.
    The file would then differ on the next machine.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    if params.model == "ridge" and params.ridge:
        return Ridge(alpha=params.ridge.alpha, solver="cholesky")
    if params.model == "logistic_regression" and params.logistic_regression:
        options = {"solver": "newton-cholesky", "tol": 1e-8, "random_state": params.seed}
        return LogisticRegression(**params.logistic_regression.model_dump(), **options)
    advice = "add the section; `tarmac params` prints its keys"
    raise UserError(f"params.yaml has no section train.{params.model}", advice)


def _build_column_transformer(
    inputs: ModelInputs, categories: Any, numbers: Any
) -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("categories", categories, list(inputs.categories)),
            ("numbers", numbers, list(inputs.numbers)),
        ]
    )


def fit_xgboost(params: TrainParams, split: Split, on_round: OnRound, task: Task = TASK) -> Any:
    """XGBoost with early stopping on the task's loss on validation; keeps the best round."""
    if task.kind == "regression":
        check_spread(split.y)
    estimator = build_xgboost_model(params, on_round, task)
    with catch_xgboost_errors():
        estimator.fit(split.X, split.y, eval_set=[(split.X_valid, split.y_valid)], verbose=False)
    check_device(params.device, estimator.get_booster().save_config())
    return estimator


@contextmanager
def catch_xgboost_errors() -> Iterator[None]:
    """Hide XGBoost's warning of a missing device, which `check_device` reports.

    Raise `UserError` if XGBoost fails: an input is infinite, or a GPU's memory is full.
    """
    from xgboost.core import XGBoostError

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*[Dd]evice", category=UserWarning)
            yield
    except XGBoostError as error:
        raise UserError(
            f"XGBoost cannot train: {str(error).splitlines()[0]}",
            "replace infinite inputs with missing values in the features;"
            " if the memory of the GPU is full, set `train.device` to `cpu`",
        ) from error


def build_xgboost_model(params: TrainParams, on_round: OnRound, task: Task = TASK) -> Any:
    """XGBoost, not yet fitted, that reports every round."""
    import xgboost

    class Report(xgboost.callback.TrainingCallback):
        def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
            history = evals_log["validation_0"]
            on_round(epoch + 1, {name: history[theirs][-1] for name, theirs in task.rounds.items()})
            return False

    kind = xgboost.XGBRegressor if task.kind == "regression" else xgboost.XGBClassifier
    return kind(**build_xgboost_options(params, task), callbacks=[Report()])


def build_xgboost_options(params: TrainParams, task: Task = TASK) -> dict[str, Any]:
    """What every way of training XGBoost is told, here and on a cluster."""
    return {
        **params.xgboost.model_dump(),
        "n_estimators": params.max_rounds,
        "device": params.device,
        "random_state": params.seed,
        "tree_method": "hist",
        "eval_metric": list(task.rounds.values()),
        "early_stopping_rounds": params.early_stopping_rounds,
    }


def check_spread(y: np.ndarray) -> None:
    """Check that XGBoost can find a split between the numbers.

    Raise `UserError` if they are too close or too far apart.
    """
    least, most = SPREADS
    if not least <= (spread := float(np.std(y, dtype="float64"))) <= most:
        raise UserError(
            f"the target's standard deviation is {spread:.2g}, XGBoost needs {least:g} to {most:g}",
            "write the target in another unit, or set `train.model` to `hist_gradient_boosting`",
        )


def check_device(asked: str, config: str) -> None:
    """Check the device that a booster's configuration shows: without a GPU XGBoost only warns.

    Raise `UserError` if it is another one.
    """
    used = json.loads(config)["learner"]["generic_param"]["device"]
    if used.split(":")[0] != asked:
        raise UserError(
            f"train.device is {asked} but XGBoost trained on {used}: no GPU, or no CUDA build",
            "set `train.device` to `cpu`, or install the CUDA build on a machine with a GPU",
        )


def fit_hist_gradient_boosting(
    params: TrainParams, split: Split, on_round: OnRound, task: Task = TASK
) -> Any:
    """Fit HistGradientBoosting by warm start, a few rounds at a time.

    Validation decides when to stop.

    Raise `UserError` if a number has no value in training: it cannot be binned.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if empty := int(np.isnan(split.X).all(axis=0).sum()):
        raise UserError(
            f"{empty} numeric input(s) have no value in the training rows",
            "remove their group from `train.features`",
        )
    options = params.hist_gradient_boosting.model_dump()
    kind = (
        HistGradientBoostingRegressor
        if task.kind == "regression"
        else HistGradientBoostingClassifier
    )
    estimator = kind(**options, warm_start=True, early_stopping=False, random_state=params.seed)
    best, best_round = float("inf"), 0
    for rounds in range(HIST_STEP, params.max_rounds + HIST_STEP, HIST_STEP):
        estimator.set_params(max_iter=min(rounds, params.max_rounds)).fit(split.X, split.y)
        seen = compute_round_metrics(
            split.y_valid, compute_predictions(estimator, split.X_valid, task), task
        )
        on_round(estimator.n_iter_, seen)
        if seen[task.loss_metric] < best:
            best, best_round = seen[task.loss_metric], estimator.n_iter_
        elif estimator.n_iter_ - best_round >= params.early_stopping_rounds:
            break
    estimator.set_params(warm_start=False, max_iter=best_round).fit(split.X, split.y)
    _round_thresholds_down(chain.from_iterable(estimator._predictors))
    return estimator


def _round_thresholds_down(trees: Iterable[Any]) -> None:
    """Round borders down to float32, as ONNX has them.

    If a border were rounded up, a number on it would go the other way in the file. The numbers that
    come are float32 themselves: to them both borders are the same.
    """
    for tree in trees:
        border = tree.nodes["num_threshold"]
        nearest = border.astype("float32")
        tree.nodes["num_threshold"] = np.where(
            nearest > border, np.nextafter(nearest, np.float32("-inf")), nearest
        )
