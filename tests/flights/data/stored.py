"""The real tables, or a clear reason why a test cannot look at them."""

import os
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT

DATA = ROOT / "data"
MONTHS = tuple(f"2013-{month:02}" for month in range(1, 13))
FLIGHTS = 336_776
KEY = ["day", "carrier", "flight", "origin"]


def folder(name: str) -> Path:
    """Return the folder `data/<name>`.

    Without it a test skips. In CI the test fails, because a skip would look like success.
    """
    path = DATA / name
    if any(path.rglob("*.parquet")):
        return path
    reason = f"data/{name} is not here: `make run` makes it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def monthly(name: str) -> pd.DataFrame:
    """Return every month of `data/<name>` in one frame. Do not change it.

    The column `file` is the month of the file.
    """
    paths = sorted(folder(name).glob("*.parquet"))
    return pd.concat(
        [pd.read_parquet(path).assign(file=path.stem) for path in paths], ignore_index=True
    )


def assert_month_by_month(name: str) -> None:
    """Every month of the year has one file that is not empty, and there is no other file."""
    rows = monthly(name)["file"].value_counts()
    assert sorted(path.name for path in folder(name).iterdir()) == [
        f"{month}.parquet" for month in MONTHS
    ]
    assert sorted(rows.index) == list(MONTHS)
