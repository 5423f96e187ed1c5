"""Metrics of the slices of a test set, so that an average cannot hide who pays for it."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tarmac.evaluation.metrics import Labels, Predictions

COLUMNS = ["slice", "value", "rows", "positive_share", "predicted_share", "roc_auc"]


def slice_metrics(members: dict[str, "pd.Series[str]"], y: Labels, p: Predictions, min_rows: int) -> pd.DataFrame:
    """One line a slice, in the order of its name: rows, share positive, mean predicted, and ROC-AUC.

    The AUC is missing where the slice has fewer than `min_rows` rows or only one class.
    """
    lines = [
        (name, value, len(rows), y[rows].mean(), p[rows].mean(dtype="float64"), _auc(y[rows], p[rows], min_rows))
        for name, groups in members.items()
        for value, rows in sorted(groups.groupby(groups).indices.items())
    ]
    return pd.DataFrame(lines, columns=COLUMNS).round(4)


def _auc(y: Labels, p: Predictions, min_rows: int) -> float:
    return float(roc_auc_score(y, p)) if len(y) >= min_rows and 0 < y.mean() < 1 else float(np.nan)
