"""Compute metrics of labels and predictions, by pure functions of two arrays.

Their shapes are those of `base.params.Task`.
"""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, Task

Labels = np.ndarray  # shape (rows,)
Predictions = np.ndarray  # shape (rows,), or (rows, classes) where there are more than two
Score = Callable[[Labels, Predictions], float]


@cache
def build_score_functions(kind: str) -> Mapping[str, Score]:
    """Return the metrics of a kind of target by name. scikit-learn takes a second to import."""
    from sklearn import metrics

    def compute_ovr_roc_auc(y: Labels, p: Predictions) -> float:
        """Return the mean ROC-AUC of each class against the others.

        The mean is over the classes that some and not all rows are of.
        """
        classes = np.unique(y)
        areas = [metrics.roc_auc_score(y == place, p[:, place]) for place in classes]
        return float(np.mean(areas)) if len(classes) > 1 else np.nan

    by_kind: Mapping[str, Mapping[str, Score]] = {
        "binary": {
            "roc_auc": metrics.roc_auc_score,
            "average_precision": metrics.average_precision_score,
            "log_loss": metrics.log_loss,
            "brier": metrics.brier_score_loss,
        },
        "multiclass": {
            "roc_auc": compute_ovr_roc_auc,
            "accuracy": lambda y, p: metrics.accuracy_score(y, p.argmax(axis=1)),
            "log_loss": lambda y, p: metrics.log_loss(y, p, labels=range(p.shape[1])),
            "brier": lambda y, p: metrics.brier_score_loss(y, p, labels=range(p.shape[1])),
        },
        "regression": {
            "r2": metrics.r2_score,
            "rmse": metrics.root_mean_squared_error,
            "mae": metrics.mean_absolute_error,
        },
    }
    return by_kind[kind]


def convert_to_float64(p: Predictions) -> Predictions:
    """Return predictions in double precision.

    A model predicts in float32; squares of that lose the eighth digit. The probabilities of a row's
    classes sum to one to the seventh digit before, and to the last one after.
    """
    p = p.astype("float64")
    return p if p.ndim == 1 else p / p.sum(axis=1, keepdims=True)


def compute_metrics(y: Labels, p: Predictions, task: Task = TASK) -> dict[str, float]:
    """Every metric of the task but the calibration error, which needs bins."""
    p = convert_to_float64(p)
    return {name: float(score(y, p)) for name, score in build_score_functions(task.kind).items()}


def compute_main_metric(y: Labels, p: Predictions, task: Task = TASK) -> float:
    """The task's main metric: higher is better, 1 is perfect. There must be two distinct labels."""
    return float(build_score_functions(task.kind)[task.main_metric](y, convert_to_float64(p)))


def flatten_predictions(y: Labels, p: Predictions, task: Task = TASK) -> tuple[Labels, Predictions]:
    """Return the labels and predictions that calibration is of, both of shape (rows,).

    Of many classes, they are whether the chosen one is right, and how sure the model is of it.
    """
    return (
        ((p.argmax(axis=1) == y).astype("int8"), p.max(axis=1))
        if task.kind == "multiclass"
        else (y, p)
    )


def join_prediction_columns(rows: pd.DataFrame, prefix: str = "") -> Predictions:
    """Predictions from their columns, whose names begin with `prefix`."""
    predictions: Predictions = rows[[prefix + name for name in problem.contract.ANSWERS]].to_numpy()
    return predictions[:, 0] if len(problem.contract.ANSWERS) == 1 else predictions


def split_prediction_columns(p: Predictions, prefix: str = "") -> dict[str, np.ndarray]:
    """Predictions as columns, by name: what `join_prediction_columns` reads."""
    return {
        prefix + name: column
        for name, column in zip(problem.contract.ANSWERS, np.atleast_2d(p.T), strict=True)
    }


def compute_calibration_table(y: Labels, p: Predictions, bins: int) -> np.ndarray:
    """Return rows `(mean predicted, mean observed, rows)` over bins of equal size, shape (bins, 3).

    Labels and predictions are those of `flatten_predictions`.
    """
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return np.array(
        [
            (p[part].mean(dtype="float64"), y[part].mean(dtype="float64"), len(part))
            for part in parts
        ]
    )


def compute_calibration_error(y: Labels, p: Predictions, bins: int) -> float:
    """Return the expected calibration error.

    It is the mean distance of predicted from observed over bins of equal size. Labels and
    predictions are those of `flatten_predictions`.
    """
    predicted, observed, rows = compute_calibration_table(y, p, bins).T
    return float(np.average(np.abs(predicted - observed), weights=rows))


def find_best_threshold(y: Labels, p: Predictions, beta: float) -> float:
    """Return the smallest threshold that maximizes F-beta of `p >= threshold`.

    It is computed from counts, so that ties are exact.
    """
    thresholds, positives = np.unique(p), p[y == 1]
    flagged = len(p) - np.searchsorted(np.sort(p), thresholds)
    right = len(positives) - np.searchsorted(np.sort(positives), thresholds)
    f_beta = (1 + beta**2) * right / (beta**2 * len(positives) + flagged)
    return float(thresholds[np.argmax(f_beta)])


def compute_threshold_metrics(y: Labels, p: Predictions, threshold: float) -> dict[str, float]:
    """Return precision, recall and F1 of the rows flagged at a threshold.

    `flagged` is the share of rows that the threshold flags.
    """
    from sklearn.metrics import precision_recall_fscore_support

    flagged = p >= threshold
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, flagged, average="binary", zero_division=0
    )
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "flagged": float(flagged.mean()),
    }
