"""Measures what changed inputs do to a model's answers; whether that is as it should be, a policy decides."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tarmac.declare.behaviour import Behaviour
from tarmac.evaluation.metrics import Labels, Predictions

Score = Callable[[pd.DataFrame], Predictions]
DIGITS = 4  # of what is published: enough to judge by, few enough to be the same on every machine


def measure(
    behaviours: Sequence[Behaviour], score: Score, takes: Sequence[str], rows: pd.DataFrame, y: Labels
) -> pd.DataFrame:
    """Columns `behaviour`, `expectation` and `value`, one row a behaviour.

    The value is the largest move of an answer for `same`, the ROC-AUC after the change for `usable`, else the mean
    move; missing where the model takes none of the changed columns, so that nothing can follow from them.
    """
    base = score(rows).astype("float64")
    lines = []
    for behaviour in behaviours:
        value = float("nan")
        if behaviour.expectation == "same" or set(behaviour.columns) & set(takes):
            after = score(behaviour.change(rows, behaviour.columns)).astype("float64")
            value = _value(behaviour.expectation, base, after, y)
        lines.append((behaviour.name, behaviour.expectation, value))
    return pd.DataFrame(lines, columns=["behaviour", "expectation", "value"]).round(DIGITS)


def _value(expectation: str, base: Predictions, after: Predictions, y: Labels) -> float:
    if expectation == "same":
        return float(np.ceil(np.abs(after - base).max() * 10**DIGITS) / 10**DIGITS)  # the smallest move is one
    if expectation == "usable":
        return float(roc_auc_score(y, after))
    return float((after - base).mean())
