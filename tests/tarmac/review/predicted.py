"""Tables of predictions as the pipeline writes them.

Columns are the row key, slices, label and both probabilities.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tarmac.pipeline.metrics.metrics import split_prediction_columns

FIRST = date(2013, 11, 1)


def chance(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(1 - score))


def predictions(
    y: np.ndarray, p: np.ndarray, day: np.ndarray, origin: np.ndarray | None = None
) -> pd.DataFrame:
    """Rows of some days (numbers from 0), each flight with a number of its own."""
    rows = len(y)
    days = np.array(
        [FIRST + timedelta(days=int(number)) for number in range(day.max(initial=0) + 1)],
        dtype=object,
    )
    return pd.DataFrame(
        {
            "day": days[day],
            "carrier": "AA",
            "flight": np.arange(rows, dtype="int16"),
            "origin": np.full(rows, "EWR") if origin is None else origin,
            "departure": "night to 8:59",
            "late": y.astype("int8"),
            "probability": p.astype("float32"),
            "baseline_probability": np.full(rows, 0.3, dtype="float32"),
        }
    )


def drawn(rows: int, days: int, seed: int) -> pd.DataFrame:
    """Predictions of which some are tied, of three origins, in no order of days."""
    draw = np.random.default_rng(seed)
    score = draw.normal(size=rows)
    y = draw.random(rows) < chance(score)
    table = predictions(
        y,
        chance(score + draw.normal(size=rows)).round(2),
        draw.integers(0, days, rows),
        draw.choice(list("ABC"), rows),
    )
    return table.assign(baseline_probability=chance(draw.normal(size=rows)).astype("float32"))


def of_kind(y: np.ndarray, p: np.ndarray, baseline: np.ndarray) -> pd.DataFrame:
    """Predictions of any kind, of ten days and two origins."""
    rows = np.arange(len(y))
    table = predictions(y, rows, rows % 10, np.where(rows % 3 == 0, "A", "B")).drop(
        columns=["probability", "baseline_probability"]
    )
    return table.assign(
        late=y, **split_prediction_columns(p), **split_prediction_columns(baseline, "baseline_")
    )
