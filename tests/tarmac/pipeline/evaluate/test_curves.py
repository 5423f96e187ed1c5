"""Tables behind the plots: faithful to the rows, small, finite, with the expected end points."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.evaluate import curves
from tests.tarmac.pipeline.cases import cases, drawn, made
from tests.tarmac.pipeline.metrics.test_metrics import counted, pairs_auc

NAMES = ("no", "yes")
ROUNDED = 1e-5
relaxed = settings(deadline=None)


def corners(y, p) -> list[tuple[float, float, float]]:
    """Return (false positive rate, true positive rate, precision) at every threshold.

    The thresholds run from the highest down.
    """
    found, negatives = [], int((y == 0).sum())
    for threshold in sorted(set(p.tolist()), reverse=True):
        hit, false, missed = counted(y, p, threshold)
        found.append((false / negatives, hit / (hit + missed), hit / (hit + false)))
    return found


def height(points: list[tuple[float, float]], x: float) -> float:
    """Height at `x` of the line through points in order of `x`; the highest where it is upright."""
    below = max(point for point in points if point[0] <= x + 1e-12)
    above = [point for point in points if point[0] > x + 1e-12]
    if not above:
        return below[1]
    return below[1] + (above[0][1] - below[1]) * max(x - below[0], 0) / (above[0][0] - below[0])


@relaxed
@given(cases())
def test_roc_curve_interpolates_rates_of_all_thresholds(rows):
    y, p = rows
    table = curves.compute_roc_curve(y, {"model": p})
    points = [(0.0, 0.0), *((fpr, tpr) for fpr, tpr, _ in corners(y, p))]
    for fpr, tpr in table[["false_positive_rate", "model"]].itertuples(index=False):
        assert tpr == pytest.approx(height(points, fpr), abs=2 * ROUNDED)


@relaxed
@given(cases())
def test_roc_curve_is_monotonic_finite_and_ends_at_one(rows):
    y, p = rows
    table = curves.compute_roc_curve(y, {"model": p, "baseline": 1 - p})
    assert list(table.columns) == ["false_positive_rate", "model", "baseline"]
    assert len(table) == curves.POINTS
    assert np.isfinite(table.to_numpy()).all()
    assert (table.diff().dropna() >= 0).all(axis=None)
    assert list(table.iloc[-1]) == [1, 1, 1]
    assert table["false_positive_rate"].iloc[0] == 0


def test_area_under_roc_table_equals_auc():
    y, p = drawn(3000, seed=1)
    table = curves.compute_roc_curve(y, {"model": p})
    assert np.trapezoid(table["model"], table["false_positive_rate"]) == pytest.approx(
        pairs_auc(y, p), abs=2e-3
    )


@relaxed
@given(cases())
def test_precision_lies_between_those_of_adjacent_thresholds(rows):
    y, p = rows
    table = curves.compute_pr_curve(y, {"model": p})
    points = [(0.0, 1.0), *((recall, precision) for _, recall, precision in corners(y, p))]
    assert len(table) == curves.POINTS - 1
    assert table["recall"].iloc[0] > 0
    for recall, precision in table.itertuples(index=False):
        left = max(point[0] for point in points if point[0] <= recall + ROUNDED)
        right = min(point[0] for point in points if point[0] >= recall - ROUNDED)
        around = [point[1] for point in points if left <= point[0] <= right]
        assert min(around) - ROUNDED <= precision <= max(around) + ROUNDED


def test_precision_at_full_recall_is_the_share_of_positives():
    y, p = drawn(2000, seed=2)
    last = curves.compute_pr_curve(y, {"model": p}).iloc[-1]
    assert (last["recall"], last["model"]) == (1, pytest.approx(y.mean(), abs=0.02))


@relaxed
@given(cases(), st.integers(2, 30))
def test_calibration_bins_are_sorted_and_never_empty(rows, bins):
    y, p = rows
    table = curves.compute_calibration_curve(y, p, bins)
    assert len(table) == min(bins, len(y))
    assert np.isfinite(table.to_numpy()).all()
    assert (table["predicted"].diff().dropna() >= 0).all()
    assert table["perfect"].equals(table["predicted"])
    assert table["observed"].between(0, 1).all()


@relaxed
@given(cases(), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_binary_confusion_counts_every_row_in_its_cell(rows, threshold):
    y, p = rows
    counts = curves.count_confusions(y, p >= threshold, NAMES).set_index(["actual", "predicted"])[
        "rows"
    ]
    hit, false, missed = counted(y, p, threshold)
    assert counts.to_dict() == {
        ("no", "no"): len(y) - hit - false - missed,
        ("no", "yes"): false,
        ("yes", "no"): missed,
        ("yes", "yes"): hit,
    }


@pytest.mark.parametrize("label", [0, 1])
def test_auc_by_group_uses_own_rows_and_omits_one_class_groups(label):
    y, p = drawn(600, seed=3)
    groups = pd.Series(np.random.default_rng(4).choice(["b", "a", "one class"], 600))
    y = np.where(groups == "one class", label, y)
    table = curves.compute_metric_by_group(
        "group", groups, y, {"model": p, "baseline": 1 - p}, TASKS["binary"]
    )
    assert list(table.columns) == ["group", "model", "baseline"]
    assert list(table["group"]) == ["a", "b"]
    for group, model, baseline in table.itertuples(index=False):
        rows = (groups == group).to_numpy()
        wanted = pairs_auc(y[rows], p[rows])
        assert (model, baseline) == (
            pytest.approx(wanted, abs=ROUNDED),
            pytest.approx(1 - wanted, abs=ROUNDED),
        )


def test_auc_by_group_keeps_columns_when_no_group_remains():
    empty = curves.compute_metric_by_group(
        "month", pd.Series(["x", "x"]), np.array([1, 1]), {"model": np.array([0.1, 0.2])}
    )
    assert list(empty.columns) == ["month", "model"]
    assert empty.empty


def test_multiclass_confusion_counts_every_pair_of_classes():
    y, p = made("multiclass", 500, seed=5)
    names = ("a", "b", "c")
    counts = curves.count_confusions(y, p.argmax(axis=1), names).set_index(["actual", "predicted"])[
        "rows"
    ]
    rows = list(zip(y.tolist(), p.tolist(), strict=True))
    wanted = {
        (one, other): sum(
            label == names.index(one) and max(q) == q[names.index(other)] for label, q in rows
        )
        for one in names
        for other in names
    }
    assert counts.to_dict() == wanted


def test_errors_are_quantiles_of_absolute_error():
    y, p = made("regression", 2000, seed=6)
    table = curves.compute_error_quantiles(y, {"model": p, "baseline": np.full_like(p, 500)})
    assert list(table.columns) == ["share", "model", "baseline"]
    assert (table["share"].iloc[0], table["share"].iloc[-1]) == (0, 1)
    for share, model, _ in table.itertuples(index=False):
        assert np.mean(np.abs(y.astype("float64") - p) <= model + ROUNDED) == pytest.approx(
            share, abs=1e-3
        )
    assert (table["baseline"][1:] > table["model"][1:]).all()


def test_multiclass_group_auc_averages_classes_present():
    y, p = made("multiclass", 400, seed=7)
    groups = pd.Series(np.where(np.arange(400) < 200, "a", "b"))
    y[(groups == "b").to_numpy() & (y == 2)] = 1
    table = curves.compute_metric_by_group(
        "group", groups, y, {"model": p}, TASKS["multiclass"]
    ).set_index("group")["model"]
    wanted = np.mean([pairs_auc(y[200:] == place, p[200:, place]) for place in (0, 1)])
    assert table["b"] == pytest.approx(wanted, abs=ROUNDED)
