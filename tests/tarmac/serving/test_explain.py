"""Explanations: contributions sum to the prediction and approximate the exact Shapley values."""

from itertools import permutations
from math import factorial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.serving.explain import ORDERS, compute_explanation
from tarmac.serving.online import InputArrays
from tests.tarmac.serving.test_form import FORMS

BINARY = FORMS["binary"]
CATEGORIES, NUMBERS = ["where"], ["a", "b", "c"]
STARTS = InputArrays(
    np.array([["x"], ["y"]] * 20, dtype=object),
    np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32),
)


class Made:
    """A bundle of a formula: it tells inputs apart, lets them interact, and ignores `c`."""

    session = SimpleNamespace(categories=CATEGORIES, numbers=NUMBERS)
    online = SimpleNamespace(background=SimpleNamespace(num_rows=40))

    def select_background_rows(self, places: np.ndarray) -> InputArrays:
        return InputArrays(STARTS.categories[places], STARTS.numbers[places])

    def score(self, inputs: InputArrays) -> np.ndarray:
        a, b, _ = np.nan_to_num(inputs.numbers.astype(float)).T
        there = inputs.categories[:, 0] == "x"
        return 1 / (1 + np.exp(-(a + 2 * b * there - 0.5 * a * b)))


def row(where: str, *numbers: float) -> InputArrays:
    return InputArrays(np.array([[where]], dtype=object), np.array([numbers], dtype=np.float32))


NUMBER = st.one_of(st.floats(-3, 3, width=32), st.just(float("nan")))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["x", "y", "never seen"]), NUMBER, NUMBER, NUMBER)
def test_base_and_contributions_sum_to_prediction(where, a, b, c):
    asked = row(where, a, b, c)
    found = compute_explanation(Made(), asked, BINARY)
    assert found.base + found.contributions.sum() == pytest.approx(Made().score(asked)[0], abs=1e-9)
    assert found.contributions[found.names.index("c")] == 0  # the formula does not look at it
    assert (found.errors >= 0).all()


@pytest.mark.parametrize(
    "asked", [row("x", 1.5, 2.0, 0.0), row("y", -1.0, 0.5, 9.0), row("x", float("nan"), 1.0, 1.0)]
)
def test_contributions_match_shapley_values_within_error(asked):
    found, exact = compute_explanation(Made(), asked, BINARY), shapley(asked)
    assert found.names == [*CATEGORIES, *NUMBERS]
    assert found.walks == 2 * ORDERS
    apart = np.abs(found.contributions - exact)
    assert (apart <= 4 * found.errors + 1e-9).all(), (found.contributions, exact, found.errors)
    assert apart.max() < 0.15


def shapley(asked: InputArrays) -> np.ndarray:
    """Exact Shapley values: every order of the inputs, from every row that a walk can start at."""
    total, texts = np.zeros(4), len(CATEGORIES)
    for order in permutations(range(4)):
        now = InputArrays(STARTS.categories.copy(), STARTS.numbers.copy())
        before = Made().score(now).mean()
        for place in order:
            if place < texts:
                now.categories[:, place] = asked.categories[0, place]
            else:
                now.numbers[:, place - texts] = asked.numbers[0, place - texts]
            after = Made().score(now).mean()
            total[place] += after - before
            before = after
    return total / factorial(4)


class Several(Made):
    """The same with a class for each of three formulas."""

    def score(self, inputs: InputArrays) -> np.ndarray:
        one = super().score(inputs)
        return np.stack([one, (1 - one) * 0.4, (1 - one) * 0.6], axis=1)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["x", "y"]), NUMBER, NUMBER, NUMBER)
def test_explains_predicted_class(where, a, b, c):
    asked = row(where, a, b, c)
    found = compute_explanation(Several(), asked, FORMS["multiclass"])
    assert found.base + found.contributions.sum() == pytest.approx(
        Several().score(asked).max(), abs=1e-9
    )


def test_explanation_is_deterministic():
    first, second = (compute_explanation(Made(), row("x", 1.0, 1.0, 1.0), BINARY) for _ in range(2))
    assert np.array_equal(first.contributions, second.contributions)
