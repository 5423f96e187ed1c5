"""Drift: a symmetric distance from 0 to 1 that ignores row order and matches theoretical values."""

import datetime
import warnings
from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats.contingency import association

from tarmac.review.drift import effect

relaxed = settings(deadline=None)  # a busy machine is no mistake
NUMBER_TYPES = ["float64", "float32", "Float64"]
TEXT_TYPES = ["object", "str", "category"]
NUMBERS = st.lists(
    st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.floats(-4, 4, width=32)),
    max_size=12,
)
TEXTS = st.lists(st.sampled_from([None, "a", "b", "", "nan", "None"]), max_size=12)
SIDES = st.one_of(
    st.tuples(st.sampled_from(NUMBER_TYPES), NUMBERS, NUMBERS),
    st.tuples(st.sampled_from(TEXT_TYPES), TEXTS, TEXTS),
)


def gap(old: list, new: list) -> Fraction:
    """Largest difference of the two shares at or below any value."""
    shares = (
        [Fraction(sum(x <= at for x in side), len(side)) for at in {*old, *new}]
        for side in (old, new)
    )
    return max(abs(first - second) for first, second in zip(*shares, strict=True))


def cramer(old: list, new: list) -> float:
    """Return Cramér's V of category and side, by scipy.

    Each side counts as the same number of rows; a missing value is a category.
    """
    first, second = Counter(old), Counter(new)
    table = np.array([[first[x] * len(new), second[x] * len(old)] for x in {*first, *second}])
    return association(table, method="cramer") if len(table) > 1 else 0.0


def of_numbers(old: list, new: list) -> Fraction:
    known = [[x for x in side if x is not None] for side in (old, new)]
    missing = abs(Fraction(old.count(None), len(old)) - Fraction(new.count(None), len(new)))
    return max(missing, gap(*known)) if all(known) else missing


@relaxed
@given(st.sampled_from(NUMBER_TYPES), NUMBERS.filter(len), NUMBERS.filter(len))
def test_number_drift_is_max_of_ks_statistic_and_missing_gap(dtype, old, new):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = effect(pd.Series(old, dtype=dtype), pd.Series(new, dtype=dtype))
    assert found == pytest.approx(float(of_numbers(old, new)), abs=1e-12)


@relaxed
@given(st.sampled_from(TEXT_TYPES), TEXTS.filter(len), TEXTS.filter(len))
def test_text_drift_is_cramers_v_with_missing_as_category(dtype, old, new):
    found = effect(pd.Series(old, dtype=dtype), pd.Series(new, dtype=dtype))
    assert found == pytest.approx(cramer(old, new), abs=1e-7)


@relaxed
@given(SIDES)
def test_distance_is_symmetric_and_between_0_and_1(sides):
    dtype, old, new = sides
    before, after = pd.Series(old, dtype=dtype), pd.Series(new, dtype=dtype)
    assert 0 <= effect(before, after) <= 1
    assert effect(before, after) == pytest.approx(effect(after, before), abs=1e-12)


@relaxed
@given(SIDES, st.randoms(use_true_random=False))
def test_reordered_or_repeated_rows_do_not_drift(sides, random):
    dtype, old, _ = sides
    again = random.sample(old, len(old))
    assert effect(pd.Series(old, dtype=dtype), pd.Series(again, dtype=dtype)) == pytest.approx(
        0, abs=1e-12
    )
    assert effect(
        pd.Series(old, dtype=dtype), pd.Series(old + again, dtype=dtype)
    ) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "dtype"),
    [
        ([1, 2, 3], [4, 5], "int16"),
        ([1, 2, 3], [4, 5], "Int64"),
        ([0.5, -np.inf], [np.inf, 0.75], "float64"),
        ([False, False], [True], "bool"),
        ([False, False], [True], "boolean"),
        (["a", "b"], ["c", "c"], "object"),
        (["a", "b"], ["c", "c"], "str"),
        (["a", "b"], [None, None], "str"),
        (["nan", "None"], [None, None], "object"),
        ([1.5, 2.5], [None, None], "float32"),
    ],
)
def test_disjoint_samples_have_distance_1(old, new, dtype):
    assert effect(pd.Series(old, dtype=dtype), pd.Series(new, dtype=dtype)) == 1


@pytest.mark.parametrize("dtype", [*NUMBER_TYPES, *TEXT_TYPES])
def test_empty_sample_is_1_from_any_rows_and_0_from_empty(dtype):
    none, some = pd.Series([], dtype=dtype), pd.Series([None], dtype=dtype)
    assert (effect(none, some), effect(some, none), effect(none, none)) == (1, 1, 0)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 2.0])
def test_distance_of_shifted_normals_matches_theory(shift):
    draw = np.random.default_rng(1)
    old, new = (pd.Series(draw.normal(mean, 1, 40_000).astype("float32")) for mean in (0, shift))
    assert effect(old, new) == pytest.approx(
        2 * norm.cdf(shift / 2) - 1, abs=2.2 * (2 / 40_000) ** 0.5
    )


def test_detects_wider_spread_around_same_mean():
    draw = np.random.default_rng(2)
    old, new = (pd.Series(draw.uniform(-width, width, 40_000)) for width in (1, 2))
    assert effect(old, new) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("dtype", "values"), [("float32", [1.0, 2.0]), ("str", ["a", "b"]), ("object", ["a", "b"])]
)
@pytest.mark.parametrize(("old", "new"), [(0, 25), (10, 40), (0, 100), (100, 100), (60, 30)])
def test_detects_change_in_share_of_missing_values(dtype, values, old, new):
    def side(missing: int) -> pd.Series:
        return pd.Series([None] * missing + (values * 50)[: 100 - missing], dtype=dtype)

    more = abs(old - new) / 100
    if dtype == "float32":
        assert effect(side(old), side(new)) == pytest.approx(more, abs=0.005)
    else:
        assert more <= effect(side(old), side(new)) <= more**0.5


@pytest.mark.parametrize(
    "dtypes", [("int8", "int64"), ("int16", "float32"), ("bool", "float64"), ("Int64", "float64")]
)
def test_numeric_dtype_does_not_cause_drift(dtypes):
    first, second = (pd.Series([0, 1, 1, 0], dtype=dtype) for dtype in dtypes)
    assert effect(first, second) == 0


@pytest.mark.parametrize("dtypes", [("object", "str"), ("str", "category"), ("category", "object")])
def test_text_dtype_does_not_cause_drift(dtypes):
    first, second = (pd.Series(["a", None, "b"], dtype=dtype) for dtype in dtypes)
    assert effect(first, second) == 0


@pytest.mark.parametrize("kept_as", ["object", "datetime64[s]"])
def test_dates_are_compared_as_categories(kept_as):
    first = [datetime.date(2013, 1, day) for day in (1, 2, 3, 4)]
    later, over = (
        pd.Series([day + datetime.timedelta(days) for day in first], dtype=kept_as)
        for days in (30, 1)
    )
    before = pd.Series(first, dtype=kept_as)
    assert (effect(before, before), effect(before, over), effect(before, later)) == (0, 0.5, 1)


def test_effect_leaves_its_inputs_unchanged():
    before, after = pd.Series([2.0, None, 1.0]), pd.Series(["b", None, "a"], dtype="object")
    kept = before.copy(), after.copy()
    effect(before, before[::-1])
    effect(after, before)
    pd.testing.assert_series_equal(before, kept[0])
    pd.testing.assert_series_equal(after, kept[1])
