"""Three tables unrelated to what is shipped: one from scikit-learn, two made with a seed."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer


@dataclass(frozen=True)
class Made:
    """A table, and what a person would say of it to `tarmac new`."""

    name: str
    rows: pd.DataFrame
    options: tuple[str, ...]
    answers: tuple[str, ...]
    metric: str
    foreign: tuple[str, float]  # an input, and a value that is allowed and far from all others
    dirty: dict[str, int] = field(default_factory=dict)  # rule and how many rows break it


def cells() -> Made:
    """Two classes, numbers only, no time, no key: 569 rows."""
    rows = load_breast_cancer(as_frame=True).frame
    rows["target"] = rows["target"].map({0: "malignant", 1: "benign"})
    return Made(
        "cells", rows, ("--target", "target"), ("probability",), "roc_auc", ("mean_radius", 70.0)
    )


def tickets() -> Made:
    """Return a table with four classes, one of them rare, over eight months.

    It has texts with gaps, a date with gaps, and a key of digits.
    """
    random, count = np.random.default_rng(11), 1600
    opened = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        np.sort(random.integers(0, 244, count)), unit="D"
    )
    channel = random.choice(["mail", "phone", "web"], count)
    product = random.choice([f"P{number:02}" for number in range(30)], count)
    size, age = random.normal(0, 1, count), random.integers(0, 400, count)
    pull = np.stack([
        size + (channel == "mail"),
        1.2 * (channel == "phone") - size,
        0.004 * age + (product < "P08"),
        random.normal(-1.0, 0.3, count) + 2.0 * (product == "P17"),
    ], axis=1)  # fmt: skip
    team = np.array(["billing", "repair", "sales", "legal"])[
        (pull + random.gumbel(0, 0.6, pull.shape)).argmax(axis=1)
    ]
    rows = pd.DataFrame(
        {
            "ticket": [f"T{number:05}" for number in random.permutation(count)],
            "opened": opened.strftime("%Y-%m-%d"),
            "channel": np.where(random.random(count) < 0.05, None, channel),
            "product": np.where(random.random(count) < 0.02, None, product),
            "size": np.where(random.random(count) < 0.03, np.nan, size.round(3)),
            "bought": pd.Series(opened - pd.to_timedelta(age, unit="D"))
            .dt.strftime("%Y-%m-%d")
            .where(age > 20),
            "always": "same",
            "team": team,
        }
    )
    answers = tuple(f"probability_{place}" for place in range(4))
    return Made(
        "tickets",
        rows,
        ("--target", "team", "--time", "opened"),
        answers,
        "accuracy",
        ("size", 15.0),
    )


def rents() -> Made:
    """Return a table with a numeric target, rows of 60 houses, and errors.

    The errors are duplicate rows, impossible numbers and missing targets.
    """
    random, count = np.random.default_rng(5), 2000
    house = random.integers(0, 60, count)
    area = random.lognormal(4.1, 0.35, count).round(1)
    heating = random.choice(["gas", "oil", "pump"], count, p=[0.6, 0.3, 0.1])
    rent = (
        150 + 9.5 * area + 20 * (house % 7) + 80 * (heating == "pump") + random.normal(0, 40, count)
    )
    rows = pd.DataFrame(
        {
            "flat": np.arange(1, count + 1),
            "house": [f"H{number:02}" for number in house],
            "area": area,
            "rooms": np.clip((area / 25).astype(int), 1, 8),
            "heating": heating,
            "built": [f"{1950 + number}-06-01" for number in house],
            "rent": rent.round(2),
        }
    )
    rows.loc[random.choice(count, 12, replace=False), "area"] = -5.0
    rows.loc[random.choice(count, 30, replace=False), "rent"] = np.nan
    rows = pd.concat([rows, rows.sample(40, random_state=1)], ignore_index=True)
    dirty = {"unique": 40}
    options = ("--target", "rent", "--group", "house", "--key", "flat")
    return Made("rents", rows, options, ("prediction",), "rmse", ("area", 400.0), dirty)
