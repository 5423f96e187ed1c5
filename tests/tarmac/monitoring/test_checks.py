"""Monitoring checks: losses are critical only if proven.

Broken data is reported with its reason.
"""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.interface.problem import problem
from tarmac.monitoring import checks
from tarmac.monitoring.daily import DailyRowCounts
from tarmac.monitoring.decay import MetricDecay, SliceDecay
from tarmac.monitoring.drift import FeatureDrift
from tarmac.monitoring.feed import InputHealth
from tarmac.pipeline.base.months import list_dates
from tarmac.pipeline.intervals.sample import MetricEstimate
from tarmac.policy import Levels, load_all_params
from tests.conftest import ROOT

POLICY = load_all_params(ROOT / "params.yaml").monitor
REACH = st.floats(0, 0.2)
SHARES = ("missing", "missing_before", "unknown", "unknown_before", "gone", "gone_before", "apart")
FINE = InputHealth(**dict.fromkeys(SHARES, 0.0), stuck=False)


@given(
    st.floats(0.7, 0.8),
    st.floats(-0.2, 0.2),
    REACH,
    st.sampled_from([("roc_auc", 1), ("log_loss", -1)]),
)
def test_metric_loss_is_critical_only_if_proven_beyond_tolerance(before, moved, reach, kind):
    name, sign = kind
    found = checks.evaluate_metric_change(
        MetricDecay(name, before, before + moved, moved, moved - reach, moved + reach), 0.02
    )
    smallest_loss = -(sign * moved + reach)
    expected = "critical" if smallest_loss > 0.02 else "warning" if smallest_loss > 0 else "ok"
    assert found.outcome == expected


@given(st.floats(-0.3, 0.3), REACH)
def test_calibration_gap_is_critical_only_if_proven_beyond_limit(gap, reach):
    found = checks.evaluate_calibration(
        MetricEstimate(gap, gap - reach, gap + reach), MetricEstimate(0, 0, 0), 0.05
    )
    least = max(abs(gap) - reach, 0)
    assert found.outcome == ("critical" if least > 0.05 else "warning" if least > 0 else "ok")


def test_metric_or_calibration_without_interval_is_ok():
    nothing = float("nan")
    assert (
        checks.evaluate_metric_change(
            MetricDecay("roc_auc", 0.8, 0.4, -0.4, nothing, nothing), 0.02
        ).outcome
        == "ok"
    )
    assert (
        checks.evaluate_calibration(
            MetricEstimate(0.4, nothing, nothing), MetricEstimate(0, 0, 0), 0.05
        ).outcome
        == "ok"
    )


@pytest.mark.parametrize(
    ("health", "outcome", "said"),
    [
        ({}, None, ""),
        ({"missing": 0.06}, "warning", "missing in 6%"),
        ({"missing": 0.3, "missing_before": 0.29}, None, ""),
        (
            {"missing": 0.3, "missing_before": 0.02},
            "critical",
            "missing in 30% of the rows, 2% at most before",
        ),
        ({"unknown": 0.02}, "warning", "never seen"),
        ({"unknown": 0.08, "unknown_before": 0.075}, None, ""),
        (
            {"unknown": 0.08, "unknown_before": 0.02},
            "critical",
            "never seen, 2% in the last month before",
        ),
        ({"gone": 0.3}, "critical", "are gone"),
        ({"gone": 0.3, "gone_before": 0.295}, None, ""),
        ({"stuck": True}, "critical", "the same value"),
        ({"apart": 0.9}, "critical", "another unit"),
    ],
)
def test_reports_broken_input_and_not_healthy_one(health, outcome, said):
    found = checks.evaluate_input_integrity(
        "temp", InputHealth(**{**vars(FINE), **health}), POLICY, rows=1000
    )
    assert [(check.name, check.kind, check.outcome) for check in found] == (
        [("temp", "integrity", outcome)] if outcome else []
    )
    assert all(said in check.reason for check in found)


def test_unit_change_within_days_is_critical_unless_rows_are_few():
    far = InputHealth(**{**vars(FINE), "apart": 0.9})
    (found,) = checks.evaluate_input_integrity("temp", far, POLICY, rows=1000, whole=False)
    assert (found.outcome, found.reason.startswith("90% of the rows lie beyond")) == (
        "critical",
        True,
    )
    assert checks.evaluate_input_integrity("temp", far, POLICY, rows=5, whole=False) == []


def test_few_equal_values_are_not_reported_as_stuck_sensor():
    assert (
        checks.evaluate_input_integrity(
            "temp", InputHealth(**{**vars(FINE), "stuck": True}), POLICY, rows=5
        )
        == []
    )


def of_days(first: date, counts: Sequence[int]) -> pd.Series:
    """The day of each row, so many of them on the first day and on those that follow."""
    day = [
        first + timedelta(days=number) for number, count in enumerate(counts) for _ in range(count)
    ]
    return pd.Series(day, dtype=object)


def days(
    counts: Sequence[int], before: Sequence[int] = (100,) * 31, first: date = date(2013, 1, 1)
) -> checks.MonitoringCheck:
    after = date(2013, 6, 1)
    expected = list_dates(after, after + timedelta(days=len(counts)))
    rows = pd.DataFrame({problem.contract.DAY: of_days(after, counts)})
    return checks.evaluate_days(rows, expected, DailyRowCounts(of_days(first, before)), POLICY)


def test_counts_absent_sparse_and_doubled_days():
    assert days([100] * 30).outcome == "ok"
    assert days([100] * 28 + [40, 100]).outcome == "warning"
    assert days([100] * 12 + [0] * 18).outcome == "critical"
    assert days([210] * 30).outcome == "critical"
    assert "18 of 30 days" in days([100] * 12 + [0] * 18).reason
    assert "the first is 2013-06-13 with 0" in days([100] * 12 + [0] * 18).reason


WEEK = [100] * 5 + [0, 0]


def test_accepts_usual_empty_weekends_and_reports_other_gaps():
    """As they were before; what is missing beside them is seen."""
    assert days((WEEK * 5)[:30], before=(WEEK * 22)[:151]).outcome == "ok"
    assert days([*(WEEK * 5)[:15], *[0] * 15], before=(WEEK * 22)[:151]).outcome == "critical"


@pytest.mark.repeated
@pytest.mark.parametrize(("usual", "seen"), [(2, 0), (6, 140), (20, 200)])
def test_days_check_ignores_chance_and_detects_lost_rows(usual, seen):
    """Two months, and two hundred thirds; of two rows a day a day without any is chance."""
    draw = np.random.default_rng(4)

    def acting(share: float) -> int:
        rows = ((draw.poisson(share * usual, 30), draw.poisson(usual, 59)) for _ in range(200))
        return sum(days(now, before=before).outcome == "critical" for now, before in rows)

    assert acting(1) <= 2
    assert acting(0.8) <= 10
    assert acting(1 / 5) >= seen


def test_late_start_of_first_month_does_not_excuse_later_gaps():
    late = days([0] * 10 + [100] * 20, before=[100] * 68, first=date(2013, 3, 25))
    assert (late.outcome, "in a month before" in late.reason) == ("critical", False)


def test_pending_labels_are_warning_and_broken_labels_critical():
    def found(values: list[float]) -> checks.MonitoringCheck:
        return checks.evaluate_labels(pd.DataFrame({problem.contract.TARGET: values}), 0.03, POLICY)

    assert found([np.nan] * 200).outcome == "warning"
    assert found([1.0, 0.0] * 50 + [np.nan] * 50).outcome == "critical"
    assert found([1.0, 0.0] * 98 + [np.nan] * 4).outcome == "ok"
    assert found([0.0] * 200).outcome == "critical"


def drifted(psi: float, usual: float) -> FeatureDrift:
    return FeatureDrift("x", psi, 0.1, usual)


def test_drift_is_critical_only_for_several_inputs_beyond_usual():
    assert (
        checks.find_worst_outcome(checks.evaluate_drift([drifted(5.0, 6.0)] * 10, POLICY)) == "ok"
    )
    assert (
        checks.find_worst_outcome(
            checks.evaluate_drift([drifted(5.0, 1.0), *[drifted(0.0, 0.0)] * 9], POLICY)
        )
        == "warning"
    )
    assert (
        checks.find_worst_outcome(
            checks.evaluate_drift([drifted(0.3, 0.2)] * 2 + [drifted(0.0, 0.0)] * 8, POLICY)
        )
        == "critical"
    )
    assert checks.find_worst_outcome(checks.evaluate_drift([], POLICY)) == "ok"


def test_prediction_drift_is_critical_only_if_it_proves_change():
    assert checks.evaluate_prediction_drift(0.9, POLICY, proves=False).outcome == "warning"
    assert checks.evaluate_prediction_drift(0.9, POLICY, proves=True).outcome == "critical"


def test_reports_slice_only_if_loss_is_proven_beyond_tolerance():
    def found(low: float, high: float) -> checks.MonitoringCheck | None:
        return checks.evaluate_slice_change(
            SliceDecay("origin", "JFK", 900, 0.6, 0.8, (low + high) / 2, low, high), 0.05
        )

    assert found(-0.3, -0.04) is None
    assert found(float("nan"), float("nan")) is None
    assert found(-0.3, -0.06).outcome == "warning"


@given(st.floats(0, 2), st.floats(0.01, 1), st.floats(0, 1))
def test_level_is_reached_exactly_at_its_threshold(value, warning, more):
    found = checks.classify_value(value, Levels(warning=warning, critical=warning + more))
    assert (found == "critical") == (value >= warning + more)
    assert (found == "ok") == (value < warning)


USUAL = "less than half or over twice the usual 100 rows, by more than chance"


def test_names_first_odd_day_with_its_own_count():
    assert days([100] * 12 + [0] + [40] * 17) == checks.MonitoringCheck(
        "integrity",
        "days",
        "critical",
        f"18 of 30 days have {USUAL}, the first is 2013-06-13 with 0",
    )
    far = USUAL.replace("100", "1,200")
    assert days([1200] * 29 + [3000], before=[1200] * 31) == checks.MonitoringCheck(
        "integrity",
        "days",
        "warning",
        f"1 of 30 days have {far}, the first is 2013-06-30 with 3,000",
    )


def test_names_no_day_where_all_are_usual():
    assert days([100] * 30).reason == f"0 of 30 days have {USUAL}"


def test_allows_as_many_odd_days_as_month_before_had():
    before = [100] * 15 + [0] * 8 + [100] * 8
    reason = f"8 of 31 days have {USUAL}, the first is 2013-06-01 with 0"
    reason += ", 25.81% at most in a month before"
    found = days([0] * 8 + [100] * 23, before=before)
    assert found == checks.MonitoringCheck("integrity", "days", "ok", reason)


def test_period_without_days_is_ok():
    assert days([]) == checks.MonitoringCheck(
        "integrity", "days", "ok", f"0 of 0 days have {USUAL}"
    )


def labels(*values: float, before: float = 0.03) -> checks.MonitoringCheck:
    return checks.evaluate_labels(pd.DataFrame({problem.contract.TARGET: values}), before, POLICY)


def test_states_share_of_rows_without_label():
    assert labels(1.0, 0.0, np.nan) == checks.MonitoringCheck(
        "integrity",
        "labels",
        "critical",
        "33.33% of the rows have none, 3% at most in a month before",
    )
    assert labels(1.0, 0.0, np.nan, before=0.3).outcome == "ok"


def test_states_why_labels_are_unusable():
    unlabelled = "no row has a label yet: metrics cannot be computed"
    assert labels(np.nan) == checks.MonitoringCheck("integrity", "labels", "warning", unlabelled)
    same = checks.MonitoringCheck("integrity", "labels", "critical", "all labels are the same")
    assert labels(*[1.0] * 98, np.nan, np.nan) == same


def test_accepts_equal_labels_in_fewer_than_hundred_rows():
    assert labels(*[1.0] * 99) == checks.MonitoringCheck(
        "integrity", "labels", "ok", "0% of the rows have none, 3% at most in a month before"
    )


BROKEN = InputHealth(
    missing=0.5,
    missing_before=0.25,
    unknown=0.2,
    unknown_before=0.1,
    gone=0.4,
    gone_before=0.3,
    stuck=True,
    apart=0.876,
)


def test_lists_all_faults_of_input_in_fixed_order():
    known = [
        ("critical", "missing in 50% of the rows, 25% at most before"),
        ("critical", "20% of the rows have a category never seen, 10% in the last month before"),
    ]
    of_month = [
        ("critical", "categories of 40% of the rows before are gone, 30% in the last month before"),
        ("critical", "every row has the same value"),
        ("critical", "distance 0.88 from the nearest month before: another unit or meaning?"),
    ]
    of_days = [
        ("critical", "87.6% of the rows lie beyond every value before: another unit or meaning?")
    ]
    for whole, expected in ((True, known + of_month), (False, known + of_days)):
        found = checks.evaluate_input_integrity("temp", BROKEN, POLICY, rows=100, whole=whole)
        assert found == [checks.MonitoringCheck("integrity", "temp", *line) for line in expected]


def test_stuck_and_out_of_range_checks_need_hundred_rows():
    odd = InputHealth(**{**vars(FINE), "stuck": True, "apart": 0.8})
    for whole, found in ((True, 2), (False, 1)):
        assert (
            len(checks.evaluate_input_integrity("temp", odd, POLICY, rows=100, whole=whole))
            == found
        )
    (distance,) = checks.evaluate_input_integrity("temp", odd, POLICY, rows=99)
    assert distance.reason.startswith("distance 0.80")
    assert checks.evaluate_input_integrity("temp", odd, POLICY, rows=99, whole=False) == []


def test_rounds_shares_to_hundredths_of_percent():
    health = InputHealth(**{**vars(FINE), "missing": 0.123456, "missing_before": 0.00001})
    (found,) = checks.evaluate_input_integrity("temp", health, POLICY, rows=1000)
    assert found.reason == "missing in 12.35% of the rows, 0% at most before"


def test_omits_previous_category_shares_that_are_zero():
    health = InputHealth(**{**vars(FINE), "unknown": 0.02, "gone": 0.03})
    found = checks.evaluate_input_integrity("dest", health, POLICY, rows=1000)
    assert [check.reason for check in found] == [
        "2% of the rows have a category never seen",
        "categories of 3% of the rows before are gone",
    ]


def feature(name: str, psi: float, usual: float = 0.0) -> FeatureDrift:
    return FeatureDrift(name, psi, 0.1, usual)


def inputs(far: int, of: int, outcome: checks.Outcome) -> checks.MonitoringCheck:
    """The check of the share of inputs that drifted."""
    reason = f"{far} of {of} have a PSI of 0.25 or more, and more than any training month"
    return checks.MonitoringCheck("drift", "inputs", outcome, reason)


def test_lists_inputs_that_drifted_from_largest_psi_to_smallest():
    beyond = [feature("b", 0.126, 0.124), feature("a", 1.5, 1.25)]
    found = checks.evaluate_drift([feature("c", 0.25), *beyond, feature("d", 0.1)], POLICY)
    reasons = {
        "a": "PSI 1.50, at most 1.25 between months of the training",
        "c": "PSI 0.25, at most 0.00 between months of the training",
        "b": "PSI 0.13, at most 0.12 between months of the training",
        "d": "PSI 0.10, at most 0.00 between months of the training",
    }
    listed = [
        checks.MonitoringCheck("drift", name, "warning", reason) for name, reason in reasons.items()
    ]
    assert found == [inputs(2, 4, "critical"), *listed]


def test_lists_no_input_whose_drift_is_small():
    assert checks.evaluate_drift([feature("x", 0.0999)], POLICY) == [inputs(0, 1, "ok")]


def test_input_at_critical_level_counts_as_drifted():
    assert checks.evaluate_drift([feature("x", 0.25)], POLICY)[0] == inputs(1, 1, "critical")
    assert checks.evaluate_drift([feature("x", 0.2499)], POLICY)[0] == inputs(0, 1, "ok")


def test_input_at_its_usual_psi_has_not_drifted():
    assert checks.evaluate_drift([feature("x", 0.3, 0.3)], POLICY) == [inputs(0, 1, "ok")]


def test_share_of_drifted_inputs_is_of_all_inputs():
    calm = [feature("calm", 0.0)] * 19
    assert checks.evaluate_drift([feature("x", 0.25), *calm], POLICY)[0] == inputs(1, 20, "warning")
    assert checks.evaluate_drift([feature("x", 0.25), *calm, *calm], POLICY)[0] == inputs(
        1, 39, "ok"
    )
    assert checks.evaluate_drift([], POLICY) == [inputs(0, 0, "ok")]


def test_drift_of_some_days_is_never_critical():
    for far, outcome in ((1, "warning"), (0, "ok")):
        found = checks.evaluate_drift([feature("x", 0.3 * far)], POLICY, whole=False)
        assert found[0] == inputs(far, 1, outcome)


def test_states_drift_of_predictions():
    reason = "PSI {} against the months it was evaluated on"
    stated = ((0.5, "0.50", "critical"), (0.126, "0.13", "warning"), (0.0, "0.00", "ok"))
    for value, shown, outcome in stated:
        found = checks.evaluate_prediction_drift(value, POLICY, proves=True)
        assert found == checks.MonitoringCheck(
            "prediction", "probability", outcome, reason.format(shown)
        )


def test_unproven_drift_of_predictions_is_warning_at_most():
    outcomes = [
        checks.evaluate_prediction_drift(value, POLICY, proves=False).outcome
        for value in (0.6, 0.2, 0.0)
    ]
    assert outcomes == ["warning", "warning", "ok"]


def change(name: str, low: float, high: float) -> MetricDecay:
    return MetricDecay(name, before=0.75, value=0.5, difference=-0.25, low=low, high=high)


def test_states_metric_before_and_now_with_its_interval():
    found = checks.evaluate_metric_change(change("roc_auc", -0.3125, -0.1875), 0.125)
    reason = "0.7500 before, 0.5000 now (−0.2500, −0.3125 to −0.1875); limit 0.125"
    assert found == checks.MonitoringCheck("metric", "roc_auc", "critical", reason)


@pytest.mark.parametrize(("name", "sign"), [("roc_auc", 1), ("log_loss", -1)])
def test_metric_loss_equal_to_tolerance_is_only_warning(name, sign):
    def outcome(smallest: float) -> checks.Outcome:
        low, high = sorted((sign * -smallest, sign * -0.5))
        return checks.evaluate_metric_change(change(name, low, high), 0.25).outcome

    found = [outcome(loss) for loss in (0.2501, 0.25, 0.0001, 0.0)]
    assert found == ["critical", "warning", "warning", "ok"]


def test_states_mean_prediction_minus_observed_mean():
    found = checks.evaluate_calibration(
        MetricEstimate(-0.25, -0.375, -0.125), MetricEstimate(0.0625, 0, 0), 0.0625
    )
    reason = "mean answer minus what happened: −0.2500, −0.3750 to −0.1250; +0.0625 before"
    reason += "; limit 0.0625"
    assert found == checks.MonitoringCheck("calibration", "mean probability", "critical", reason)


@pytest.mark.parametrize("sign", [1, -1])
def test_calibration_gap_equal_to_tolerance_is_only_warning(sign):
    def outcome(least: float) -> checks.Outcome:
        low, high = sorted((sign * least, sign * 0.5))
        return checks.evaluate_calibration(
            MetricEstimate(sign * 0.4, low, high), MetricEstimate(0, 0, 0), 0.25
        ).outcome

    found = [outcome(gap) for gap in (0.2501, 0.25, 0.0001, 0.0)]
    assert found == ["critical", "warning", "warning", "ok"]


def test_names_slice_that_lost_more_than_tolerance():
    lost = SliceDecay("origin", "JFK", 900, 0.5, 0.75, -0.25, low=-0.375, high=-0.125)
    reason = "ROC-AUC 0.7500 before, 0.5000 now (−0.2500)"
    assert checks.evaluate_slice_change(lost, 0.0625) == checks.MonitoringCheck(
        "slice", "origin JFK", "warning", reason
    )
    assert checks.evaluate_slice_change(lost, 0.125) is None


def test_worst_of_checks_does_not_depend_on_their_order():
    ok, warning, critical = (
        checks.MonitoringCheck("drift", "x", outcome, "")
        for outcome in ("ok", "warning", "critical")
    )
    assert checks.find_worst_outcome([ok, critical, warning]) == "critical"
    assert checks.find_worst_outcome([ok, warning, ok]) == "warning"
    assert checks.find_worst_outcome([ok]) == checks.find_worst_outcome([]) == "ok"


def test_check_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        checks.MonitoringCheck("drift", "x", "ok", "").outcome = "another"
