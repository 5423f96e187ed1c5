"""Compute the points of the plots that `dvc.yaml` declares.

They are small tables, one column a curve, thinned, always finite.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.metrics.metrics import (
    Labels,
    Predictions,
    compute_calibration_table,
    compute_main_metric,
    convert_to_float64,
)

POINTS = 101  # a curve's points: enough for the eye, little enough for Git
Scored = dict[str, Predictions]  # predictions by the name of who made them


def compute_roc_curve(y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `false_positive_rate` (evenly spaced) and, by name, the true positive rate."""
    grid = np.linspace(0, 1, POINTS)
    curves = {name: roc_curve(y, p) for name, p in scored.items()}
    points = {name: np.interp(grid, fpr, tpr) for name, (fpr, tpr, _) in curves.items()}
    return pd.DataFrame({"false_positive_rate": grid, **points}).round(5)


def compute_pr_curve(y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `recall` (evenly spaced, above zero) and, by name, the precision."""
    grid = np.linspace(0, 1, POINTS)[1:]
    curves = {name: precision_recall_curve(y, p) for name, p in scored.items()}
    points = {
        name: np.interp(grid, recall[::-1], precision[::-1])
        for name, (precision, recall, _) in curves.items()
    }
    return pd.DataFrame({"recall": grid, **points}).round(5)


def compute_calibration_curve(y: Labels, p: Predictions, bins: int) -> pd.DataFrame:
    """Return the calibration curve, one row a bin of `metrics.flatten_predictions` labels.

    Columns are `predicted`, `observed`, and `perfect`, which is equal to `predicted`.
    """
    predicted, observed, _ = compute_calibration_table(y, p, bins).T
    return pd.DataFrame({"predicted": predicted, "observed": observed, "perfect": predicted}).round(
        5
    )


def count_confusions(y: Labels, chosen: Labels, names: Sequence[str]) -> pd.DataFrame:
    """Return how often each class was chosen for the rows of each class.

    Columns are `actual`, `predicted` and `rows`.
    """
    places = range(len(names))
    counts = [
        (names[a], names[c], int(((y == a) & (chosen == c)).sum())) for a in places for c in places
    ]
    return pd.DataFrame(counts, columns=["actual", "predicted", "rows"])


def compute_error_quantiles(y: Labels, scored: Scored) -> pd.DataFrame:
    """Return the quantiles of the absolute error.

    Columns are `share` of the rows (evenly spaced) and, by name, the absolute error that so many do
    not exceed.
    """
    grid = np.linspace(0, 1, POINTS)
    points = {
        name: np.quantile(np.abs(convert_to_float64(p) - y), grid) for name, p in scored.items()
    }
    return pd.DataFrame({"share": grid, **points}).round(5)


def compute_metric_by_group(
    label: str, groups: "pd.Series[str]", y: Labels, scored: Scored, task: Task = TASK
) -> pd.DataFrame:
    """Return columns `label` and, by name, the main metric of each group.

    A group of one label is left out.
    """
    lines = [
        {
            label: group,
            **{name: compute_main_metric(y[rows], p[rows], task) for name, p in scored.items()},
        }
        for group, rows in groups.groupby(groups).indices.items()
        if len(np.unique(y[rows])) > 1
    ]
    return pd.DataFrame(lines, columns=[label, *scored]).round(5)
