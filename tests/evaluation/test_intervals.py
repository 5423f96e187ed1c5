"""Intervals: each resample is the metric of its repeated rows, and the interval is Student's where that is known."""

import warnings
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from tarmac.evaluation import intervals, metrics
from tarmac.evaluation.intervals import METRICS, draw_weights, interval
from tests.evaluation.cases import ANY, TIED, case, drawn

relaxed = settings(deadline=None)  # a busy machine is no mistake
EXACT = {"rel": 1e-9, "abs": 1e-12}
PLAIN = {
    "roc_auc": roc_auc_score,
    "average_precision": average_precision_score,
    "log_loss": lambda y, p: log_loss(y, p, labels=[0, 1]),
    "brier": lambda y, p: brier_score_loss(y, p, labels=[0, 1], pos_label=1),
}
BINS = 15


def binned_error(y, p, times, bins: int) -> float:
    """Calibration error of repeated rows, in plain Python, in the bins that the rows have without repetition."""
    order = sorted(range(len(p)), key=lambda row: p[row])
    size, longer = divmod(len(order), bins)
    error, start = 0.0, 0
    for number in range(bins):
        part = order[start : start + size + (number < longer)]
        start += len(part)
        error += abs(sum(int(times[row]) * (float(p[row]) - int(y[row])) for row in part))
    return error / int(times.sum())


def plain(name, y, p, cluster, weight) -> float:
    """The metric of the rows, each repeated as often as its cluster was drawn; NaN where it says nothing."""
    times = weight[cluster].astype(int)
    labels, scores = np.repeat(y, times), np.repeat(p, times).astype("float64")
    if not len(labels) or (name == "roc_auc" and len(set(labels.tolist())) < 2):
        return nan
    if name == "average_precision" and not labels.any():
        return nan
    return binned_error(y, p, times, BINS) if name == "calibration_error" else float(PLAIN[name](labels, scores))


@st.composite
def clustered(draw):
    """Rows in clusters of any size, some empty or of one class, and how often some resamples drew each cluster."""
    count = draw(st.integers(1, 5))
    score = draw(st.sampled_from([TIED, ANY]))
    rows = st.lists(st.tuples(st.integers(0, 1), score, st.integers(0, count - 1)), min_size=2, max_size=25)
    table = draw(rows.filter(lambda rows: len({label for label, _, _ in rows}) == 2))
    weights = draw(st.lists(st.lists(st.integers(0, 3), min_size=count, max_size=count), min_size=1, max_size=4))
    y, p = case([(label, score) for label, score, _ in table])
    return y, p, np.array([number for _, _, number in table]), np.array(weights, dtype=float)


def large(count: int = 12, seed: int = 1):
    """Rows in clusters of very unequal sizes, one of each class alone; probabilities with ties, some 0 and some 1."""
    y, p = drawn(900, seed)
    draw = np.random.default_rng(seed)
    cluster = (count * draw.random(900) ** 2).astype(int)
    y[cluster == 3], y[cluster == 4] = 0, 1
    return y, np.round(np.clip(1.4 * p - 0.1, 0, 1), 2), cluster


@pytest.mark.parametrize("name", METRICS)
@relaxed
@given(clustered())
def test_a_resample_has_the_metric_of_its_rows_repeated_and_no_warning_where_that_says_nothing(name, rows):
    y, p, cluster, weights = rows
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = METRICS[name](y, p, cluster, weights)
    wanted = [plain(name, y, p, cluster, weight) for weight in weights]
    assert found == pytest.approx(wanted, nan_ok=True, **EXACT)


@pytest.mark.parametrize("name", METRICS)
def test_resamples_of_many_rows_with_ties_and_certain_answers_have_the_metric_of_the_rows_repeated(name):
    y, p, cluster = large()
    assert {0.0, 1.0} <= set(p.tolist())
    assert p.dtype == "float32"
    weights = draw_weights(12, 40, seed=3)
    wanted = [plain(name, y, p, cluster, weight) for weight in weights]
    assert METRICS[name](y, p, cluster, weights) == pytest.approx(wanted, **EXACT)


@pytest.mark.parametrize(("label", "known"), [(0, nan), (1, 1.0)])
@pytest.mark.filterwarnings("error")
def test_a_resample_of_one_class_has_no_auc_and_no_precision_without_positives(label, known):
    y, p, cluster = large()
    weights = np.zeros((2, 12))
    weights[0, 3 + label], weights[1] = 2, 1
    auc, precision = (METRICS[name](y, p, cluster, weights) for name in ("roc_auc", "average_precision"))
    assert isnan(auc[0])
    assert precision[0] == pytest.approx(known, nan_ok=True)
    assert np.isfinite([auc[1], precision[1]]).all()


@pytest.mark.parametrize("bins", [2, 7, 2000])
def test_calibration_error_of_a_resample_is_in_the_asked_number_of_bins(bins):
    y, p, cluster = large()
    weights = draw_weights(12, 10, seed=4)
    wanted = [binned_error(y, p, weight[cluster], bins) for weight in weights]
    assert intervals.calibration_error(y, p, cluster, weights, bins) == pytest.approx(wanted, **EXACT)


@relaxed
@given(clustered())
def test_every_cluster_drawn_once_gives_the_values_that_are_published(rows):
    y, p, cluster, weights = rows
    once = np.ones((1, weights.shape[1]))
    published = {**metrics.ranking(y, p), "calibration_error": metrics.calibration_error(y, p, BINS)}
    assert METRICS.keys() == published.keys()
    assert {name: METRICS[name](y, p, cluster, once)[0] for name in METRICS} == pytest.approx(published, **EXACT)


@pytest.mark.parametrize("chunk", [1, 2 * 225, 3 * 225 + 1, 10**9])
def test_average_precision_is_the_same_in_chunks_of_any_size(monkeypatch, chunk):
    y, p, cluster = large()
    weights = draw_weights(12, 10, seed=5)
    whole = intervals.average_precision(y, p, cluster, weights)
    monkeypatch.setattr(intervals, "CHUNK", chunk)
    assert np.array_equal(intervals.average_precision(y, p, cluster, weights), whole)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 2**31 - 1))
def test_a_resample_draws_as_many_clusters_as_there_are_and_the_same_by_the_same_seed(clusters, resamples, seed):
    weights = draw_weights(clusters, resamples, seed)
    assert weights.shape == (resamples, clusters)
    assert (weights.sum(axis=1) == clusters).all()
    assert ((weights >= 0) & (weights == np.round(weights))).all()
    assert np.array_equal(weights, draw_weights(clusters, resamples, seed))


def test_another_seed_draws_other_clusters():
    assert not np.array_equal(draw_weights(60, 5, seed=1), draw_weights(60, 5, seed=2))


def test_every_cluster_is_drawn_equally_often_with_replacement():
    weights = draw_weights(20, 20_000, seed=1)
    assert weights.mean(axis=0) == pytest.approx(np.ones(20), abs=5 * (0.95 / 20_000) ** 0.5)
    assert weights.var(axis=0) == pytest.approx(np.full(20, 0.95), rel=0.1), "a binomial of 20 draws, each of 1 in 20"


DRAWS = st.lists(st.floats(-10, 10), min_size=2, max_size=30).map(np.array)
LEVELS = st.floats(0.5, 0.999)


@given(DRAWS, st.floats(-10, 10), st.integers(2, 400), LEVELS)
def test_the_interval_is_students_around_the_estimate_with_the_error_corrected_for_few_clusters(
    draws, estimate, clusters, confidence
):
    error = np.std(draws) * (len(draws) / (len(draws) - 1) * clusters / (clusters - 1)) ** 0.5
    assert interval(estimate, draws, clusters, confidence) == pytest.approx(
        stats.t.interval(confidence, clusters - 1, estimate, error) if error else (estimate, estimate), abs=1e-9
    )


@given(DRAWS, st.floats(-10, 10), st.integers(2, 400), LEVELS, LEVELS)
def test_more_confidence_widens_the_interval_and_each_holds_the_estimate(draws, estimate, clusters, first, second):
    (low, high), (lower, higher) = (interval(estimate, draws, clusters, level) for level in sorted((first, second)))
    assert lower <= low <= estimate <= high <= higher
    if abs(first - second) > 1e-3 and np.ptp(draws) > 1e-3:
        assert higher - lower > high - low


@given(DRAWS, st.sampled_from([nan, inf, -inf]), st.integers(2, 400))
def test_resamples_without_a_number_are_left_out_of_the_interval(draws, none, clusters):
    with_some = np.concatenate([[none], draws, [none, nan]])
    assert interval(0.5, with_some, clusters, 0.95) == interval(0.5, draws, clusters, 0.95)


@pytest.mark.parametrize(
    ("draws", "clusters"),
    [([0.1, 0.2, 0.3], 1), ([0.1, 0.2, 0.3], 0), ([nan, nan, nan], 60), ([nan, 0.2], 60), ([], 60)],
    ids=["one cluster", "no cluster", "no number", "one number", "no resample"],
)
@pytest.mark.filterwarnings("error")
def test_where_nothing_is_known_of_the_error_the_interval_is_no_number(draws, clusters):
    assert interval(0.2, np.array(draws), clusters, 0.95) == pytest.approx((nan, nan), nan_ok=True)


@pytest.mark.parametrize("clusters", [4, 12, 61])
def test_the_interval_of_a_mean_is_the_one_that_theory_and_another_library_give(clusters):
    """Clusters of equal size: their means are a plain sample, of which Student's interval is exact."""
    y, p = drawn(25 * clusters, seed=clusters)
    cluster = np.arange(len(y)) % clusters
    means = np.array([((p[cluster == number] - y[cluster == number]) ** 2).mean() for number in range(clusters)])
    draws = METRICS["brier"](y, p, cluster, draw_weights(clusters, 40_000, seed=2))
    bootstrap = stats.bootstrap((means,), np.mean, n_resamples=20_000, rng=3).standard_error
    assert draws.std(ddof=1) == pytest.approx(bootstrap, rel=0.03)
    wanted = stats.t.interval(0.9, clusters - 1, means.mean(), means.std(ddof=1) / clusters**0.5)
    found = interval(means.mean(), draws, clusters, 0.9)
    assert found == pytest.approx(wanted, abs=0.03 * (wanted[1] - wanted[0]) / 2)


@pytest.mark.parametrize("name", METRICS)
def test_a_model_differs_from_itself_by_exactly_nothing(name):
    y, p, cluster = large()
    draws = [METRICS[name](y, answers, cluster, draw_weights(12, 50, seed=6)) for answers in (p, p.copy())]
    assert not (draws[1] - draws[0]).any()
    assert interval(0.0, draws[1] - draws[0], 12, 0.95) == (0, 0)


@pytest.mark.parametrize("name", METRICS)
def test_what_two_models_share_cancels_in_the_interval_of_their_difference(name):
    y, p, cluster = large()
    second = np.clip(p * 0.99, 0, 1)
    draws = [METRICS[name](y, answers, cluster, draw_weights(12, 200, seed=7)) for answers in (p, second)]
    low, high = interval(0.0, draws[1] - draws[0], 12, 0.95)
    alone, above = interval(0.0, draws[0], 12, 0.95)
    assert high - low < (above - alone) / 3


@pytest.mark.parametrize("name", METRICS)
def test_neither_the_order_of_rows_nor_the_numbers_of_clusters_matter(name):
    y, p = drawn(600, seed=8)
    assert len(set(p.tolist())) == 600, "which of two tied rows is in the lower bin is decided by their order"
    draw = np.random.default_rng(9)
    cluster, order, numbers = draw.integers(0, 8, 600), draw.permutation(600), draw.permutation(8)
    weights = draw_weights(8, 20, seed=10)
    found = METRICS[name](y, p, cluster, weights)
    renumbered = METRICS[name](y[order], p[order], numbers[cluster[order]], weights[:, np.argsort(numbers)])
    assert renumbered == pytest.approx(found, **EXACT)
