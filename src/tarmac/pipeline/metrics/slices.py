"""Metrics of the slices of a test set, so that an average cannot hide who pays for it."""

import numpy as np
import pandas as pd

from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.metrics.metrics import (
    Labels,
    Predictions,
    compute_main_metric,
    flatten_predictions,
)

MEANS = {
    "binary": ("positive_share", "predicted_share"),
    "multiclass": (
        "observed",
        "predicted",
    ),  # the share that is right, and the mean probability of the class chosen
    "regression": ("observed", "predicted"),
}


def compute_slice_metrics(
    members: dict[str, "pd.Series[str]"],
    y: Labels,
    p: Predictions,
    min_rows: int,
    task: Task = TASK,
) -> pd.DataFrame:
    """Return one line a slice, in the order of its name.

    It has the number of rows, the means of what was observed and predicted, and the main metric.
    The metric is missing if the slice has fewer than `min_rows` rows, or one label only.
    """
    observed, predicted = flatten_predictions(y, p, task)
    lines = [
        (
            name,
            value,
            len(rows),
            _compute_mean(observed[rows]),
            _compute_mean(predicted[rows]),
            _score_slice(y[rows], p[rows], min_rows, task),
        )
        for name, groups in members.items()
        for value, rows in sorted(groups.groupby(groups).indices.items())
    ]
    return pd.DataFrame(
        lines, columns=["slice", "value", "rows", *MEANS[task.kind], task.main_metric]
    ).round(4)


def _compute_mean(values: np.ndarray) -> float:
    return float(values.mean(dtype="float64"))


def _score_slice(y: Labels, p: Predictions, min_rows: int, task: Task) -> float:
    return (
        compute_main_metric(y, p, task)
        if len(y) >= min_rows and len(np.unique(y)) > 1
        else float(np.nan)
    )
