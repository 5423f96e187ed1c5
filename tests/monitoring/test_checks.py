"""The policy says what is found: nothing acts that is not proven, and what is broken is told by its name."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.evaluation.sample import Estimate
from tarmac.monitoring import checks
from tarmac.monitoring.daily import Daily, dates
from tarmac.monitoring.decay import Change, SliceChange
from tarmac.monitoring.drift import FeatureDrift
from tarmac.monitoring.feed import Health
from tarmac.params import Levels, load
from tarmac.problem.names import DAY, TARGET
from tests.conftest import ROOT

POLICY = load(ROOT / "params.yaml").monitor
REACH = st.floats(0, 0.2)
SHARES = ("missing", "missing_before", "unknown", "unknown_before", "gone", "gone_before", "apart")
FINE = Health(**dict.fromkeys(SHARES, 0.0), stuck=False)


@given(st.floats(0.7, 0.8), st.floats(-0.2, 0.2), REACH, st.sampled_from([("roc_auc", 1), ("log_loss", -1)]))
def test_a_loss_acts_that_is_not_proven_beyond_its_tolerance(before, moved, reach, kind):
    name, sign = kind
    found = checks.metric(Change(name, before, before + moved, moved, moved - reach, moved + reach), 0.02)
    smallest_loss = -(sign * moved + reach)
    expected = "act" if smallest_loss > 0.02 else "watch" if smallest_loss > 0 else "ok"
    assert found.outcome == expected


@given(st.floats(-0.3, 0.3), REACH)
def test_a_gap_acts_that_is_not_proven_beyond_its_tolerance(gap, reach):
    found = checks.calibration(Estimate(gap, gap - reach, gap + reach), Estimate(0, 0, 0), 0.05)
    least = max(abs(gap) - reach, 0)
    assert found.outcome == ("act" if least > 0.05 else "watch" if least > 0 else "ok")


def test_an_interval_that_there_is_not_acts():
    nothing = float("nan")
    assert checks.metric(Change("roc_auc", 0.8, 0.4, -0.4, nothing, nothing), 0.02).outcome == "ok"
    assert checks.calibration(Estimate(0.4, nothing, nothing), Estimate(0, 0, 0), 0.05).outcome == "ok"


@pytest.mark.parametrize(
    ("health", "outcome", "said"),
    [
        ({}, None, ""),
        ({"missing": 0.06}, "watch", "missing in 6%"),
        ({"missing": 0.3, "missing_before": 0.29}, None, ""),
        ({"missing": 0.3, "missing_before": 0.02}, "act", "missing in 30% of the rows, 2% at most before"),
        ({"unknown": 0.02}, "watch", "never seen"),
        ({"unknown": 0.08, "unknown_before": 0.075}, None, ""),
        ({"unknown": 0.08, "unknown_before": 0.02}, "act", "never seen, 2% in the last month before"),
        ({"gone": 0.3}, "act", "are gone"),
        ({"gone": 0.3, "gone_before": 0.295}, None, ""),
        ({"stuck": True}, "act", "the same value"),
        ({"apart": 0.9}, "act", "another unit"),
    ],
)
def test_a_broken_input_is_not_told_or_a_whole_one_is(health, outcome, said):
    found = checks.integrity("temp", Health(**{**vars(FINE), **health}), POLICY, rows=1000)
    assert [(check.name, check.kind, check.outcome) for check in found] == (
        [("temp", "integrity", outcome)] if outcome else []
    )
    assert all(said in check.reason for check in found)


def test_days_of_another_unit_are_trusted_or_a_handful_of_rows_is_not():
    far = Health(**{**vars(FINE), "apart": 0.9})
    (found,) = checks.integrity("temp", far, POLICY, rows=1000, whole=False)
    assert (found.outcome, found.reason.startswith("90% of the rows lie beyond")) == ("act", True)
    assert checks.integrity("temp", far, POLICY, rows=5, whole=False) == []


def test_a_handful_of_rows_makes_a_sensor_stand_still():
    assert checks.integrity("temp", Health(**{**vars(FINE), "stuck": True}), POLICY, rows=5) == []


def of_days(first: date, counts: Sequence[int]) -> pd.Series:
    """The day of each row, so many of them on the first day and on those that follow."""
    day = [first + timedelta(days=number) for number, count in enumerate(counts) for _ in range(count)]
    return pd.Series(day, dtype=object)


def days(counts: Sequence[int], before: Sequence[int] = (100,) * 31, first: date = date(2013, 1, 1)) -> checks.Check:
    after = date(2013, 6, 1)
    expected = dates(after, after + timedelta(days=len(counts)))
    rows = pd.DataFrame({DAY: of_days(after, counts)})
    return checks.days(rows, expected, Daily(of_days(first, before)), POLICY)


def test_days_that_are_absent_thin_or_doubled_are_not_counted():
    assert days([100] * 30).outcome == "ok"
    assert days([100] * 28 + [40, 100]).outcome == "watch"
    assert days([100] * 12 + [0] * 18).outcome == "act"
    assert days([210] * 30).outcome == "act"
    assert "18 of 30 days" in days([100] * 12 + [0] * 18).reason
    assert "the first is 2013-06-13 with 0" in days([100] * 12 + [0] * 18).reason


WEEK = [100] * 5 + [0, 0]


def test_weekends_without_rows_or_days_of_few_rows_are_broken_data():
    """As they were before; what is missing beside them is seen."""
    assert days((WEEK * 5)[:30], before=(WEEK * 22)[:151]).outcome == "ok"
    assert days([*(WEEK * 5)[:15], *[0] * 15], before=(WEEK * 22)[:151]).outcome == "act"


@pytest.mark.parametrize(("usual", "seen"), [(2, 0), (6, 140), (20, 200)])
def test_chance_alone_breaks_the_data_or_a_fifth_of_the_rows_does_not(usual, seen):
    """Two months, and two hundred thirds; of two rows a day a day without any is chance."""
    draw = np.random.default_rng(4)

    def acting(share: float) -> int:
        rows = ((draw.poisson(share * usual, 30), draw.poisson(usual, 59)) for _ in range(200))
        return sum(days(now, before=before).outcome == "act" for now, before in rows)

    assert acting(1) <= 2
    assert acting(0.8) <= 10
    assert acting(1 / 5) >= seen


def test_a_first_month_that_began_late_excuses_what_is_missing_later():
    late = days([0] * 10 + [100] * 20, before=[100] * 68, first=date(2013, 3, 25))
    assert (late.outcome, "in a month before" in late.reason) == ("act", False)


def test_labels_that_are_not_there_yet_are_a_fault():
    def found(values: list[float]) -> checks.Check:
        return checks.labels(pd.DataFrame({TARGET: values}), 0.03, POLICY)

    assert found([np.nan] * 200).outcome == "watch"
    assert found([1.0, 0.0] * 50 + [np.nan] * 50).outcome == "act"
    assert found([1.0, 0.0] * 98 + [np.nan] * 4).outcome == "ok"
    assert found([0.0] * 200).outcome == "act"


def drifted(psi: float, usual: float) -> FeatureDrift:
    return FeatureDrift("x", psi, 0.1, usual)


def test_a_season_or_a_single_input_asks_for_a_new_model():
    assert checks.worst(checks.drift([drifted(5.0, 6.0)] * 10, POLICY)) == "ok"
    assert checks.worst(checks.drift([drifted(5.0, 1.0), *[drifted(0.0, 0.0)] * 9], POLICY)) == "watch"
    assert checks.worst(checks.drift([drifted(0.3, 0.2)] * 2 + [drifted(0.0, 0.0)] * 8, POLICY)) == "act"
    assert checks.worst(checks.drift([], POLICY)) == "ok"


def test_answers_that_drift_ask_for_a_new_model_though_labels_say_it_is_right():
    assert checks.prediction(0.9, POLICY, proves=False).outcome == "watch"
    assert checks.prediction(0.9, POLICY, proves=True).outcome == "act"


def test_a_slice_is_pointed_out_by_chance():
    def found(low: float, high: float) -> checks.Check | None:
        return checks.one_slice(SliceChange("origin", "JFK", 900, 0.6, 0.8, (low + high) / 2, low, high), 0.05)

    assert found(-0.3, -0.04) is None
    assert found(float("nan"), float("nan")) is None
    assert found(-0.3, -0.06).outcome == "watch"


@given(st.floats(0, 2), st.floats(0.01, 1), st.floats(0, 1))
def test_a_level_is_reached_before_its_value(value, watch, more):
    found = checks.level(value, Levels(watch=watch, act=watch + more))
    assert (found == "act") == (value >= watch + more)
    assert (found == "ok") == (value < watch)
