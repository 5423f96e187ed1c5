"""DeLong's standard error against another library and against exact fractions over all pairs."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MLstatkit import Delong_test
from sklearn.metrics import roc_auc_score

from tarmac.pipeline.intervals import delong
from tests.tarmac.pipeline.cases import ANY, TIED, drawn

relaxed = settings(deadline=None)  # a busy machine is no mistake
HALF = Fraction(1, 2)


@st.composite
def paired(draw):
    """Labels with two of each class at least, and the answers of two models, often tied."""
    values = draw(st.sampled_from([TIED, ANY]))
    of_one_class = st.lists(st.tuples(values, values), min_size=2, max_size=8)
    positives, negatives = draw(of_one_class), draw(of_one_class)
    answers = np.array([*positives, *negatives], dtype="float32")
    return (
        np.repeat([1, 0], [len(positives), len(negatives)]).astype("int8"),
        answers[:, 0],
        answers[:, 1],
    )


def components(y, p) -> tuple[list[Fraction], list[Fraction]]:
    """Return each positive's share of pairs won, and each negative's share of pairs lost.

    A tie counts as half of either.
    """
    positives, negatives = p[y == 1].tolist(), p[y == 0].tolist()
    won = {
        (i, j): HALF * ((positives[i] >= negatives[j]) + (positives[i] > negatives[j]))
        for i, j in product(range(len(positives)), range(len(negatives)))
    }
    return (
        [
            sum(won[i, j] for j in range(len(negatives))) / len(negatives)
            for i in range(len(positives))
        ],
        [
            sum(won[i, j] for i in range(len(positives))) / len(positives)
            for j in range(len(negatives))
        ],
    )


def covariance(a: list[Fraction], b: list[Fraction]) -> Fraction:
    means = sum(a) / len(a), sum(b) / len(b)
    return sum((x - means[0]) * (y - means[1]) for x, y in zip(a, b, strict=True)) / (len(a) - 1)


def exact(y, first, second) -> tuple[Fraction, Fraction]:
    """Difference of the two AUCs and its variance, by the formulas of 1988, without rounding."""
    one, two = components(y, first), components(y, second)
    variance = sum(
        (covariance(a, a) + covariance(b, b) - 2 * covariance(a, b)) / len(a)
        for a, b in zip(one, two, strict=True)
    )
    return sum(two[0]) / len(two[0]) - sum(one[0]) / len(one[0]), variance


def models(rows: int, seed: int, digits: int):
    """Return labels and the predictions of two models that share much.

    The fewer the digits, the more predictions are tied.
    """
    y, p = drawn(rows, seed)
    noise = np.random.default_rng(seed).random((2, rows))
    first, second = (p + noise[0]) / 2, (p + noise[1] / 2) / 1.5
    return y, np.round(first, digits).astype("float32"), np.round(second, digits).astype("float32")


@relaxed
@given(paired())
def test_difference_and_error_match_exact_fractions(rows):
    wanted, variance = exact(*rows)
    found, error = delong.compute_auc_difference(*rows)
    assert found == pytest.approx(float(wanted), abs=1e-12)
    assert error == pytest.approx(float(variance) ** 0.5, abs=1e-7)


@pytest.mark.parametrize("digits", [1, 2, 7])
@pytest.mark.parametrize(("rows", "seed"), [(60, 1), (400, 2), (3000, 3)])
def test_difference_error_and_interval_match_mlstatkit(rows, seed, digits):
    y, first, second = models(rows, seed, digits)
    z, p_value, _, _, auc_first, auc_second, info = Delong_test(y, first, second)
    assert info["method"] == "delong"
    found, error = delong.compute_auc_difference(y, first, second)
    assert found == pytest.approx(auc_second - auc_first, abs=1e-12)
    assert found / error == pytest.approx(z, rel=1e-9)
    ends = delong.compute_difference_interval(y, first, second, 1 - p_value)
    assert min(abs(end) for end in ends) < 1e-6, "an interval of confidence 1 - p ends at zero"


@relaxed
@given(paired())
def test_difference_is_second_auc_minus_first(rows):
    y, first, second = rows
    wanted = roc_auc_score(y, second) - roc_auc_score(y, first)
    assert delong.compute_auc_difference(*rows)[0] == pytest.approx(wanted, abs=1e-12)


@relaxed
@given(paired(), st.floats(0.5, 0.999))
def test_swapping_models_only_flips_sign(rows, confidence):
    y, first, second = rows
    found, error = delong.compute_auc_difference(y, first, second)
    assert delong.compute_auc_difference(y, second, first) == pytest.approx(
        (-found, error), abs=1e-12
    )
    low, high = delong.compute_difference_interval(y, first, second, confidence)
    assert low <= found <= high
    assert delong.compute_difference_interval(y, second, first, confidence) == pytest.approx(
        (-high, -low), abs=1e-12
    )


def test_a_better_second_model_has_a_positive_difference():
    y, p = drawn(2000, seed=4)
    low, high = delong.compute_difference_interval(
        y, np.random.default_rng(5).random(2000), p, 0.99
    )
    assert 0 < low < high


@relaxed
@given(paired())
def test_identical_models_have_zero_difference_and_interval(rows):
    y, first, _ = rows
    assert delong.compute_auc_difference(y, first, first.copy()) == (0, 0)
    assert delong.compute_difference_interval(y, first, first.copy(), 0.95) == (0, 0)


@relaxed
@given(paired())
def test_difference_depends_only_on_ranks_of_predictions(rows):
    y, first, second = rows
    ranks = [np.unique(p, return_inverse=True)[1].astype("float32") for p in (first, second)]
    assert delong.compute_auc_difference(y, *ranks) == delong.compute_auc_difference(
        y, first, second
    )


def test_error_halves_when_rows_are_repeated_four_times():
    """Check that repeated rows halve the error, although a copy adds no information.

    The method does not account for this; so the report resamples days.
    """
    y, first, second = models(800, 6, 3)
    once = delong.compute_auc_difference(y, first, second)
    repeated = delong.compute_auc_difference(np.tile(y, 4), np.tile(first, 4), np.tile(second, 4))
    assert repeated[0] == pytest.approx(once[0], abs=1e-12)
    assert repeated[1] == pytest.approx(once[1] / 2, rel=0.01)
