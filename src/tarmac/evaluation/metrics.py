"""Metrics of binary labels and predicted probabilities; pure functions of two arrays."""

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

Labels = np.ndarray  # 0 or 1, shape (rows,)
Probabilities = np.ndarray  # of class 1, shape (rows,)


def ranking(y: Labels, p: Probabilities) -> dict[str, float]:
    """ROC-AUC, average precision, log loss, Brier score: all but the calibration error, which needs bins."""
    p = p.astype("float64")  # a model answers in float32; squares of that lose the eighth digit
    return {
        "roc_auc": float(roc_auc_score(y, p)),
        "average_precision": float(average_precision_score(y, p)),
        "log_loss": float(log_loss(y, p)),
        "brier": float(brier_score_loss(y, p)),
    }


def calibration_table(y: Labels, p: Probabilities, bins: int) -> np.ndarray:
    """Rows `(mean predicted, share positive, rows)` over bins of equal size, shape (bins, 3)."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return np.array([(p[part].mean(dtype="float64"), y[part].mean(), len(part)) for part in parts])


def calibration_error(y: Labels, p: Probabilities, bins: int) -> float:
    """Expected calibration error: mean distance of predicted from observed share over bins of equal size."""
    predicted, observed, rows = calibration_table(y, p, bins).T
    return float(np.average(np.abs(predicted - observed), weights=rows))


def best_threshold(y: Labels, p: Probabilities, beta: float) -> float:
    """The smallest threshold that maximises F-beta of `p >= threshold`, from counts, so that ties are exact."""
    thresholds, positives = np.unique(p), p[y == 1]
    flagged = len(p) - np.searchsorted(np.sort(p), thresholds)
    right = len(positives) - np.searchsorted(np.sort(positives), thresholds)
    f_beta = (1 + beta**2) * right / (beta**2 * len(positives) + flagged)
    return float(thresholds[np.argmax(f_beta)])


def at_threshold(y: Labels, p: Probabilities, threshold: float) -> dict[str, float]:
    """Precision, recall and F1 of the rows flagged at a threshold, and the share of rows that it flags."""
    flagged = p >= threshold
    precision, recall, f1, _ = precision_recall_fscore_support(y, flagged, average="binary", zero_division=0)
    return {"precision": float(precision), "recall": float(recall), "f1": float(f1), "flagged": float(flagged.mean())}
