"""Look-ahead check: reports features that depend on later data.

Labels and later rows may change.
"""

import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tarmac.interface.problem import problem
from tarmac.policy import load_all_params
from tarmac.review.look_ahead import change_future, compare_decided_rows, list_raw_files
from tarmac.review.result_folder import FEATURES, RAW, ResultFolder
from tests.conftest import required

MONTH = "2013-12"
PARAMS = load_all_params().problem


@pytest.fixture
def trees(tmp_path: Path) -> tuple[ResultFolder, Path]:
    """A commit with one test month, and the tree in which it is rebuilt."""
    head, work = tmp_path / "head", tmp_path / "work"
    flights = pq.read_table(required(f"data/raw/flights/{MONTH}.parquet"))
    features = pd.read_parquet(required(f"data/features/{MONTH}.parquet"))
    for tree in (head, work):
        (tree / RAW / "flights").mkdir(parents=True)
        (tree / FEATURES).mkdir(parents=True)
        pq.write_table(flights, tree / RAW / "flights" / f"{MONTH}.parquet")
        features.to_parquet(tree / FEATURES / f"{MONTH}.parquet")
    return ResultFolder(head, "0123456789abcdef", {}, frozenset({RAW, FEATURES})), work


def compare(trees: tuple[ResultFolder, Path], change) -> tuple[list[str], int]:
    head, work = trees
    cut = change_future(head, work, MONTH)
    path = work / FEATURES / f"{MONTH}.parquet"
    rows = pd.read_parquet(path)
    scheduled_later = rows["day"] > cut.date() + datetime.timedelta(days=1)
    change(rows, scheduled_later).to_parquet(path)
    return compare_decided_rows(head, work, PARAMS, cut, MONTH)


def test_rewrites_only_raw_data_of_rebuild(trees):
    head, work = trees
    before = pq.read_table(head.resolve_path(RAW) / "flights" / f"{MONTH}.parquet")
    cut = change_future(head, work, MONTH)
    assert pq.read_table(head.resolve_path(RAW) / "flights" / f"{MONTH}.parquet") == before
    after = pq.read_table(work / RAW / "flights" / f"{MONTH}.parquet")
    assert after == problem.future.hide("flights", before, cut) != before


def test_accepts_changed_labels_and_features_of_later_rows(trees):
    def change(rows, later):
        rows.loc[later, "seats"] = -1
        return rows.assign(**{problem.contract.TARGET: 1})

    changed, count = compare(trees, change)
    assert changed == []
    assert count > 1000


def test_names_changed_and_removed_features(trees):
    def change(rows, later):
        rows.loc[~later, "seats"] = rows["seats"] + 1
        return rows.drop(columns="plane_age")

    assert compare(trees, change)[0] == ["plane_age", "seats"]


def test_reports_missing_rows(trees):
    assert compare(trees, lambda rows, later: rows[later | (rows["carrier"] != "AA")])[0] == [
        "rows that are gone"
    ]


def test_raw_files_lists_monthly_tables_from_given_month(trees):
    head, _ = trees
    folder = head.resolve_path(RAW)
    (folder / "planes").mkdir()
    (folder / "planes" / "all.parquet").touch()
    assert (
        list_raw_files(folder, MONTH)
        == list_raw_files(folder, None)
        == [("flights", folder / "flights" / f"{MONTH}.parquet")]
    )
    assert list_raw_files(folder, "2014-01") == []
