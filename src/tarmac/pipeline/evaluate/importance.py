"""What each feature is worth to a model, whatever kind of model it is."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.metrics.metrics import Labels, Predictions, compute_main_metric

Score = Callable[[pd.DataFrame], Predictions]


def compute_importance(
    score: Score, names: Sequence[str], rows: pd.DataFrame, y: Labels, seed: int, task: Task = TASK
) -> pd.DataFrame:
    """Columns `feature` and `auc_loss`, or what the task calls it; the largest loss stands first.

    It is how much of the main metric is lost when the feature's values are shuffled.
    """
    base, loss = compute_main_metric(y, score(rows), task), f"{task.short}_loss"
    draw = np.random.default_rng(seed)
    losses = []
    for name in names:
        shuffled = rows.assign(**{name: rows[name].to_numpy()[draw.permutation(len(rows))]})
        losses.append(base - compute_main_metric(y, score(shuffled), task))
    table = pd.DataFrame({"feature": list(names), loss: losses}).round(5)
    return table.sort_values([loss, "feature"], ascending=[False, True], ignore_index=True)
