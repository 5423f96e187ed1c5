"""Points of the plots that `dvc.yaml` declares: small tables, thinned, always finite."""

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from tarmac.evaluation.metrics import Labels, Probabilities, calibration_table

POINTS = 101  # a curve's points: enough for the eye, little enough for Git
Scored = dict[str, Probabilities]  # predictions by the name of who made them


def roc(y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `model`, `fpr`, `tpr`: the true positive rate at evenly spaced false positive rates."""
    grid = np.linspace(0, 1, POINTS)
    curves = {name: roc_curve(y, p) for name, p in scored.items()}
    return _long({name: {"fpr": grid, "tpr": np.interp(grid, fpr, tpr)} for name, (fpr, tpr, _) in curves.items()})


def precision_recall(y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `model`, `recall`, `precision`: precision at evenly spaced recalls above zero."""
    grid = np.linspace(0, 1, POINTS)[1:]
    curves = {name: precision_recall_curve(y, p) for name, p in scored.items()}
    points = {name: np.interp(grid, recall[::-1], precision[::-1]) for name, (precision, recall, _) in curves.items()}
    return _long({name: {"recall": grid, "precision": precision} for name, precision in points.items()})


def calibration(y: Labels, scored: Scored, bins: int) -> pd.DataFrame:
    """Columns `model`, `predicted`, `observed`, one row a bin, and the diagonal as model `perfect`."""
    tables = {name: calibration_table(y, p, bins) for name, p in scored.items()}
    curves = {name: {"predicted": table[:, 0], "observed": table[:, 1]} for name, table in tables.items()}
    top = max(float(curve["predicted"].max()) for curve in curves.values())
    return _long({**curves, "perfect": {"predicted": np.array([0, top]), "observed": np.array([0, top])}})


def confusion(y: Labels, p: Probabilities, threshold: float, names: tuple[str, str]) -> pd.DataFrame:
    """Columns `actual`, `predicted`, `rows`: the four counts at a threshold."""
    counts = [(names[a], names[f], int(((y == a) & ((p >= threshold) == f)).sum())) for a in (0, 1) for f in (0, 1)]
    return pd.DataFrame(counts, columns=["actual", "predicted", "rows"])


def auc_by(groups: "pd.Series[str]", y: Labels, scored: Scored) -> pd.DataFrame:
    """Columns `group`, `model`, `roc_auc`; a group whose rows are all of one class is left out."""
    lines = [
        (group, name, round(float(roc_auc_score(y[rows], p[rows])), 4))
        for group, rows in groups.groupby(groups).indices.items()
        if 0 < y[rows].mean() < 1
        for name, p in scored.items()
    ]
    return pd.DataFrame(lines, columns=["group", "model", "roc_auc"])


def _long(curves: dict[str, dict[str, np.ndarray]]) -> pd.DataFrame:
    parts = [pd.DataFrame({"model": name, **columns}) for name, columns in curves.items()]
    return pd.concat(parts, ignore_index=True).round(5)
