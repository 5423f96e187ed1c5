"""Behaviours: each changes the columns that it names, and no others."""

from typing import get_args, get_type_hints

import numpy as np
import pandas as pd
import pytest

from flights.contract.columns import CATEGORICAL, FEATURES, KEY, TARGET, feature_names
from flights.evaluation.behaviour import BEHAVIOURS
from tarmac.interface.behaviour import Behaviour, add_amount, add_two_deviations, set_value

NAMES = feature_names(list(FEATURES))
BY_NAME = pytest.mark.parametrize(
    "behaviour", BEHAVIOURS, ids=[behaviour.name for behaviour in BEHAVIOURS]
)


def rows() -> pd.DataFrame:
    """A feature table: float32 numbers of which some are missing, text, the key and the label."""
    draw = np.random.default_rng(1)
    numbers = {
        name: draw.normal(5, 2, 80).astype("float32") for name in NAMES if name not in CATEGORICAL
    }
    table = pd.DataFrame(numbers)
    table = table.mask(pd.DataFrame(draw.random(table.shape) < 0.1, columns=table.columns))
    table = table.assign(**{name: draw.choice(["AA", "B6"], 80) for name in CATEGORICAL})
    key = {"day": pd.to_datetime("2013-11-05").date(), "flight": np.arange(2, 82, dtype="int16")}
    return table.assign(**key, **{TARGET: draw.integers(0, 2, 80).astype("float64")})


def test_names_are_unique():
    assert len({behaviour.name for behaviour in BEHAVIOURS}) == len(BEHAVIOURS)


def test_every_expectation_is_covered():
    known = get_args(get_type_hints(Behaviour)["expectation"])
    assert {behaviour.expectation for behaviour in BEHAVIOURS} == set(known)


@BY_NAME
def test_columns_are_known_unique_and_exclude_label(behaviour):
    assert behaviour.columns
    assert len(set(behaviour.columns)) == len(behaviour.columns)
    assert set(behaviour.columns) <= {*NAMES, *KEY} - {TARGET}


@BY_NAME
def test_only_invariance_checks_use_non_feature_columns(behaviour):
    features = set(behaviour.columns) & set(NAMES)
    assert features == (set() if behaviour.expectation == "same" else set(behaviour.columns))


@BY_NAME
def test_change_affects_exactly_the_named_columns(behaviour):
    before, given = rows(), rows()
    after = behaviour.change(given, behaviour.columns)
    pd.testing.assert_frame_equal(given, before)
    others = [name for name in before if name not in behaviour.columns]
    pd.testing.assert_frame_equal(after[others], before[others])
    assert list(after.columns) == list(before.columns)
    for name in behaviour.columns:
        same = (after[name] == before[name]) | (after[name].isna() & before[name].isna())
        assert same.mean() < 0.2, f"{name} is as it was: nothing is tried"


@BY_NAME
def test_change_keeps_column_types(behaviour):
    before = rows()
    after = behaviour.change(before, behaviour.columns)
    for name in set(behaviour.columns) & set(NAMES):
        assert after[name].dtype == before[name].dtype, name


@BY_NAME
def test_directional_changes_increase_and_others_set_constant(behaviour):
    before = rows()
    after = behaviour.change(before, behaviour.columns)
    for name in behaviour.columns:
        if behaviour.expectation in {"higher", "lower"}:
            known = before[name].notna()
            assert (after[name][known] > before[name][known]).all()
            assert after[name][~known].isna().all()
        else:
            assert after[name].nunique(dropna=False) == 1
            assert not after[name].isin(before[name].dropna()).any()


def test_worsens_adds_two_standard_deviations_per_column():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan], "b": [10.0, 20.0, 30.0, 40.0], "c": 0.0})
    after = add_two_deviations(table, ["a", "b"])
    assert after["a"].tolist() == pytest.approx([3, 4, 5, np.nan], nan_ok=True)
    assert (after["b"] - table["b"]).tolist() == pytest.approx([2 * (500 / 3) ** 0.5] * 4)
    assert after["c"].equals(table["c"])


def test_grows_keeps_missing_values_and_becomes_replaces_all():
    table = pd.DataFrame({"a": [1.0, np.nan], "b": [2.0, 3.0]})
    wanted = pd.DataFrame({"a": [61.0, np.nan], "b": [62.0, 63.0]})
    pd.testing.assert_frame_equal(add_amount(60.0)(table, ["a", "b"]), wanted)
    assert set_value("??")(table, ["a"]).to_dict("list") == {"a": ["??", "??"], "b": [2.0, 3.0]}


def test_feed_outage_covers_its_whole_feature_group():
    by_name = {behaviour.name: behaviour.columns for behaviour in BEHAVIOURS}
    assert by_name["no weather report"] == FEATURES["weather"]
    assert by_name["no news of the day's operations"] == FEATURES["operations"]
