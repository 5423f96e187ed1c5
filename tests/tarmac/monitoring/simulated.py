"""Months of a made-up world that holds still: days differ, and rows of one day are alike."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.monitoring.reference import Reference
from tarmac.monitoring.rows import ObservedRows
from tarmac.pipeline.base.params import TASK, AnySplit, SplitParams, Task

DAYS, ROWS = 30, 40
SPLIT = SplitParams.model_validate(
    {
        "train": {"first": "2013-01", "last": "2013-06"},
        "validation": {"first": "2013-07", "last": "2013-07"},
        "test": {"first": "2013-08", "last": "2013-08"},
    }
)
NUMBERS = ("temp", "dewp", "seats", "turn", "legs_before")
Sides = tuple[np.ndarray, np.ndarray]
PLACES = np.array(["EWR", "JFK", "LGA"])


def chances(
    draw: np.random.Generator, score: np.ndarray, task: Task, fault: float, more: float
) -> Sides:
    """Return a model's predictions, and what is likely.

    A share `fault` of labels depends on no input, and `more` is added to the others.
    """
    lost = draw.random(len(score)) < fault
    if task.kind == "regression":
        return score, np.where(lost, 0, score) + more
    if task.kind == "binary":
        p = 1 / (1 + np.exp(1.5 - score))
        return p, np.clip(np.where(lost, 0.3, p) + more, 0, 1)
    p = np.exp(np.outer(score, [1, 0, -1]))
    p /= p.sum(axis=1, keepdims=True)
    return p, (1 - more) * np.where(
        lost[:, None], 1 / 3, p
    ) + more / 3  # all classes get some of it


def labels(draw: np.random.Generator, likely: np.ndarray, task: Task) -> np.ndarray:
    """What happens."""
    if task.kind == "regression":
        return likely + draw.normal(size=len(likely))
    below = draw.random(len(likely))
    return (
        below < likely
        if likely.ndim == 1
        else (below[:, None] > likely.cumsum(axis=1)[:, :-1]).sum(axis=1)
    )


def world(
    draw: np.random.Generator,
    first: date,
    days: int,
    task: Task = TASK,
    fault: float = 0.0,
    shift: float = 0.0,
    more: float = 0.0,
) -> ObservedRows:
    """Return rows of some days.

    `fault` is the share of labels that depend on no input; `shift` is added to inputs, and `more`
    to labels.
    """
    # A day is warm, or windy, as a whole.
    of_day = draw.normal(size=(days, len(NUMBERS))).repeat(ROWS, axis=0)
    own = draw.normal(size=of_day.shape)
    values = 0.5 * of_day + own + shift
    score = values @ np.array([0.8, 0.5, 0.3, 0.2, 0.1])
    p, likely = chances(draw, score, task, fault, more)
    day = [first + timedelta(days=number) for number in range(days) for _ in range(ROWS)]
    origin = draw.choice(PLACES, len(p))
    named = {
        problem.contract.CLUSTER: day,
        "origin": origin,
        "carrier": "UA",
        "dest": "LAX",
        "flight": range(len(p)),
        "local_dep": draw.integers(360, 1200, len(p)),
    }
    rows = pd.DataFrame({**named, **dict(zip(NUMBERS, values.astype("float32").T, strict=True))})
    rows[problem.contract.TARGET] = labels(draw, likely, task).astype("float64")
    return ObservedRows(rows, p.astype("float32"), first, day[-1], whole=True)


def reference(draw: np.random.Generator, task: Task = TASK, split: AnySplit = SPLIT) -> Reference:
    """January to August of the same world, the last two evaluated."""
    parts = [world(draw, date(2013, month, 1), DAYS - 2, task) for month in range(1, 9)]
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    evaluated = pd.concat([part.rows for part in parts[6:]], ignore_index=True)
    return Reference(rows, split, evaluated, np.concatenate([part.p for part in parts[6:]]))
