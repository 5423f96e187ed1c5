"""Three classifiers behind one interface: fit on train, watch validation round by round, stop early."""

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from tarmac.model.dataset import Inputs, Split
from tarmac.params import LogisticRegressionParams, TrainParams

Labels = np.ndarray  # int8, 0 or 1, shape (rows,)
OnRound = Callable[[int, dict[str, float]], None]
HIST_STEP = 10  # rounds that HistGradientBoosting grows between two looks at validation


def fit(params: TrainParams, inputs: Inputs, split: Split, on_round: OnRound) -> Pipeline:
    """Fits the chosen model and returns encoder and classifier as one pipeline.

    `on_round` gets the round, from 1, and the validation metrics `auc` and `log_loss` while the fit goes on. Raises
    `ValueError` where `device` is `cuda` and the booster did not train there.
    """
    if params.model == "logistic_regression" and params.logistic_regression:
        pipeline = fit_logistic_regression(params.logistic_regression, params.seed, inputs, split)
        on_round(1, scores(split.y_valid, pipeline.predict_proba(split.X_valid)[:, 1]))
        return pipeline
    encoder = ordinal_encoder(inputs)
    encoded = replace(split, X=encoder.fit_transform(split.X), X_valid=encoder.transform(split.X_valid))
    grow = fit_xgboost if params.model == "xgboost" else fit_hist_gradient_boosting
    return Pipeline([("encoder", encoder), ("classifier", grow(params, encoded, on_round))])


def scores(y: Labels, probability: np.ndarray) -> dict[str, float]:
    """ROC-AUC and log loss of predicted probabilities."""
    return {"auc": float(roc_auc_score(y, probability)), "log_loss": float(log_loss(y, probability))}


def ordinal_encoder(inputs: Inputs) -> ColumnTransformer:
    """Categories as ordinal codes (unknown is -1), numbers as they are: float32, categories first."""
    unknown = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    return _columns(inputs, unknown, "passthrough")


def fit_logistic_regression(params: LogisticRegressionParams, seed: int, inputs: Inputs, split: Split) -> Pipeline:
    """Logistic regression on one-hot categories and standardised numbers; a missing number is the median.

    Newton's method on doubles, to the end: a solver that stops early keeps the rounding of this machine's BLAS kernel
    and threads, and the file would differ on the next.
    """
    from sklearn.linear_model import LogisticRegression

    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    encoder = _columns(inputs, OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32), numbers)
    options = {"solver": "newton-cholesky", "tol": 1e-8, "random_state": seed}
    classifier = LogisticRegression(C=params.C, max_iter=params.max_iter, **options)
    with threadpool_limits(1):
        classifier.fit(encoder.fit_transform(split.X).astype("float64"), split.y)
    return Pipeline([("encoder", encoder), ("classifier", classifier)])


def _columns(inputs: Inputs, categories: Any, numbers: Any) -> ColumnTransformer:
    return ColumnTransformer(
        [("categories", categories, list(inputs.categories)), ("numbers", numbers, list(inputs.numbers))]
    )


def fit_xgboost(params: TrainParams, split: Split, on_round: OnRound) -> Any:
    """XGBoost with early stopping on validation log loss; keeps the best round."""
    import xgboost

    class Report(xgboost.callback.TrainingCallback):
        def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
            history = evals_log["validation_0"]
            on_round(epoch + 1, {"auc": history["auc"][-1], "log_loss": history["logloss"][-1]})
            return False

    classifier = xgboost.XGBClassifier(
        **params.xgboost.model_dump(),
        n_estimators=params.max_rounds,
        device=params.device,
        random_state=params.seed,
        tree_method="hist",
        eval_metric=["auc", "logloss"],
        early_stopping_rounds=params.early_stopping_rounds,
        callbacks=[Report()],
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Dd]evice", category=UserWarning)  # check_device says it
        classifier.fit(split.X, split.y, eval_set=[(split.X_valid, split.y_valid)], verbose=False)
    check_device(params.device, classifier.get_booster().save_config())
    return classifier


def check_device(asked: str, config: str) -> None:
    """Raises `ValueError` where a booster's configuration shows another device: without a GPU XGBoost only warns."""
    used = json.loads(config)["learner"]["generic_param"]["device"]
    if used.split(":")[0] != asked:
        raise ValueError(
            f"train.device is {asked} but XGBoost trained on {used}: no usable GPU, or the build without CUDA."
            " Set train.device to cpu, or install the CUDA build on a machine with a GPU"
        )


def fit_hist_gradient_boosting(params: TrainParams, split: Split, on_round: OnRound) -> Any:
    """HistGradientBoosting grown by warm start, a few rounds at a time, so that validation decides when to stop.

    Raises `ValueError` where a number has no value in training: it cannot be binned.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    if empty := int(np.isnan(split.X).all(axis=0).sum()):
        raise ValueError(f"{empty} number(s) have no value in training: take their group out of train.features")
    options = params.hist_gradient_boosting.model_dump()
    classifier = HistGradientBoostingClassifier(
        **options, warm_start=True, early_stopping=False, random_state=params.seed
    )
    best, best_round = float("inf"), 0
    for rounds in range(HIST_STEP, params.max_rounds + HIST_STEP, HIST_STEP):
        classifier.set_params(max_iter=min(rounds, params.max_rounds)).fit(split.X, split.y)
        seen = scores(split.y_valid, classifier.predict_proba(split.X_valid)[:, 1])
        on_round(classifier.n_iter_, seen)
        if seen["log_loss"] < best:
            best, best_round = seen["log_loss"], classifier.n_iter_
        elif classifier.n_iter_ - best_round >= params.early_stopping_rounds:
            break
    return classifier.set_params(warm_start=False, max_iter=best_round).fit(split.X, split.y)
