"""The verdict: what fails a pull request, what passes, and what is inconclusive.

Each has its reason.
"""

import io
from itertools import product
from math import inf, nan, nextafter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.intervals.sample import MetricEstimate
from tarmac.policy import BehaviourPolicy, MetricPolicy, SlicePolicy
from tarmac.review import verdict
from tarmac.review.compare import MetricChange, SliceChange
from tarmac.review.verdict import ReviewCheck

Gain = tuple[float, float, float]  # low, value, high; positive is better
STEPS = [number / 1000 for number in range(-3, 4)]
GAINS = [
    (low, value, high) for low, value, high in product(STEPS, STEPS, STEPS) if low <= value <= high
]
TOLERANCES = [0.0, 0.001, 0.002, inf]
ANY_GAIN = st.tuples(*[st.floats(-1, 1)] * 3).map(lambda three: tuple(sorted(three)))
BEHAVIOUR = BehaviourPolicy(min_move=0.005, usable=0.7)


def judged(gain: Gain, tolerance: float) -> tuple[str, str]:
    """The rules for a gain, each by itself, in the words of the policy."""
    low, _, high = gain
    if set(gain) == {0.0}:
        return "pass", "the same"
    if low < -tolerance:
        return "fail", ""
    if low > 0:
        return "pass", "better"
    if high < 0:
        return "pass", f"worse, but within the allowed {tolerance:g}"
    return "inconclusive", "neither better nor worse"


def estimate(gain: Gain, better: str = "higher") -> MetricEstimate:
    """A gain as the difference of a metric of which more is better, or less."""
    low, value, high = gain
    return (
        MetricEstimate(value, low, high)
        if better == "higher"
        else MetricEstimate(-value, -high, -low)
    )


def metric(
    gain: Gain | None, tolerance: float, better: str = "higher", whole: float = 0.5, **bounds: float
) -> ReviewCheck:
    """Judge a metric that is well within its bounds where none is given."""
    limits = {"worst_allowed": 0.0 if better == "higher" else 1.0} | bounds
    policy = MetricPolicy.model_construct(
        better=better, max_regression=tolerance, suspicious_beyond=None
    )
    policy = policy.model_copy(update=limits)
    change = MetricChange("auc", whole, 0.5, 0.5, estimate(gain, better) if gain else None)
    return verdict.evaluate_metric(change, policy)


def one_slice(
    gain: Gain | None, tolerance: float, worst: float = 0.6, value: float = 0.7
) -> ReviewCheck:
    change = SliceChange(
        "origin",
        "JFK",
        900,
        MetricEstimate(value, 0.6, 0.8),
        None,
        estimate(gain) if gain else None,
    )
    return verdict.evaluate_slice(
        change, SlicePolicy.model_construct(max_regression=tolerance, worst_allowed=worst)
    )


def matches(check: ReviewCheck, wanted: tuple[str, str]) -> bool:
    outcome, reason = wanted
    return check.outcome == outcome and (check.reason == reason or outcome == "fail")


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_metric_outcome_follows_rules_on_grid_of_intervals(better, tolerance):
    wrong = [
        gain
        for gain in GAINS
        if not matches(metric(gain, tolerance, better), judged(gain, tolerance))
    ]
    assert wrong == []


@given(ANY_GAIN, st.floats(0, 1), st.sampled_from(["higher", "lower"]))
def test_metric_outcome_follows_rules_for_any_interval(gain, tolerance, better):
    assert matches(metric(gain, tolerance, better), judged(gain, tolerance))


@given(ANY_GAIN, st.floats(0, 1))
def test_equal_gain_gives_equal_verdict_in_either_direction(gain, tolerance):
    assert metric(gain, tolerance, "higher") == metric(gain, tolerance, "lower")


@given(ANY_GAIN, st.floats(0, 1), st.floats(0, 1))
def test_larger_tolerance_never_fails_what_smaller_one_passes(gain, first, second):
    less, more = sorted((first, second))
    assert metric(gain, more).outcome != "fail" or metric(gain, less).outcome == "fail"


@pytest.mark.parametrize(
    ("gain", "reason"),
    [
        ((-0.03, -0.025, -0.021), "worse by more than the allowed 0.02"),
        ((-0.03, -0.02, -0.01), "worse, perhaps by more than the allowed 0.02"),
        ((-0.03, -0.02, 0.0), "a loss by more than the allowed 0.02 is not ruled out"),
        ((-0.03, 0.01, 0.05), "a loss by more than the allowed 0.02 is not ruled out"),
    ],
)
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_failed_metric_states_certainty_of_loss(gain, reason, better):
    assert metric(gain, 0.02, better) == ReviewCheck("metric", "auc", "fail", reason)


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("ends", [(nan, nan), (nan, 0.1), (-0.1, nan)])
@pytest.mark.parametrize("value", [0.0, -0.5, 0.5])
def test_difference_without_interval_is_inconclusive(better, ends, value):
    """Check days too few for an interval.

    The role of chance is unknown, both for a difference and for none.
    """
    check = metric((ends[0], value, ends[1]), 0.02, better)
    assert (check.outcome, check.reason) == ("inconclusive", "too few clusters for an interval")


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_metric_without_base_is_inconclusive_within_bounds(better):
    assert metric(None, 0.02, better) == ReviewCheck(
        "metric", "auc", "inconclusive", "within its bounds; nothing to compare with"
    )


BOUNDS = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).filter(lambda pair: pair[0] != pair[1])


@given(
    BOUNDS, st.floats(-1, 1), st.sampled_from(["higher", "lower"]), st.sampled_from([None, *GAINS])
)
def test_metric_outside_bounds_fails_and_inside_is_unaffected(bounds, whole, better, gain):
    worst, best = sorted(bounds, reverse=better == "lower")
    within = min(bounds) <= whole <= max(bounds)
    check = metric(gain, 0.001, better, whole, worst_allowed=worst, suspicious_beyond=best)
    if within:
        assert check == metric(gain, 0.001, better)
    else:
        low = (whole < worst) == (better == "higher")
        assert check.outcome == "fail"
        assert (
            f"worse than the worst allowed {worst:g}" if low else f"suspicious beyond {best:g}"
        ) in check.reason


@pytest.mark.parametrize(("better", "worse"), [("higher", -1), ("lower", 1)])
def test_value_exactly_at_bound_passes(better, worse):
    worst, best = 0.5 + worse * 0.1, 0.5 - worse * 0.1

    def at(whole: float) -> str:
        return metric(
            (0.0, 0.0, 0.0), 0.0, better, whole, worst_allowed=worst, suspicious_beyond=best
        ).outcome

    assert [at(worst), at(best)] == ["pass", "pass"]
    assert [at(nextafter(worst, worse * inf)), at(nextafter(best, -worse * inf))] == [
        "fail",
        "fail",
    ]


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_without_ceiling_no_value_is_too_good(better):
    assert (
        metric((0.1, 0.2, 0.3), 0.0, better, 1e9 if better == "higher" else -1e9).reason == "better"
    )


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("gain", [None, (0.0, 0.0, 0.0), (nan, nan, nan)])
def test_metric_that_is_nan_fails(better, gain):
    assert metric(gain, 0.02, better, whole=nan).outcome == "fail"


@pytest.mark.parametrize("tolerance", TOLERANCES[:-1])
def test_slice_fails_only_for_loss_proven_beyond_max_regression(tolerance):
    for gain in GAINS:
        low, _, high = gain
        outcome = one_slice(gain, tolerance)
        if high < -tolerance:
            wanted = ("fail", f"worse by more than the allowed {tolerance:g}")
        elif set(gain) == {0.0}:
            wanted = ("pass", "the same")
        elif high < 0:
            wanted = ("pass", f"worse, but not proven by more than {tolerance:g}")
        else:
            wanted = ("pass", "better") if low > 0 else ("inconclusive", "neither better nor worse")
        assert outcome == ReviewCheck("slice", "origin JFK", *wanted), gain
        assert (outcome.direction == "worse") == wanted[1].startswith("worse"), gain
        assert (outcome.direction == "better") == (wanted[1] == "better"), gain


@given(ANY_GAIN, st.floats(0, 1))
def test_slice_is_never_stricter_than_metric(gain, tolerance):
    assert one_slice(gain, tolerance).outcome != "fail" or metric(gain, tolerance).outcome == "fail"


@pytest.mark.parametrize("gain", [None, (0.01, 0.02, 0.03), (0.0, 0.0, 0.0), (-0.9, -0.8, -0.7)])
def test_slice_below_its_floor_fails(gain):
    check = one_slice(gain, 0.02, worst=0.65, value=0.6499)
    assert check == ReviewCheck(
        "slice", "origin JFK", "fail", "ROC-AUC 0.6499 is below the worst allowed 0.65"
    )
    assert one_slice((0.0, 0.0, 0.0), 0.02, worst=0.65, value=0.65).outcome == "pass"


def test_slice_without_base_is_inconclusive_above_floor():
    assert one_slice(None, 0.02) == ReviewCheck(
        "slice", "origin JFK", "inconclusive", "nothing to compare with"
    )


def test_slice_without_interval_is_inconclusive():
    check = one_slice((nan, -0.5, nan), 0.02)
    assert (check.outcome, check.reason) == ("inconclusive", "too few clusters for an interval")


def behaviour(expectation: str, value: float) -> ReviewCheck:
    """Judge one line of the table that a stage writes, read as the review reads it."""
    written = pd.DataFrame(
        [("a name", expectation, value)], columns=["behaviour", "expectation", "value"]
    )
    (check,) = verdict.evaluate_behaviours(
        pd.read_csv(io.StringIO(written.to_csv(index=False))), BEHAVIOUR
    )
    assert (check.kind, check.name) == ("behaviour", "a name")
    return check


@pytest.mark.parametrize(
    ("expectation", "value", "outcome"),
    [
        ("same", 0, "pass"),
        ("same", 0.0001, "fail"),
        ("same", 1, "fail"),
        ("higher", 0.0049, "fail"),
        ("higher", 0.005, "pass"),
        ("higher", 0.3, "pass"),
        ("higher", 0, "fail"),
        ("higher", -0.3, "fail"),
        ("lower", -0.0049, "fail"),
        ("lower", -0.005, "pass"),
        ("lower", -0.3, "pass"),
        ("lower", 0, "fail"),
        ("lower", 0.3, "fail"),
        ("usable", 0.6999, "fail"),
        ("usable", 0.7, "pass"),
        ("usable", 1, "pass"),
    ],
)
def test_behavior_outcome_follows_its_bound(expectation, value, outcome):
    assert behaviour(expectation, value).outcome == outcome


@pytest.mark.parametrize("expectation", ["same", "higher", "lower", "usable"])
def test_behavior_without_value_is_inconclusive(expectation):
    check = behaviour(expectation, nan)
    assert (check.outcome, check.reason) == ("inconclusive", "the model takes none of these inputs")


@pytest.mark.parametrize(
    ("expectation", "value", "reason"),
    [
        ("same", 0.25, "the answers move by 0.2500 at most; none may move"),
        ("higher", -0.0021, "the mean answer moves by −0.0021; up by 0.005 is expected"),
        ("lower", 0.0021, "the mean answer moves by +0.0021; down by 0.005 is expected"),
        ("usable", 0.65, "ROC-AUC 0.6500 is left; 0.7 is required"),
    ],
)
def test_failed_behavior_states_found_and_required_value(expectation, value, reason):
    assert behaviour(expectation, value) == ReviewCheck("behaviour", "a name", "fail", reason)


def test_each_behavior_is_evaluated_once():
    table = pd.DataFrame(
        {
            "behaviour": list("abc"),
            "expectation": ["same", "usable", "lower"],
            "value": [0.0, 0.9, nan],
        }
    )
    found = [(check.name, check.outcome) for check in verdict.evaluate_behaviours(table, BEHAVIOUR)]
    assert found == [("a", "pass"), ("b", "pass"), ("c", "inconclusive")]
    assert verdict.evaluate_behaviours(table.iloc[:0], BEHAVIOUR) == []


@pytest.mark.parametrize(
    ("gain", "outcome"),
    [
        ((0.001, 0.02, 0.04), "pass"),
        ((0.0, 0.02, 0.04), "fail"),
        ((-0.01, 0.02, 0.05), "fail"),
        ((-0.05, -0.04, -0.03), "fail"),
        ((nan, 0.02, nan), "fail"),
    ],
)
def test_model_must_be_proven_better_than_baseline(gain, outcome):
    check = verdict.evaluate_baseline_gain(estimate(gain))
    assert (check.kind, check.outcome) == ("baseline", outcome)


def test_baseline_check_reports_gain_with_interval():
    check = verdict.evaluate_baseline_gain(estimate((-0.0125, 0.0201, 0.04)))
    assert check.reason == "ROC-AUC +0.0201 over the baseline, −0.0125 to +0.0400"


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0.0, "pass"), (5.0, "pass"), (nextafter(5, 6), "fail"), (50, "fail"), (nan, "fail")],
)
def test_quantity_above_its_limit_or_nan_fails(value, outcome):
    check = verdict.evaluate_limit("cost", "model size", value, 5, "MB")
    assert (check.kind, check.name, check.outcome) == ("cost", "model size", outcome)


def test_limit_check_reports_value_and_limit():
    assert (
        verdict.evaluate_limit("cost", "model size", 12.34, 5.5, "MB").reason
        == "12.3 MB, at most 5.5"
    )


SAME, BETTER, WORSE = "the same", "better", "worse, but within the allowed 0.1"
OPEN, ALONE = "neither better nor worse", "within its bounds; nothing to compare with"


def checks(*reasons: str, kind: str = "metric") -> list[ReviewCheck]:
    """Checks named m1, m2 and so on; those of another reason than the five above fail."""
    known = {
        SAME: ("pass", "same"),
        BETTER: ("pass", "better"),
        WORSE: ("pass", "worse"),
        OPEN: ("inconclusive", "unknown"),
        ALONE: ("inconclusive", "not compared"),
    }
    found = [(reason, *known.get(reason, ("fail", None))) for reason in reasons]
    return [
        ReviewCheck(kind, f"m{n}", outcome, reason, way)
        for n, (reason, outcome, way) in enumerate(found, 1)
    ]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (checks(SAME, SAME), "the metrics are the same"),
        (checks(BETTER, SAME, OPEN, BETTER), "better: m1, m4"),
        (checks(SAME, WORSE, OPEN), "worse within the allowed regression: m2"),
        (
            checks(WORSE, OPEN, BETTER, WORSE),
            "better: m3; worse within the allowed regression: m1, m4",
        ),
        (checks(OPEN, OPEN), "neither better nor worse can be proven"),
        (checks(SAME, OPEN, SAME), "neither better nor worse can be proven"),
        (checks(ALONE, ALONE), "within its bounds; nothing to compare with"),
        (checks(BETTER, "lost", OPEN), "m2: lost"),
        (checks("one", "two", BETTER, "three"), "3 checks: m1, m2, m4"),
        (checks("one", "two", "three", SAME, "four"), "4 checks: m1, m2, m3 and 1 more"),
        (checks(*"abcdefghijkl"), "12 checks: m1, m2, m3 and 9 more"),
    ],
)
def test_summary_line_and_verdict_match_checks(found, line):
    assert verdict.summarize_checks(found) == line
    assert verdict.has_no_failures(found) == ("fail" not in {check.outcome for check in found})


@pytest.mark.parametrize("kind", ["slice", "behaviour", "baseline", "cost", "lineage"])
def test_summary_ignores_gains_but_not_failures_of_non_metrics(kind):
    other = checks(BETTER, WORSE, OPEN, kind=kind)
    assert verdict.summarize_checks([*other, *checks(SAME)]) == "the metrics are the same"
    assert verdict.summarize_checks([*checks(BETTER), *checks("lost", kind=kind)]) == "m1: lost"
    assert not verdict.has_no_failures([*checks(BETTER), *checks("lost", kind=kind)])


@given(st.permutations(checks(SAME, BETTER, WORSE, OPEN, "lost")), st.integers(0, 5))
def test_failed_check_fails_verdict_at_any_position(order, kept):
    found = order[:kept]
    assert verdict.has_no_failures(found) == all(check.name != "m5" for check in found)


@pytest.mark.parametrize("kind", TASKS)
def test_reasons_name_main_metric_of_the_task(kind):
    task = TASKS[kind]
    few = MetricEstimate(-0.3, -0.4, -0.2)
    table = pd.DataFrame([("a", "usable", -0.2)], columns=["behaviour", "expectation", "value"])
    told = [
        verdict.evaluate_slice(
            SliceChange("house", "x", 50, few),
            SlicePolicy(max_regression=2.0, worst_allowed=-0.1),
            task,
        ),
        *verdict.evaluate_behaviours(table, BehaviourPolicy(min_move=25.0, usable=-0.1), task),
        verdict.evaluate_baseline_gain(few, task),
    ]
    assert [check.outcome for check in told] == ["fail"] * 3
    assert all(task.title in check.reason for check in told)
    assert any("AUC" in check.reason for check in told) == (kind != "regression")
