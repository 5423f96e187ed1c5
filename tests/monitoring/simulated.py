"""Months of a made-up world that holds still: days differ, and rows of one day are alike."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tarmac.monitoring.judge import Reference
from tarmac.monitoring.rows import Observed
from tarmac.params import SplitParams
from tarmac.problem.names import CLUSTER, TARGET

DAYS, ROWS = 30, 40
SPLIT = SplitParams.model_validate(
    {
        "train": {"first": "2013-01", "last": "2013-06"},
        "validation": {"first": "2013-07", "last": "2013-07"},
        "test": {"first": "2013-08", "last": "2013-08"},
    }
)
NUMBERS = ("temp", "dewp", "seats", "turn", "legs_before")
PLACES = np.array(["EWR", "JFK", "LGA"])


def world(
    draw: np.random.Generator, first: date, days: int, fault: float = 0.0, shift: float = 0.0, more: float = 0.0
) -> Observed:
    """Rows of some days; `fault` is the share of labels by no input, `shift` is added to inputs, `more` to chances."""
    of_day = draw.normal(size=(days, len(NUMBERS))).repeat(ROWS, axis=0)  # a day is warm, or windy, as a whole
    own = draw.normal(size=of_day.shape)
    values = 0.5 * of_day + own + shift
    score = values @ np.array([0.8, 0.5, 0.3, 0.2, 0.1])
    p = 1 / (1 + np.exp(1.5 - score))
    chance = np.clip(np.where(draw.random(len(p)) < fault, 0.3, p) + more, 0, 1)
    day = [first + timedelta(days=number) for number in range(days) for _ in range(ROWS)]
    origin = draw.choice(PLACES, len(p))
    named = {
        CLUSTER: day,
        "origin": origin,
        "carrier": "UA",
        "dest": "LAX",
        "local_dep": draw.integers(360, 1200, len(p)),
    }
    rows = pd.DataFrame({**named, **dict(zip(NUMBERS, values.astype("float32").T, strict=True))})
    rows[TARGET] = (draw.random(len(p)) < chance).astype("float64")
    return Observed(rows, p.astype("float32"), first, day[-1], whole=True)


def reference(draw: np.random.Generator) -> Reference:
    """January to August of the same world, the last two judged."""
    parts = [world(draw, date(2013, month, 1), DAYS - 2) for month in range(1, 9)]
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    judged = pd.concat([part.rows for part in parts[6:]], ignore_index=True)
    return Reference(rows, SPLIT, judged, np.concatenate([part.p for part in parts[6:]]))
