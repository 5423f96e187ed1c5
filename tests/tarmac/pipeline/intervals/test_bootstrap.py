"""Bootstrap: resample metrics match metrics of repeated rows.

Intervals match Student's t if that is known.
"""

import warnings
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.intervals import bootstrap
from tarmac.pipeline.intervals.bootstrap import METRICS, compute_interval, draw_weights
from tarmac.pipeline.metrics import metrics
from tests.tarmac.pipeline.cases import CLASSES, drawn, kind_cases, made

# A busy machine is no mistake, and kinds are three.
relaxed = settings(deadline=None, max_examples=40)
EXACT = {"rel": 1e-9, "abs": 1e-12}
EVERY = [(kind, name) for kind, found in METRICS.items() for name in found]


def one_against_rest(y, p) -> float:
    """Mean over the classes that are there."""
    return float(
        np.mean([roc_auc_score(y == place, p[:, place]) for place in sorted(set(y.tolist()))])
    )


PLAIN = {
    "binary": {
        "roc_auc": roc_auc_score,
        "average_precision": average_precision_score,
        "log_loss": lambda y, p: log_loss(y, p, labels=[0, 1]),
        "brier": lambda y, p: brier_score_loss(y, p, labels=[0, 1], pos_label=1),
    },
    "multiclass": {
        "roc_auc": one_against_rest,
        "accuracy": lambda y, p: accuracy_score(y, p.argmax(axis=1)),
        "log_loss": lambda y, p: log_loss(y, p, labels=range(CLASSES)),
        "brier": lambda y, p: brier_score_loss(y, p, labels=range(CLASSES)),
    },
    "regression": {"r2": r2_score, "rmse": root_mean_squared_error, "mae": mean_absolute_error},
}
BINS = 15


def binned_error(y, p, times, bins: int) -> float:
    """Return the calibration error of repeated rows, in plain Python.

    The bins are those of the rows without repetition.
    """
    order = sorted(range(len(p)), key=lambda row: p[row])
    size, longer = divmod(len(order), bins)
    error, start = 0.0, 0
    for number in range(bins):
        part = order[start : start + size + (number < longer)]
        start += len(part)
        error += abs(sum(int(times[row]) * (float(p[row]) - float(y[row])) for row in part))
    return error / int(times.sum())


def plain(kind, name, y, p, cluster, weight) -> float:
    """Return the metric of the rows, each repeated as often as its cluster was drawn.

    It is NaN if the metric is undefined.
    """
    times = weight[cluster].astype(int)
    if name == "calibration_error":
        chosen = [
            (int(row.argmax()) == label, row.max())
            for row, label in zip(p, y, strict=True)
            if kind == "multiclass"
        ]
        right, sure = zip(*chosen, strict=True) if chosen else (y, p)
        return binned_error(np.array(right), np.array(sure), times, BINS) if times.sum() else nan
    labels, scores = np.repeat(y, times), np.repeat(p, times, axis=0).astype("float64")
    if kind == "multiclass":
        scores /= scores.sum(axis=1, keepdims=True)
    if not len(labels) or (name in ("roc_auc", "r2") and len(set(labels.tolist())) < 2):
        return nan
    if name == "average_precision" and not labels.any():
        return nan
    return float(PLAIN[kind][name](labels, scores))


def found(kind, name, y, p, cluster, weights, **settings) -> np.ndarray:
    """The metric by resample, of what it takes."""
    rows = metrics.flatten_predictions(y, p, TASKS[kind]) if name == "calibration_error" else (y, p)
    return METRICS[kind][name](*rows, cluster, weights, **settings)


@st.composite
def clustered(draw, kind):
    """Draw rows in clusters of any size, and how often some resamples drew each cluster.

    Some clusters are empty or have one label only.
    """
    count = draw(st.integers(1, 5))
    weights = draw(
        st.lists(
            st.lists(st.integers(0, 3), min_size=count, max_size=count), min_size=1, max_size=4
        )
    )
    return *draw(kind_cases(kind, count)), np.array(weights, dtype=float)


def large(kind: str = "binary", count: int = 12, seed: int = 1):
    """Return rows in clusters of very unequal sizes.

    Two clusters have one label each. For two classes, the probabilities have ties; some are 0 and
    some are 1.
    """
    y, p = made(kind, 900, seed)
    draw = np.random.default_rng(seed)
    cluster = (count * draw.random(900) ** 2).astype(int)
    y[cluster == 3], y[cluster == 4] = 0, 1
    return y, np.round(np.clip(1.4 * p - 0.1, 0, 1), 2) if kind == "binary" else p, cluster


@pytest.mark.parametrize(("kind", "name"), EVERY)
@relaxed
@given(st.data())
def test_resample_metric_equals_metric_of_repeated_rows(kind, name, data):
    y, p, cluster, weights = data.draw(clustered(kind))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draws = found(kind, name, y, p, cluster, weights)
    wanted = [plain(kind, name, y, p, cluster, weight) for weight in weights]
    assert draws == pytest.approx(wanted, nan_ok=True, **EXACT)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_resample_metric_is_exact_with_ties_and_certain_scores(kind, name):
    y, p, cluster = large(kind)
    assert kind != "binary" or {0.0, 1.0} <= set(p.tolist())
    assert p.dtype == "float32"
    weights = draw_weights(12, 40, seed=3)
    wanted = [plain(kind, name, y, p, cluster, weight) for weight in weights]
    assert found(kind, name, y, p, cluster, weights) == pytest.approx(wanted, **EXACT)


@pytest.mark.parametrize("far", [1e5, 1e7])
def test_r2_is_unaffected_by_offset_of_targets(far):
    y, p, cluster = large("regression")
    weights = draw_weights(12, 20, seed=3)
    y, p = y.astype("float64"), p.astype("float64")
    near, away = (bootstrap.resample_r2(y + by, p + by, cluster, weights) for by in (0, far))
    assert away == pytest.approx(near, rel=1e-6)


def test_r2_is_nan_for_constant_targets():
    y, p, cluster = large("regression")
    weights = np.zeros((1, 12))
    weights[0, 4] = 2
    assert isnan(bootstrap.resample_r2(y, p, cluster, weights)[0])


@pytest.mark.parametrize(("label", "known"), [(0, nan), (1, 1.0)])
@pytest.mark.filterwarnings("error")
def test_one_class_auc_and_all_negative_precision_are_nan(label, known):
    y, p, cluster = large()
    weights = np.zeros((2, 12))
    weights[0, 3 + label], weights[1] = 2, 1
    auc, precision = (
        METRICS["binary"][name](y, p, cluster, weights) for name in ("roc_auc", "average_precision")
    )
    assert isnan(auc[0])
    assert precision[0] == pytest.approx(known, nan_ok=True)
    assert np.isfinite([auc[1], precision[1]]).all()


@pytest.mark.parametrize("bins", [2, 7, 2000])
def test_calibration_error_uses_requested_number_of_bins(bins):
    y, p, cluster = large()
    weights = draw_weights(12, 10, seed=4)
    wanted = [binned_error(y, p, weight[cluster], bins) for weight in weights]
    assert bootstrap.resample_calibration_error(y, p, cluster, weights, bins) == pytest.approx(
        wanted, **EXACT
    )


@pytest.mark.parametrize("kind", METRICS)
@relaxed
@given(st.data())
def test_unit_weights_reproduce_published_metrics(kind, data):
    y, p, cluster, weights = data.draw(clustered(kind))
    once, task = np.ones((1, weights.shape[1])), TASKS[kind]
    error = metrics.compute_calibration_error(*metrics.flatten_predictions(y, p, task), BINS)
    published = {**metrics.compute_metrics(y, p, task), "calibration_error": error}
    assert list(METRICS[kind]) == list(task.metrics) == list(published)
    draws = {name: found(kind, name, y, p, cluster, once)[0] for name in published}
    assert draws == pytest.approx(published, **EXACT)


@pytest.mark.parametrize("chunk", [1, 2 * 225, 3 * 225 + 1, 10**9])
def test_average_precision_is_the_same_in_chunks_of_any_size(monkeypatch, chunk):
    y, p, cluster = large()
    weights = draw_weights(12, 10, seed=5)
    whole = bootstrap.resample_average_precision(y, p, cluster, weights)
    monkeypatch.setattr(bootstrap, "CHUNK", chunk)
    assert np.array_equal(bootstrap.resample_average_precision(y, p, cluster, weights), whole)
    monkeypatch.setattr(bootstrap, "MATRIX", chunk)  # sums of other parts differ in the last digit
    assert bootstrap.resample_average_precision(y, p, cluster, weights) == pytest.approx(
        whole, rel=1e-13
    )


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 2**31 - 1))
def test_draws_sum_to_cluster_count_and_repeat_with_same_seed(clusters, resamples, seed):
    weights = draw_weights(clusters, resamples, seed)
    assert weights.shape == (resamples, clusters)
    assert (weights.sum(axis=1) == clusters).all()
    assert ((weights >= 0) & (weights == np.round(weights))).all()
    assert np.array_equal(weights, draw_weights(clusters, resamples, seed))


def test_seed_changes_drawn_clusters():
    assert not np.array_equal(draw_weights(60, 5, seed=1), draw_weights(60, 5, seed=2))


def test_every_cluster_is_drawn_equally_often_with_replacement():
    weights = draw_weights(20, 20_000, seed=1)
    assert weights.mean(axis=0) == pytest.approx(np.ones(20), abs=5 * (0.95 / 20_000) ** 0.5)
    assert weights.var(axis=0) == pytest.approx(np.full(20, 0.95), rel=0.1), (
        "a binomial of 20 draws, each of 1 in 20"
    )


DRAWS = st.lists(st.floats(-10, 10), min_size=2, max_size=30).map(np.array)
LEVELS = st.floats(0.5, 0.999)


@given(DRAWS, st.floats(-10, 10), st.integers(2, 400), LEVELS)
def test_interval_is_student_t_with_few_clusters_correction(draws, estimate, clusters, confidence):
    error = np.std(draws) * (len(draws) / (len(draws) - 1) * clusters / (clusters - 1)) ** 0.5
    assert compute_interval(estimate, draws, clusters, confidence) == pytest.approx(
        stats.t.interval(confidence, clusters - 1, estimate, error)
        if error
        else (estimate, estimate),
        abs=1e-9,
    )


@given(DRAWS, st.floats(-10, 10), st.integers(2, 400), LEVELS, LEVELS)
def test_more_confidence_widens_interval_around_estimate(draws, estimate, clusters, first, second):
    (low, high), (lower, higher) = (
        compute_interval(estimate, draws, clusters, level) for level in sorted((first, second))
    )
    assert lower <= low <= estimate <= high <= higher
    if abs(first - second) > 1e-3 and np.ptp(draws) > 1e-3:
        assert higher - lower > high - low


@given(DRAWS, st.sampled_from([nan, inf, -inf]), st.integers(2, 400))
def test_interval_ignores_non_finite_resamples(draws, none, clusters):
    with_some = np.concatenate([[none], draws, [none, nan]])
    assert compute_interval(0.5, with_some, clusters, 0.95) == compute_interval(
        0.5, draws, clusters, 0.95
    )


@pytest.mark.parametrize(
    ("draws", "clusters"),
    [([0.1, 0.2, 0.3], 1), ([0.1, 0.2, 0.3], 0), ([nan, nan, nan], 60), ([nan, 0.2], 60), ([], 60)],
    ids=["one cluster", "no cluster", "no number", "one number", "no resample"],
)
@pytest.mark.filterwarnings("error")
def test_interval_is_nan_without_enough_clusters_or_resamples(draws, clusters):
    assert compute_interval(0.2, np.array(draws), clusters, 0.95) == pytest.approx(
        (nan, nan), nan_ok=True
    )


@pytest.mark.parametrize("clusters", [4, 12, 61])
def test_interval_of_mean_matches_theory_and_scipy(clusters):
    """Check the interval of a mean over clusters of equal size.

    Their means are a plain sample, for which Student's interval is exact.
    """
    y, p = drawn(25 * clusters, seed=clusters)
    cluster = np.arange(len(y)) % clusters
    means = np.array(
        [((p[cluster == number] - y[cluster == number]) ** 2).mean() for number in range(clusters)]
    )
    draws = METRICS["binary"]["brier"](y, p, cluster, draw_weights(clusters, 40_000, seed=2))
    bootstrap = stats.bootstrap((means,), np.mean, n_resamples=20_000, rng=3).standard_error
    assert draws.std(ddof=1) == pytest.approx(bootstrap, rel=0.03)
    wanted = stats.t.interval(0.9, clusters - 1, means.mean(), means.std(ddof=1) / clusters**0.5)
    found = compute_interval(means.mean(), draws, clusters, 0.9)
    assert found == pytest.approx(wanted, abs=0.03 * (wanted[1] - wanted[0]) / 2)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_difference_of_model_with_itself_is_exactly_zero(kind, name):
    y, p, cluster = large(kind)
    draws = [
        found(kind, name, y, answers, cluster, draw_weights(12, 50, seed=6))
        for answers in (p, p.copy())
    ]
    assert not (draws[1] - draws[0]).any()
    assert compute_interval(0.0, draws[1] - draws[0], 12, 0.95) == (0, 0)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_shared_error_cancels_in_interval_of_difference(kind, name):
    y, p, cluster = large(kind)
    second = {
        "binary": np.clip(p * 0.99, 0, 1),
        "multiclass": p * 0.99 + 0.01 / CLASSES,
        "regression": p + 0.1,
    }[kind]
    draws = [
        found(kind, name, y, answers, cluster, draw_weights(12, 200, seed=7))
        for answers in (p, second)
    ]
    low, high = compute_interval(0.0, draws[1] - draws[0], 12, 0.95)
    alone, above = compute_interval(0.0, draws[0], 12, 0.95)
    assert high - low < (above - alone) / 3


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_resample_metrics_ignore_row_order_and_cluster_numbers(kind, name):
    y, p = made(kind, 600, seed=8)
    assert len(set(metrics.flatten_predictions(y, p, TASKS[kind])[1].tolist())) > 590, (
        "tied rows are binned in their order"
    )
    draw = np.random.default_rng(9)
    cluster, order, numbers = draw.integers(0, 8, 600), draw.permutation(600), draw.permutation(8)
    weights = draw_weights(8, 20, seed=10)
    draws = found(kind, name, y, p, cluster, weights)
    renumbered = found(
        kind, name, y[order], p[order], numbers[cluster[order]], weights[:, np.argsort(numbers)]
    )
    assert renumbered == pytest.approx(draws, **EXACT)
