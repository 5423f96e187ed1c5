"""Points of the plots that `dvc.yaml` declares: small tables, one column a curve, thinned, always finite."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from tarmac.evaluation.metrics import Labels, Predictions, calibration_table

POINTS = 101  # a curve's points: enough for the eye, little enough for Git
Scored = dict[str, Predictions]  # predictions by the name of who made them


def roc(y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `false_positive_rate` (evenly spaced) and, by name, the true positive rate."""
    grid = np.linspace(0, 1, POINTS)
    curves = {name: roc_curve(y, p) for name, p in scored.items()}
    points = {name: np.interp(grid, fpr, tpr) for name, (fpr, tpr, _) in curves.items()}
    return pd.DataFrame({"false_positive_rate": grid, **points}).round(5)


def precision_recall(y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `recall` (evenly spaced, above zero) and, by name, the precision."""
    grid = np.linspace(0, 1, POINTS)[1:]
    curves = {name: precision_recall_curve(y, p) for name, p in scored.items()}
    points = {name: np.interp(grid, recall[::-1], precision[::-1]) for name, (precision, recall, _) in curves.items()}
    return pd.DataFrame({"recall": grid, **points}).round(5)


def calibration(y: Labels, p: Predictions, bins: int) -> pd.DataFrame:
    """Columns `predicted`, `observed`, one row a bin, and `perfect`, where they would be equal."""
    predicted, observed, _ = calibration_table(y, p, bins).T
    return pd.DataFrame({"predicted": predicted, "observed": observed, "perfect": predicted}).round(5)


def confusion(y: Labels, p: Predictions, threshold: float, names: tuple[str, str]) -> pd.DataFrame:
    """Columns `actual`, `predicted`, `rows`: the four counts at a threshold."""
    counts = [(names[a], names[f], int(((y == a) & ((p >= threshold) == f)).sum())) for a in (0, 1) for f in (0, 1)]
    return pd.DataFrame(counts, columns=["actual", "predicted", "rows"])


def auc_by(label: str, groups: "pd.Series[str]", y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `label` and, by name, the ROC-AUC of each group; a group whose rows are all of one class is left out."""
    lines = [
        {label: group, **{name: float(roc_auc_score(y[rows], p[rows])) for name, p in scored.items()}}
        for group, rows in groups.groupby(groups).indices.items()
        if 0 < y[rows].mean() < 1
    ]
    return pd.DataFrame(lines, columns=[label, *scored]).round(5)
