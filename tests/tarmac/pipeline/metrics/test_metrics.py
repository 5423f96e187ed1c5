"""Metrics against oracles that share no code with them.

The oracles are pairs, counts and formulas in plain Python.
"""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.metrics import metrics
from tests.tarmac.pipeline.cases import case, cases, drawn, made

relaxed = settings(deadline=None)  # a busy machine is no mistake
BINARY = TASKS["binary"]


def pairs_auc(y, p) -> float:
    """Return the share of (positive, negative) pairs that the positive wins.

    It wins with the higher probability; a tie is half.
    """
    pairs = list(product(p[y == 1].tolist(), p[y == 0].tolist()))
    return sum(1.0 if high > low else 0.5 if high == low else 0.0 for high, low in pairs) / len(
        pairs
    )


def counted(y, p, threshold) -> tuple[int, int, int]:
    """True positives, false positives, false negatives at a threshold."""
    rows = list(zip(y.tolist(), p.tolist(), strict=True))
    return (
        sum(label == 1 and score >= threshold for label, score in rows),
        sum(label == 0 and score >= threshold for label, score in rows),
        sum(label == 1 and score < threshold for label, score in rows),
    )


def exact_f_beta(y, p, threshold, beta) -> Fraction:
    """F-beta from counts, without rounding."""
    hit, false, missed = counted(y, p, threshold)
    weight = Fraction(beta) ** 2
    return (1 + weight) * hit / ((1 + weight) * hit + weight * missed + false)


@relaxed
@given(cases())
def test_roc_auc_is_the_share_of_ordered_pairs(rows):
    y, p = rows
    assert metrics.compute_metrics(y, p, BINARY)["roc_auc"] == pytest.approx(
        pairs_auc(y, p), abs=1e-12
    )


@relaxed
@given(cases())
def test_average_precision_sums_precision_times_recall_gain(rows):
    y, p = rows
    total, before = 0.0, 0.0
    for threshold in sorted(set(p.tolist()), reverse=True):
        hit, false, missed = counted(y, p, threshold)
        total += hit / (hit + false) * (hit / (hit + missed) - before)
        before = hit / (hit + missed)
    assert metrics.compute_metrics(y, p, BINARY)["average_precision"] == pytest.approx(
        total, abs=1e-12
    )


@relaxed
@given(cases())
def test_brier_score_is_mean_squared_error(rows):
    y, p = rows
    wanted = math.fsum(
        (score - label) ** 2 for label, score in zip(y.tolist(), p.tolist(), strict=True)
    ) / len(y)
    assert metrics.compute_metrics(y, p, BINARY)["brier"] == pytest.approx(wanted, abs=1e-12)


@relaxed
@given(cases())
def test_log_loss_is_mean_negative_log_and_finite_at_extremes(rows):
    y, p = rows
    loss = metrics.compute_metrics(y, p, BINARY)["log_loss"]
    happened = [
        score if label else 1 - score for label, score in zip(y.tolist(), p.tolist(), strict=True)
    ]
    assert math.isfinite(loss)
    if min(happened) > 1e-12:
        assert loss == pytest.approx(
            -math.fsum(map(math.log, happened)) / len(y), rel=1e-9, abs=1e-12
        )
    else:
        assert loss > -math.log(1e-12) / len(y)


def test_log_loss_is_large_but_finite_for_confident_errors():
    right, wrong = (
        metrics.compute_metrics(*case([(1, a), (0, b)]), BINARY)["log_loss"]
        for a, b in ((1.0, 0.0), (0.0, 1.0))
    )
    assert right < 1e-6
    assert 10 < wrong < 1000


@relaxed
@given(cases(40), st.integers(1, 12))
def test_calibration_error_is_mean_gap_over_equal_size_bins(rows, bins):
    y, p = rows
    order = sorted(range(len(p)), key=lambda row: p[row])  # Python's sort is stable too
    size, longer = divmod(len(order), bins)
    error, start = 0.0, 0
    for number in range(bins):
        part = order[start : start + size + (number < longer)]
        start += len(part)
        if part:
            predicted = math.fsum(float(p[row]) for row in part) / len(part)
            error += (
                len(part)
                * abs(predicted - sum(int(y[row]) for row in part) / len(part))
                / len(order)
            )
    assert metrics.compute_calibration_error(y, p, bins) == pytest.approx(error, abs=1e-7)
    assert metrics.compute_calibration_table(y, p, bins)[:, 2].sum() == len(y)


def test_calibration_error_equals_shift_of_calibrated_scores():
    y, p = drawn(20_000, seed=1)
    assert metrics.compute_calibration_error(y, p, 15) < 0.02
    assert metrics.compute_calibration_error(y, p / 2, 15) == pytest.approx(
        float(p.mean()) / 2, abs=0.02
    )


@relaxed
@given(cases(), st.sampled_from([0.5, 1.0, 2.0]))
def test_best_threshold_is_smallest_score_with_largest_f_beta(rows, beta):
    y, p = rows
    by_threshold = {threshold: exact_f_beta(y, p, threshold, beta) for threshold in p.tolist()}
    chosen = metrics.find_best_threshold(y, p, beta)
    assert chosen in by_threshold, "a threshold that no row has says more than the rows do"
    assert by_threshold[chosen] == max(by_threshold.values())
    assert chosen == min(
        threshold for threshold, value in by_threshold.items() if value == by_threshold[chosen]
    )


@pytest.mark.parametrize(
    "labels", ["1001", "100010011"]
)  # the second: equal only if nothing is rounded on the way
def test_best_threshold_takes_smallest_of_exact_ties(labels):
    y, p = case([(int(label), (place + 1) / 16) for place, label in enumerate(labels)])
    by_threshold = {threshold: exact_f_beta(y, p, threshold, 1) for threshold in p.tolist()}
    ties = [
        threshold
        for threshold, value in by_threshold.items()
        if value == max(by_threshold.values())
    ]
    assert len(ties) > 1
    assert metrics.find_best_threshold(y, p, 1) == min(ties)


def test_larger_beta_yields_higher_recall():
    y, p = drawn(2000, seed=2)
    chosen = [metrics.find_best_threshold(y, p, beta) for beta in (0.25, 1, 4)]
    recalls = [metrics.compute_threshold_metrics(y, p, threshold)["recall"] for threshold in chosen]
    assert recalls[0] < recalls[1] < recalls[2]


@relaxed
@given(cases(), st.one_of(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0, 1.5]), st.floats(-0.5, 1.5)))
def test_scores_at_threshold_count_as_flagged(rows, threshold):
    y, p = rows
    hit, false, missed = counted(y, p, np.float32(threshold))
    found = metrics.compute_threshold_metrics(y, p, threshold)
    assert found == pytest.approx(
        {
            "precision": hit / (hit + false) if hit + false else 0,
            "recall": hit / (hit + missed),
            "f1": 2 * hit / (2 * hit + false + missed),
            "flagged": (hit + false) / len(y),
        }
    )


@relaxed
@given(cases())
def test_threshold_survives_json_round_trip(rows):
    import json

    y, p = rows
    threshold = metrics.find_best_threshold(y, p, 1)
    again = json.loads(json.dumps(threshold))
    assert metrics.compute_threshold_metrics(y, p, again) == metrics.compute_threshold_metrics(
        y, p, threshold
    )
    assert int((p >= again).sum()) == sum(score >= threshold for score in p.tolist())


@relaxed
@given(cases(), st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_the_rows(rows, random):
    y, p = rows
    order = list(range(len(y)))
    random.shuffle(order)
    assert metrics.compute_metrics(y[order], p[order], BINARY) == pytest.approx(
        metrics.compute_metrics(y, p, BINARY), abs=1e-12
    )
    assert metrics.find_best_threshold(y[order], p[order], 1) == metrics.find_best_threshold(
        y, p, 1
    )


@pytest.mark.parametrize("kind", TASKS)
def test_main_score_is_ranking_entry_and_one_when_perfect(kind):
    task = TASKS[kind]
    y, p = made(kind, 500, seed=6)
    assert (
        metrics.compute_main_metric(y, p, task)
        == metrics.compute_metrics(y, p, task)[task.main_metric]
        < 1
    )
    assert list(task.metrics) == [*metrics.compute_metrics(y, p, task), "calibration_error"]
    perfect = np.eye(3, dtype="float32")[y] if kind == "multiclass" else y.astype("float32")
    assert metrics.compute_main_metric(y, perfect, task) == 1


def test_multiclass_metrics_match_plain_formulas():
    y, p = made("multiclass", 400, seed=7)
    found = metrics.compute_metrics(y, p, TASKS["multiclass"])
    rows = [
        (label, [one / sum(q) for one in q])
        for label, q in zip(y.tolist(), p.tolist(), strict=True)
    ]
    wanted = {
        "roc_auc": sum(pairs_auc(y == place, p[:, place]) for place in range(3)) / 3,
        "accuracy": sum(max(q) == q[label] for label, q in rows) / 400,
        "log_loss": -sum(math.log(q[label]) for label, q in rows) / 400,
        "brier": sum((q[place] - (label == place)) ** 2 for label, q in rows for place in range(3))
        / 400,
    }
    assert found == pytest.approx(wanted, abs=1e-9)


@pytest.mark.filterwarnings("error")
def test_absent_class_is_excluded_from_auc_and_breaks_no_metric():
    y, p = made("multiclass", 300, seed=8)
    y[y == 1] = 2
    found = metrics.compute_metrics(y, p, TASKS["multiclass"])
    assert found["roc_auc"] == pytest.approx(
        (pairs_auc(y == 0, p[:, 0]) + pairs_auc(y == 2, p[:, 2])) / 2
    )
    assert all(map(math.isfinite, found.values()))


def test_regression_metrics_match_plain_formulas():
    y, p = made("regression", 400, seed=9)
    gaps = [float(a) - float(b) for a, b in zip(y, p, strict=True)]
    mean = sum(map(float, y)) / 400
    squares = sum(gap**2 for gap in gaps)
    wanted = {
        "r2": 1 - squares / sum((float(a) - mean) ** 2 for a in y),
        "rmse": (squares / 400) ** 0.5,
        "mae": sum(map(abs, gaps)) / 400,
    }
    assert metrics.compute_metrics(y, p, TASKS["regression"]) == pytest.approx(wanted, rel=1e-9)


def test_flat_gives_top_class_for_multiclass_else_input_itself():
    y, p = made("multiclass", 50, seed=10)
    right, sure = metrics.flatten_predictions(y, p, TASKS["multiclass"])
    assert sure.tolist() == [max(q) for q in p.tolist()]
    assert right.tolist() == [
        q.index(max(q)) == label for label, q in zip(y.tolist(), p.tolist(), strict=True)
    ]
    for kind in ("binary", "regression"):
        y, p = made(kind, 50, seed=10)
        assert all(
            one is other
            for one, other in zip(
                metrics.flatten_predictions(y, p, TASKS[kind]), (y, p), strict=True
            )
        )


@pytest.mark.parametrize(
    ("kind", "answers"), [("binary", ("p",)), ("multiclass", ("p_a", "p_b", "p_c"))]
)
@pytest.mark.parametrize("rows", [0, 1, 40])
def test_predictions_survive_round_trip_through_columns(monkeypatch, kind, answers, rows):
    monkeypatch.setattr(problem.contract, "ANSWERS", answers)
    p = made(kind, max(rows, 1), seed=11)[1][:rows]
    columns = metrics.split_prediction_columns(p, "base_")
    assert list(columns) == [f"base_{name}" for name in answers]
    table = pd.DataFrame({"key": range(rows), **columns})
    found = metrics.join_prediction_columns(table, "base_")
    assert found.dtype == p.dtype
    assert np.array_equal(found, p)
    assert found.shape == p.shape
