"""Slices: every row is in one slice of each kind, and slices with too few rows have no metric."""

import numpy as np
import pandas as pd
import pytest

from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.metrics.metrics import compute_main_metric, flatten_predictions
from tarmac.pipeline.metrics.slices import compute_slice_metrics
from tests.tarmac.pipeline.cases import drawn, made
from tests.tarmac.pipeline.metrics.test_metrics import pairs_auc

Y, P = drawn(900, seed=1)
BINARY = TASKS["binary"]
MEMBERS = {
    "place": pd.Series(np.random.default_rng(2).choice(["c", "a", "b"], 900)),
    "size": pd.Series(np.where(np.arange(900) < 40, "small", "large")),
}


def test_slices_of_each_kind_partition_rows_and_preserve_means():
    table = compute_slice_metrics(MEMBERS, Y, P, 1, BINARY)
    means = ["positive_share", "predicted_share"]
    assert list(table.columns) == ["slice", "value", "rows", *means, "roc_auc"]
    assert list(table["value"]) == ["a", "b", "c", "large", "small"]
    for _, lines in table.groupby("slice"):
        assert lines["rows"].sum() == len(Y)
        assert np.average(lines["positive_share"], weights=lines["rows"]) == pytest.approx(
            Y.mean(), abs=1e-4
        )
        assert np.average(lines["predicted_share"], weights=lines["rows"]) == pytest.approx(
            P.mean(), abs=1e-4
        )


def test_slice_auc_uses_only_its_rows():
    for line in compute_slice_metrics(MEMBERS, Y, P, 1, BINARY).itertuples():
        rows = (MEMBERS[line.slice] == line.value).to_numpy()
        assert line.roc_auc == pytest.approx(pairs_auc(Y[rows], P[rows]), abs=1e-4)


@pytest.mark.parametrize(("min_rows", "known"), [(40, True), (41, False)])
def test_slice_auc_requires_minimum_rows(min_rows, known):
    table = compute_slice_metrics(MEMBERS, Y, P, min_rows, BINARY).set_index("value")
    assert table.loc["small", "rows"] == 40
    assert pd.notna(table.loc["small", "roc_auc"]) == known
    assert pd.notna(table.loc["large", "roc_auc"])


def test_a_slice_of_one_class_is_listed_without_an_auc():
    labels = np.where(MEMBERS["size"] == "small", 0, Y)
    table = compute_slice_metrics(MEMBERS, labels, P, 1, BINARY).set_index("value")
    assert pd.isna(table.loc["small", "roc_auc"])
    assert table.loc["small", "positive_share"] == 0


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_slices_of_any_target_have_means_and_main_metric(kind):
    task = TASKS[kind]
    y, p = made(kind, 900, seed=3)
    y[MEMBERS["place"] == "c"] = 1
    table = compute_slice_metrics(MEMBERS, y, p, 1, task).set_index("value")
    assert list(table.columns) == ["slice", "rows", "observed", "predicted", task.main_metric]
    for value, line in table.iterrows():
        rows = (MEMBERS[line["slice"]] == value).to_numpy()
        observed, predicted = (
            part[rows].mean(dtype="float64") for part in flatten_predictions(y, p, task)
        )
        assert (line["observed"], line["predicted"]) == pytest.approx(
            (observed, predicted), abs=1e-4
        )
        wanted = compute_main_metric(y[rows], p[rows], task) if value != "c" else float("nan")
        assert line[task.main_metric] == pytest.approx(wanted, abs=1e-4, nan_ok=True)
