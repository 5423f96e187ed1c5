"""What each feature is worth to a model, whatever kind of model it is."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tarmac.evaluation.metrics import Labels, Predictions

Score = Callable[[pd.DataFrame], Predictions]


def permutation_importance(
    score: Score, names: Sequence[str], rows: pd.DataFrame, y: Labels, seed: int
) -> pd.DataFrame:
    """Columns `feature` and `auc_loss`: the ROC-AUC lost when a feature's values are shuffled, largest loss first."""
    base = roc_auc_score(y, score(rows))
    draw = np.random.default_rng(seed)
    losses = []
    for name in names:
        shuffled = rows.assign(**{name: rows[name].to_numpy()[draw.permutation(len(rows))]})
        losses.append(float(base - roc_auc_score(y, score(shuffled))))
    table = pd.DataFrame({"feature": list(names), "auc_loss": losses}).round(5)
    return table.sort_values(["auc_loss", "feature"], ascending=[False, True], ignore_index=True)
