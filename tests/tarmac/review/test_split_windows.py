"""Windows move with the months: consecutive, without a gap.

They are never longer than the policy says.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.pipeline.base.months import add_months, list_months_between
from tarmac.pipeline.base.params import SplitParams
from tarmac.policy import RetrainParams
from tarmac.review.split_windows import SplitWindowError, compute_split_windows

COUNTS = st.integers(1, 14)


def policy(train: int, validation: int, test: int) -> RetrainParams:
    months = {"train_months": train, "validation_months": validation, "test_months": test}
    return RetrainParams(every_months=None, release="manual", **months)


@given(st.integers(0, 40), COUNTS, COUNTS, COUNTS)
def test_windows_are_consecutive_and_within_available_months(after, train, validation, test):
    first, last = "2013-11", add_months("2013-11", after)
    if validation + test > after:
        with pytest.raises(
            SplitWindowError,
            match=f"too few months from {first} to {last}: .* need {validation + test + 1}$",
        ):
            compute_split_windows(first, last, policy(train, validation, test))
        return
    found = compute_split_windows(first, last, policy(train, validation, test))
    windows = [
        (found[f"split.{name}.first"], found[f"split.{name}.last"])
        for name in ("train", "validation", "test")
    ]
    used = [month for window in windows for month in list_months_between(*window)]
    assert used == list_months_between(windows[0][0], last)
    assert windows[0][0] >= first
    assert [len(list_months_between(*window)) for window in windows[1:]] == [validation, test]
    assert len(list_months_between(*windows[0])) == min(train, after + 1 - validation - test)


def test_policy_reproduces_committed_windows():
    split = SplitParams.model_validate(
        {
            name: {"first": found[f"split.{name}.first"], "last": found[f"split.{name}.last"]}
            for found in [compute_split_windows("2013-01", "2013-12", policy(9, 1, 2))]
            for name in ("train", "validation", "test")
        }
    )
    assert (split.train.last, split.validation.last, split.test.first) == (
        "2013-09",
        "2013-10",
        "2013-11",
    )


@given(st.integers(-300, 300))
def test_shifting_month_forward_and_back_restores_it(by):
    assert add_months(add_months("2013-06", by), -by) == "2013-06"
    assert len(list_months_between("1985-01", add_months("2013-06", by))) == 12 * 28 + 6 + by
