"""Drift: distances match theory, and a season that training has seen is not drift."""

from dataclasses import FrozenInstanceError
from math import log, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import chi2, norm
from scipy.stats.contingency import association

from tarmac.monitoring.drift import (
    BINS,
    FeatureBins,
    FeatureDrift,
    ReferenceInput,
    compute_max_monthly_psi,
    compute_psi,
)
from tarmac.review.drift import compute_cramers_v, effect

COUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=8)
PAIRS = st.integers(2, 8).flatmap(
    lambda size: st.tuples(
        *(st.lists(st.integers(0, 50), min_size=size, max_size=size).filter(any) for _ in range(2))
    )
)


def rows(values: object, dtype: str = "float32") -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, dtype=dtype)})


def drifted(before: pd.DataFrame, after: pd.DataFrame, month: object = None):
    codes = np.zeros(len(before), dtype=int) if month is None else np.asarray(month)
    return ReferenceInput(before["x"], codes).compute_drift(after["x"])


@given(PAIRS)
def test_psi_is_non_negative_symmetric_and_zero_for_equal_shares(pair):
    old, new = map(np.array, pair)
    assert compute_psi(old, new) >= 0
    assert compute_psi(old, new) == pytest.approx(compute_psi(new, old))
    assert compute_psi(old, old) == compute_psi(old, 3 * old) == 0


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.5, 1.0])
def test_psi_of_two_normals_matches_their_quantiles(shift):
    draw = np.random.default_rng(1)
    before, after = (rows(draw.normal(mean, 1, 200_000)) for mean in (0, shift))
    edges = norm.ppf(np.linspace(0, 1, BINS + 1))
    shares = np.diff(norm.cdf(edges - shift))
    expected = ((shares - 1 / BINS) * np.log(shares * BINS)).sum()
    assert drifted(before, after).psi == pytest.approx(expected, abs=0.01)


def test_psi_without_drift_follows_chi_square_distribution():
    """Check the distribution of PSI for n and m independent rows in b bins.

    It is about (1/n + 1/m) times a chi-square of b - 1.
    """
    draw, count = np.random.default_rng(2), 5_000
    values = [
        drifted(rows(draw.normal(size=count)), rows(draw.normal(size=count))).psi
        for _ in range(200)
    ]
    expected = chi2(BINS - 1)
    assert np.mean(values) == pytest.approx(expected.mean() * 2 / count, rel=0.1)
    assert np.quantile(values, 0.95) == pytest.approx(expected.ppf(0.95) * 2 / count, rel=0.15)


@given(PAIRS)
@example(([0, 1], [0, 2]))  # a category of neither side
@example(([0, 0], [0, 0]))
def test_cramers_v_weights_both_sides_equally(pair):
    old, new = map(np.array, pair)
    table = np.stack([old * new.sum(), new * old.sum()])  # the same number of rows on each side
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] > 1:
        assert compute_cramers_v(old, new) == pytest.approx(
            association(table, method="cramer"), abs=1e-9
        )
    assert 0 <= compute_cramers_v(old, new) <= 1


def test_cramers_v_of_disjoint_categories_is_one():
    assert compute_cramers_v(np.array([3, 0, 0]), np.array([0, 5, 1])) == pytest.approx(1)


def test_most_frequent_value_has_its_own_bin():
    before = rows([0.0] * 95 + [1.0, 2.0, 3.0, 4.0, 5.0])
    assert FeatureBins(before["x"]).count_rows(before["x"])[0] == 95
    assert drifted(before, rows([0.0] * 50 + [1.0] * 50)).psi > 0.5


def test_season_seen_in_training_stays_below_usual_psi():
    draw = np.random.default_rng(3)
    months = [draw.normal(mean, 1, 3_000) for mean in (0, 1, 2, 3)]
    before, month = rows(np.concatenate(months)), np.repeat(range(4), 3_000)
    summer = drifted(before, rows(draw.normal(2.9, 1, 3_000)), month)
    beyond = drifted(before, rows(draw.normal(5, 1, 3_000)), month)
    assert 0.25 < summer.psi < summer.usual < beyond.psi


def test_usual_psi_is_zero_unless_months_differ():
    assert compute_max_monthly_psi(np.array([[3, 4, 0]])) == 0
    assert compute_max_monthly_psi(np.array([[3, 4, 0], [3, 4, 0]])) == 0
    assert compute_max_monthly_psi(np.array([[3, 4, 0], [4, 3, 0], [7, 7, 0]])) > 0


def test_input_missing_everywhere_drifts_only_if_known_before():
    found = drifted(rows([None] * 50), rows([None] * 20))
    assert (found.psi, found.distance) == (0, 0)
    assert drifted(rows([1.0, 2.0]), rows([None] * 20)).psi > 1


def texts(*values: str | None, dtype: str = "object") -> pd.Series:
    return pd.Series(values, dtype=dtype, name="x")


def numbers(*values: float | None) -> pd.Series:
    return pd.Series(values, dtype="float64", name="x")


def test_cuts_reference_into_ten_equal_bins():
    """As the levels of PSI that everyone uses, 0.1 and 0.25, assume."""
    values = numbers(*range(1000))
    assert BINS == 10
    assert len(FeatureBins(values).edges) == 9
    assert FeatureBins(values).count_rows(values).tolist() == [100] * 10 + [0, 0]


@pytest.mark.parametrize("dtype", ["object", "str"])
def test_missing_and_unknown_text_are_separate_categories(dtype):
    bins = FeatureBins(texts("b", "a", "b", None, dtype=dtype))
    assert bins.edges.tolist() == ["a", "b"]
    assert bins.assign_bins(texts("a", "b", "z", None, dtype=dtype)).tolist() == [0, 1, 2, 3]
    assert bins.count_rows(texts("b", "b", "z", dtype=dtype)).tolist() == [0, 2, 1, 0]


def test_edge_value_is_in_lower_bin_and_missing_value_in_last():
    bins = FeatureBins(numbers(*range(11), None))
    assert bins.edges.tolist() == pytest.approx([1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert bins.assign_bins(numbers(-5, 1, 1.5, 9, 99, None)).tolist() == [0, 0, 1, 8, 9, 11]


def test_psi_counts_empty_bin_as_ten_thousandth():
    share = 1e-4
    expected = 2 * (1 - share) * log(1 / share)
    assert compute_psi(np.array([7, 0]), np.array([0, 3])) == pytest.approx(expected)


def test_one_row_is_enough_to_compare():
    one, other = np.array([1, 0]), np.array([0, 1])
    assert (compute_cramers_v(one, 3 * one), compute_cramers_v(one, other)) == (0, 1)
    assert compute_psi(one, 3 * one) == 0
    assert compute_psi(one, other) == compute_psi(3 * one, 3 * other)


def test_comparing_empty_counts_does_not_divide_by_zero():
    none = np.array([0, 0])
    with np.errstate(all="raise"):
        assert (compute_psi(none, none), compute_cramers_v(none, none)) == (0, 0)


def test_compares_text_with_all_training_rows():
    known = texts("a", "b", "a", "b")
    found = ReferenceInput(known, np.array([0, 1, 0, 1])).compute_drift(texts("a", "z", None, "a"))
    # Shares of a, b, unknown and missing: 1/2, 1/2, 0, 0 in training and 1/2, 0, 1/4, 1/4 now.
    gained = 2 * (0.25 - 1e-4) * log(0.25 / 1e-4)
    lost = (0.5 - 1e-4) * log(0.5 / 1e-4)
    assert found == FeatureDrift(
        feature="x",
        psi=pytest.approx(gained + lost),
        distance=pytest.approx(sqrt((0.5 + 0.25 + 0.25) / 2)),
        usual=pytest.approx(2 * (1 - 1e-4) * log(1e4)),
    )


def test_distance_of_numbers_is_largest_gap_of_distributions():
    found = ReferenceInput(numbers(3, 1, None, 2), np.zeros(4, dtype=int)).compute_drift(
        numbers(2, None, 5, 4)
    )
    assert found.distance == pytest.approx(2 / 3)


@pytest.mark.parametrize(("before", "after"), [((1, 2), (None,)), ((None,), (1, 2))])
def test_distance_is_zero_where_one_side_has_no_known_number(before, after):
    known = ReferenceInput(numbers(*before), np.zeros(len(before), dtype=int))
    assert known.compute_drift(numbers(*after)).distance == 0


def test_usual_is_largest_psi_of_one_month_against_all_others():
    months = np.array([[5, 5], [9, 1], [5, 5]])
    assert compute_max_monthly_psi(months) == pytest.approx(
        0.4 * log(0.9 / 0.5) - 0.4 * log(0.1 / 0.5)
    )


def test_groups_training_rows_by_their_month():
    of_each = [5, 5, 9, 1]
    values, month = (np.repeat(one, of_each) for one in (["a", "b", "a", "b"], [1, 1, 0, 0]))
    found = ReferenceInput(texts(*values), month).compute_drift(texts("a"))
    assert found.usual == pytest.approx(0.4 * log(0.9 / 0.5) - 0.4 * log(0.1 / 0.5))


def test_drift_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        FeatureDrift("x", 0.1, 0.2, 0.3).feature = "another"


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=20), st.data())
def test_review_and_monitoring_compute_same_distance(before: list, data: st.DataObject):
    after = data.draw(
        st.lists(st.sampled_from([*sorted({one for one in before if one}), None]), min_size=1)
    )
    old, new = texts(*before), texts(*after)
    assert ReferenceInput(old, np.zeros(len(old), dtype=int)).compute_drift(
        new
    ).distance == pytest.approx(effect(old, new), abs=1e-9)
