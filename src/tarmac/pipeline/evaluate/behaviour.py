"""Measure what changed inputs do to a model's predictions.

A policy decides whether that is as it should be.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from tarmac.interface.behaviour import Behaviour
from tarmac.interface.errors import UserError
from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.metrics.metrics import Labels, Predictions, compute_main_metric

Score = Callable[[pd.DataFrame], Predictions]
DIGITS = 4  # of what is published: enough to judge by, few enough to be the same on every machine


def measure_behaviours(
    behaviours: Sequence[Behaviour],
    score: Score,
    takes: Sequence[str],
    rows: pd.DataFrame,
    y: Labels,
    task: Task = TASK,
) -> pd.DataFrame:
    """Columns `behaviour`, `expectation` and `value`, one row a behaviour.

    The value is the largest move of a prediction for `same`, the main metric after the change for
    `usable`, else the mean move. Except for `same`, it is missing if the model takes none of the
    changed columns: nothing can follow from them.

    Raise `UserError` with a behaviour that cannot be: of many classes, none is higher than another.
    """
    for behaviour in behaviours:
        if task.kind == "multiclass" and behaviour.expectation in ("higher", "lower"):
            raise UserError(
                f"behavior {behaviour.name!r}: classes have no direction `{behaviour.expectation}`",
                "expect `same` or `usable`",
            )
    base = score(rows).astype("float64")
    lines = []
    for behaviour in behaviours:
        value = float("nan")
        if behaviour.expectation == "same" or set(behaviour.columns) & set(takes):
            after = score(behaviour.change(rows, behaviour.columns)).astype("float64")
            value = (
                compute_main_metric(y, after, task)
                if behaviour.expectation == "usable"
                else _compute_move(behaviour, base, after)
            )
        lines.append((behaviour.name, behaviour.expectation, value))
    return pd.DataFrame(lines, columns=["behaviour", "expectation", "value"]).round(DIGITS)


def _compute_move(behaviour: Behaviour, base: Predictions, after: Predictions) -> float:
    if behaviour.expectation == "same":
        # The smallest move is one.
        return float(np.ceil(np.abs(after - base).max() * 10**DIGITS) / 10**DIGITS)
    return float((after - base).mean())
