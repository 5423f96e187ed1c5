"""Provide what the tests must know of this repository's problem.

These are the data and the settings of their small workspace.
"""

import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

MONTHS = ("2013-09", "2013-10", "2013-11", "2013-12")
SPLIT = {
    "train": {"first": "2013-09", "last": "2013-10"},
    "validation": {"first": "2013-11", "last": "2013-11"},
    "test": {"first": "2013-12", "last": "2013-12"},
}
# Trees that suit a tenth of the flights, whatever the repository's own model has come to be.
QUICK = {
    "learning_rate": 0.3,
    "max_depth": 6,
    "min_child_weight": 50,
    "subsample": 0.8,
    "colsample_bytree": 0.25,
    "reg_lambda": 5,
}
FITTED = {"baseline", "train"}
# Settings of the small workspace, another value of each, the stages that read it, and all that its
# change reruns.
CHANGES = [
    ("baseline.features", ["weather"], {"baseline"}, {"baseline", "evaluate", "card"}),
    (
        "split.train.first",
        "2013-10",
        {*FITTED, "online", "card"},
        {*FITTED, "evaluate", "online", "card"},
    ),
    ("split.test.last", "2014-01", {*FITTED, "evaluate", "card"}, {*FITTED, "evaluate", "card"}),
    (
        "problem.late_minutes",
        30,
        {"featurize", "online", "card"},
        {"featurize", *FITTED, "evaluate", "online", "card"},
    ),
]


def write_raw(whole: Path, target: Path) -> None:
    """Write a small `data/raw` of the whole one.

    It has all weather, planes and airports, and every tenth flight number.
    """
    for name in ("planes", "airports"):
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(whole / f"{name}.parquet", target)
    for month in MONTHS:
        for name in ("flights", "weather"):
            (target / name).mkdir(exist_ok=True)
            table = pq.read_table(whole / name / f"{month}.parquet")
            if name == "flights":
                number = table["flight"].cast("int32")
                table = table.filter(
                    pc.equal(pc.subtract(number, pc.multiply(pc.divide(number, 10), 10)), 3)
                )
            pq.write_table(table, target / name / f"{month}.parquet", store_schema=False)


def quicker(params: dict) -> None:
    """Change the parameters to ones that fit the small data, and that run in seconds."""
    params["split"] = SPLIT
    params["train"].update(max_rounds=30, early_stopping_rounds=10)
    params["train"]["xgboost"].update(QUICK)
    params["evaluate"].update(importance_rows=200, min_slice_rows=50)
