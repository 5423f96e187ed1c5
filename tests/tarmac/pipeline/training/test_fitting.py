"""A model is fitted to labeled rows of the training and validation months, and no test month."""

import pandas as pd
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import RowSplit
from tarmac.pipeline.base.resources import ResourcesError
from tarmac.pipeline.training import fitting
from tarmac.policy import load_all_params
from tests.conftest import ROOT
from tests.tarmac.pipeline import sample

PARAMS = load_all_params(ROOT / "params.yaml")
MONTHS = ("2013-01", "2013-02", "2013-03", "2013-04")


def split_of(first: int, second: int, third: int):
    """Parameters of a split of `MONTHS`: up to `first`, up to `second`, up to `third`."""
    ends = [-1, first, second, third]
    names = ("train", "validation", "test")
    windows = {
        name: {"first": MONTHS[low + 1], "last": MONTHS[high]}
        for name, low, high in zip(names, ends, ends[1:], strict=False)
    }
    return type(PARAMS.split).model_validate(windows)


@pytest.fixture
def features(tmp_path, monkeypatch):
    """Write four months of made-up features.

    A tenth of the labels is missing, and all of them in the last month.
    """
    for seed, month in enumerate(MONTHS):
        rows = sample.rows(100, seed).astype({problem.contract.TARGET: "Int8"})
        rows.loc[
            rows.index % 10 == 0 if month != MONTHS[-1] else rows.index >= 0,
            problem.contract.TARGET,
        ] = pd.NA
        rows.to_parquet(tmp_path / f"{month}.parquet")
    monkeypatch.setattr(fitting, "FEATURES", tmp_path)


def test_reads_labelled_rows_of_each_window(features):
    split = fitting.read_split(split_of(1, 2, 3), ["weather"])
    assert (len(split.X), len(split.y), len(split.X_valid), len(split.y_valid)) == (
        180,
        180,
        90,
        90,
    )
    assert set(split.y) == set(split.y_valid) == {0, 1}


def test_training_reads_no_test_month(features, tmp_path):
    (tmp_path / f"{MONTHS[3]}.parquet").unlink()
    found = fitting.read_training_data(split_of(1, 2, 3), PARAMS.train)
    assert (len(found.y), len(found.y_valid)) == (180, 90)


def test_rejects_window_without_both_classes(features, monkeypatch):
    with pytest.raises(UserError, match="0 labeled rows have 0 class"):
        fitting.read_split(
            split_of(1, 2, 3).model_copy(update={"validation": split_of(1, 2, 3).test}),
            ["schedule", "weather"],
        )


ROWS = RowSplit.model_construct(by="row", validation_share=0.2, test_share=0.2, seed=1)


@pytest.mark.parametrize(
    ("split", "advice"),
    [
        (split_of(1, 2, 3), "use fewer months in `split.train`"),
        (ROWS, "use fewer rows in `data/raw`"),
    ],
    ids=["months", "rows"],
)
def test_hint_for_little_memory_suits_split(features, monkeypatch, split, advice):
    monkeypatch.setenv("TARMAC_MEMORY", "1MB")
    with pytest.raises(ResourcesError, match="would take about") as caught:
        fitting.read_training_data(split, PARAMS.train)
    assert caught.value.hint == f"{advice}, or raise TARMAC_MEMORY"
