"""The verdict: every fact judged by the policy, each judgement with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.intervals.sample import MetricEstimate
from tarmac.policy import BehaviourPolicy, MetricPolicy, SlicePolicy
from tarmac.reporting.markdown import format_number, format_signed_number
from tarmac.review.compare import MetricChange, SliceChange

Outcome = Literal["pass", "fail", "inconclusive"]
Direction = Literal["better", "worse", "same", "unknown", "not compared"]


@dataclass(frozen=True)
class ReviewCheck:
    """The outcome of one rule. Only `fail` fails a pull request.

    `inconclusive` says that the data cannot tell. `direction` is where the interval of a difference
    lies; what is no difference has none.
    """

    kind: str
    name: str
    outcome: Outcome
    reason: str
    direction: Direction | None = field(default=None, compare=False)


def evaluate_metric(change: MetricChange, policy: MetricPolicy) -> ReviewCheck:
    """Check one metric: its bounds on all rows of head, then its difference on the common rows.

    The difference is that from base.
    """
    sign = 1 if policy.better == "higher" else -1

    def create_check(
        outcome: Outcome, reason: str, direction: Direction | None = None
    ) -> ReviewCheck:
        return ReviewCheck("metric", change.name, outcome, reason, direction)

    if not sign * (change.whole - policy.worst_allowed) >= 0:  # also where it is NaN
        return create_check(
            "fail",
            f"{format_number(change.whole)} is worse than the worst allowed"
            f" {policy.worst_allowed:g}",
        )
    if (
        policy.suspicious_beyond is not None
        and sign * (change.whole - policy.suspicious_beyond) > 0
    ):
        return create_check(
            "fail",
            f"{format_number(change.whole)} is too good to be true "
            f"(suspicious beyond {policy.suspicious_beyond:g}): look for a leak",
        )
    if change.difference is None:
        return create_check(
            "inconclusive", "within its bounds; nothing to compare with", "not compared"
        )
    return create_check(
        *evaluate_difference(_apply_sign(change.difference, sign), policy.max_regression)
    )


def evaluate_difference(
    gain: MetricEstimate, max_regression: float
) -> tuple[Outcome, str, Direction]:
    """Check a gain (positive is better) by its interval.

    A loss beyond `max_regression` must be ruled out.
    """
    beyond = f"by more than the allowed {max_regression:g}"
    rules: tuple[tuple[bool, Outcome, str, Direction], ...] = (
        (gain.value == gain.low == gain.high == 0, "pass", "the same", "same"),
        (not gain.low <= gain.high, "inconclusive", "too few clusters for an interval", "unknown"),
        (gain.high < -max_regression, "fail", f"worse {beyond}", "worse"),
        (gain.low < -max_regression and gain.high < 0, "fail", f"worse, perhaps {beyond}", "worse"),
        (gain.low < -max_regression, "fail", f"a loss {beyond} is not ruled out", "unknown"),
        (gain.low > 0, "pass", "better", "better"),
        (gain.high < 0, "pass", f"worse, but within the allowed {max_regression:g}", "worse"),
        (True, "inconclusive", "neither better nor worse", "unknown"),
    )
    return next(
        (outcome, reason, direction) for holds, outcome, reason, direction in rules if holds
    )


def evaluate_slice(change: SliceChange, policy: SlicePolicy, task: Task = TASK) -> ReviewCheck:
    """Check one slice: it fails below `worst_allowed`, or if a larger loss is proven."""
    name = f"{change.slice} {change.value}"
    if change.head.value < policy.worst_allowed:
        score = f"{task.title} {format_number(change.head.value)}"
        reason = f"{score} is below the worst allowed {policy.worst_allowed:g}"
        return ReviewCheck("slice", name, "fail", reason)
    if change.difference is None:
        return ReviewCheck("slice", name, "inconclusive", "nothing to compare with", "not compared")
    if change.difference.high < -policy.max_regression:
        reason = f"worse by more than the allowed {policy.max_regression:g}"
        return ReviewCheck("slice", name, "fail", reason, "worse")
    outcome, reason, direction = evaluate_difference(change.difference, float("inf"))
    if direction == "worse":
        reason = f"worse, but not proven by more than {policy.max_regression:g}"
    return ReviewCheck("slice", name, outcome, reason, direction)


def evaluate_behaviours(
    table: pd.DataFrame, policy: BehaviourPolicy, task: Task = TASK
) -> list[ReviewCheck]:
    """Check every behavior that was measured.

    If one has no value, the model takes none of its inputs.
    """
    return [
        _evaluate_behaviour(
            str(row.behaviour), str(row.expectation), float(row.value), policy, task
        )
        for row in table.itertuples()
    ]


def _evaluate_behaviour(
    name: str, expectation: str, value: float, policy: BehaviourPolicy, task: Task
) -> ReviewCheck:
    if value != value:  # noqa: PLR0124 -- NaN
        return ReviewCheck(
            "behaviour", name, "inconclusive", "the model takes none of these inputs"
        )
    passed, reason = {
        "same": (value == 0, f"the answers move by {format_number(value)} at most"),
        "higher": (
            value >= policy.min_move,
            f"the mean answer moves by {format_signed_number(value)}",
        ),
        "lower": (
            value <= -policy.min_move,
            f"the mean answer moves by {format_signed_number(value)}",
        ),
        "usable": (value >= policy.usable, f"{task.title} {format_number(value)} is left"),
    }[expectation]
    wanted = {
        "same": "none may move",
        "higher": f"up by {policy.min_move:g} is expected",
        "lower": f"down by {policy.min_move:g} is expected",
        "usable": f"{policy.usable:g} is required",
    }[expectation]
    return ReviewCheck("behaviour", name, "pass" if passed else "fail", f"{reason}; {wanted}")


def evaluate_baseline_gain(gain: MetricEstimate, task: Task = TASK) -> ReviewCheck:
    """Judges whether the model is worth its keep: better than its baseline, beyond doubt."""
    interval = f"{format_signed_number(gain.low)} to {format_signed_number(gain.high)}"
    reason = f"{task.title} {format_signed_number(gain.value)} over the baseline, {interval}"
    return ReviewCheck(
        "baseline", "better than the baseline", "pass" if gain.low > 0 else "fail", reason
    )


def evaluate_limit(kind: str, name: str, value: float, most: float, unit: str) -> ReviewCheck:
    """Judge a quantity that may not grow beyond a limit."""
    reason = f"{format_number(value, 1)} {unit}, at most {most:g}"
    return ReviewCheck(kind, name, "pass" if value <= most else "fail", reason)


def has_no_failures(checks: Sequence[ReviewCheck]) -> bool:
    """Whether no check fails."""
    return all(check.outcome != "fail" for check in checks)


def summarize_checks(checks: Sequence[ReviewCheck]) -> str:
    """The verdict in one line: what fails, else what got better, else that nothing is proven."""
    failing = [check for check in checks if check.outcome == "fail"]
    if len(failing) == 1:
        return f"{failing[0].name}: {failing[0].reason}"
    if failing:
        names = ", ".join(check.name for check in failing[:3])
        more = f" and {len(failing) - 3} more" if len(failing) > 3 else ""
        return f"{len(failing)} checks: {names}{more}"
    metrics = [check for check in checks if check.kind == "metric"]
    better = [check.name for check in metrics if check.direction == "better"]
    worse = [check.name for check in metrics if check.direction == "worse"]
    if better or worse:
        parts = [f"better: {', '.join(better)}"] if better else []
        if worse:
            parts.append(f"worse within the allowed regression: {', '.join(worse)}")
        return "; ".join(parts)
    if any(check.outcome == "inconclusive" for check in metrics):
        compared = any(check.direction != "not compared" for check in metrics)
        return (
            "neither better nor worse can be proven"
            if compared
            else "within its bounds; nothing to compare with"
        )
    return "the metrics are the same"


def _apply_sign(difference_: MetricEstimate, sign: int) -> MetricEstimate:
    low, high = sorted((sign * difference_.low, sign * difference_.high))
    return MetricEstimate(sign * difference_.value, low, high)
