"""Permutation importance: zero for unused features, and largest for decisive ones.

It is deterministic per seed.
"""

import numpy as np
import pandas as pd
import pytest

from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.evaluate.importance import compute_importance

BINARY = TASKS["binary"]
NAMES = ["constant", "ignored", "strong", "weak"]


@pytest.fixture
def rows():
    draw = np.random.default_rng(1)
    table = pd.DataFrame({name: draw.normal(size=800) for name in NAMES}).assign(constant=4.0)
    return table.set_index(pd.Index(range(5, 805)))


@pytest.fixture
def labels(rows):
    return (
        3 * rows["strong"] + rows["weak"] + np.random.default_rng(2).normal(size=800) > 0
    ).to_numpy("int8")


def score(rows):
    return (3 * rows["strong"] + rows["weak"] + rows["constant"]).to_numpy()


def test_unused_and_constant_features_have_zero_importance(rows, labels):
    losses = compute_importance(score, NAMES, rows, labels, 1, BINARY).set_index("feature")[
        "auc_loss"
    ]
    assert losses["constant"] == losses["ignored"] == 0
    assert losses["strong"] > 5 * losses["weak"] > 0


def test_sole_useful_feature_ranks_first_and_ties_sort_by_name(rows, labels):
    table = compute_importance(
        lambda rows: rows["strong"].to_numpy(), NAMES, rows, labels, 1, BINARY
    )
    assert table["feature"][0] == "strong"
    assert table["auc_loss"][0] > 0.35  # from more than 0.9 down to a coin's 0.5
    assert list(table["auc_loss"][1:]) == [0, 0, 0]
    assert list(table["feature"][1:]) == ["constant", "ignored", "weak"], (
        "equal losses stand by name"
    )


def test_shuffling_depends_only_on_seed(rows, labels):
    first, again, other = (
        compute_importance(score, NAMES, rows, labels, seed, BINARY) for seed in (7, 7, 8)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_shuffling_does_not_modify_rows(rows, labels):
    before = rows.copy()
    compute_importance(score, NAMES, rows, labels, 1, BINARY)
    pd.testing.assert_frame_equal(rows, before)


def test_one_feature_is_shuffled_at_a_time_and_keeps_its_values(rows, labels):
    seen = []
    compute_importance(
        lambda given: (seen.append(given), score(given))[1], NAMES, rows, labels, 1, BINARY
    )
    assert len(seen) == 1 + len(NAMES)
    for name, given in zip(NAMES, seen[1:], strict=True):
        others = [other for other in NAMES if other != name]
        pd.testing.assert_frame_equal(given[others], rows[others])
        assert sorted(given[name]) == sorted(rows[name])


def test_regression_importance_is_loss_of_explained_variance(rows):
    y = (3 * rows["strong"] + rows["weak"]).to_numpy("float32")
    table = compute_importance(
        lambda given: (3 * given["strong"] + given["weak"]).to_numpy("float32"),
        NAMES,
        rows,
        y,
        1,
        TASKS["regression"],
    )
    losses = table.set_index("feature")["r2_loss"]
    assert list(table["feature"]) == ["strong", "weak", "constant", "ignored"]
    assert (losses["strong"], losses["weak"]) == pytest.approx((2 * 0.9, 2 * 0.1), rel=0.15)
