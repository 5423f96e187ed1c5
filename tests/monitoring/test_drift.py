"""Drift beside the season: distances are what theory says, and a month that training knows is none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, norm
from scipy.stats.contingency import association

from tarmac.monitoring.drift import BINS, Bins, Seen, cramers_v, psi, usual

COUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=8)
PAIRS = st.integers(2, 8).flatmap(
    lambda size: st.tuples(*(st.lists(st.integers(0, 50), min_size=size, max_size=size).filter(any) for _ in range(2)))
)


def rows(values: object, dtype: str = "float32") -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, dtype=dtype)})


def drifted(before: pd.DataFrame, after: pd.DataFrame, month: object = None):
    codes = np.zeros(len(before), dtype=int) if month is None else np.asarray(month)
    return Seen(before["x"], codes).drift(after["x"])


@given(PAIRS)
def test_psi_is_negative_or_depends_on_the_side(pair):
    old, new = map(np.array, pair)
    assert psi(old, new) >= 0
    assert psi(old, new) == pytest.approx(psi(new, old))
    assert psi(old, old) == psi(old, 3 * old) == 0


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.5, 1.0])
def test_psi_of_two_normals_is_not_what_their_quantiles_say(shift):
    draw = np.random.default_rng(1)
    before, after = (rows(draw.normal(mean, 1, 200_000)) for mean in (0, shift))
    edges = norm.ppf(np.linspace(0, 1, BINS + 1))
    shares = np.diff(norm.cdf(edges - shift))
    expected = ((shares - 1 / BINS) * np.log(shares * BINS)).sum()
    assert drifted(before, after).psi == pytest.approx(expected, abs=0.01)


def test_psi_without_drift_is_larger_than_chance_allows():
    """Of n and m independent rows in b bins, PSI is about (1/n + 1/m) times a chi-square of b - 1."""
    draw, count = np.random.default_rng(2), 5_000
    values = [drifted(rows(draw.normal(size=count)), rows(draw.normal(size=count))).psi for _ in range(200)]
    expected = chi2(BINS - 1)
    assert np.mean(values) == pytest.approx(expected.mean() * 2 / count, rel=0.1)
    assert np.quantile(values, 0.95) == pytest.approx(expected.ppf(0.95) * 2 / count, rel=0.15)


@given(PAIRS)
def test_cramers_v_is_not_that_of_two_sides_of_one_size(pair):
    old, new = map(np.array, pair)
    table = np.stack([old * new.sum(), new * old.sum()])  # the same number of rows on each side
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] > 1:
        assert cramers_v(old, new) == pytest.approx(association(table, method="cramer"), abs=1e-9)
    assert 0 <= cramers_v(old, new) <= 1


def test_nothing_in_common_is_not_one():
    assert cramers_v(np.array([3, 0, 0]), np.array([0, 5, 1])) == pytest.approx(1)


def test_a_value_that_most_rows_have_shares_a_bin_with_those_above_it():
    before = rows([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0])
    assert Bins(before["x"]).count(before["x"])[0] == 95
    assert drifted(before, rows([0.0] * 50 + [1.0] * 50)).psi > 0.5


def test_a_season_that_training_has_seen_is_taken_for_drift():
    draw = np.random.default_rng(3)
    months = [draw.normal(mean, 1, 3_000) for mean in (0, 1, 2, 3)]
    before, month = rows(np.concatenate(months)), np.repeat(range(4), 3_000)
    summer = drifted(before, rows(draw.normal(2.9, 1, 3_000)), month)
    beyond = drifted(before, rows(draw.normal(5, 1, 3_000)), month)
    assert 0.25 < summer.psi < summer.usual < beyond.psi


def test_one_month_of_training_has_something_usual():
    assert usual(np.array([[3, 4, 0]])) == 0
    assert usual(np.array([[3, 4, 0], [3, 4, 0]])) == 0
    assert usual(np.array([[3, 4, 0], [4, 3, 0], [7, 7, 0]])) > 0


def test_an_input_that_is_missing_everywhere_breaks_the_watch():
    found = drifted(rows([None] * 50), rows([None] * 20))
    assert (found.psi, found.distance) == (0, 0)
    assert drifted(rows([1.0, 2.0]), rows([None] * 20)).psi > 1
