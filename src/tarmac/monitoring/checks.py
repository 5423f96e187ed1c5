"""Every fact about new rows evaluated by the policy, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.monitoring.daily import DailyRowCounts
from tarmac.monitoring.decay import MetricDecay, SliceDecay
from tarmac.monitoring.drift import FeatureDrift
from tarmac.monitoring.feed import InputHealth
from tarmac.monitoring.rows import FEW
from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.intervals.sample import MetricEstimate
from tarmac.policy import Levels, MonitorParams
from tarmac.reporting.markdown import format_number, format_percent, format_signed_number

Outcome = Literal["ok", "warning", "critical"]
Kind = Literal["integrity", "drift", "prediction", "metric", "calibration", "slice"]
ANSWER = "prediction" if TASK.kind == "regression" else "probability"
STRETCH = "month" if problem.contract.DAY else "tenth"  # what the rows before are cut into


@dataclass(frozen=True)
class MonitoringCheck:
    """One check of rows.

    The outcome `critical` of the kind `integrity` means that the data is broken. Of another kind,
    it means that the model is old.
    """

    kind: Kind
    name: str
    outcome: Outcome
    reason: str


def classify_value(value: float, levels: Levels) -> Outcome:
    """Where a value stands."""
    return (
        "critical" if value >= levels.critical else "warning" if value >= levels.warning else "ok"
    )


def find_worst_outcome(checks: Sequence[MonitoringCheck]) -> Outcome:
    """The worst outcome of some checks."""
    outcomes = {check.outcome for check in checks}
    return "critical" if "critical" in outcomes else "warning" if "warning" in outcomes else "ok"


def evaluate_days(
    rows: pd.DataFrame, expected: Sequence[date], known: DailyRowCounts, policy: MonitorParams
) -> MonitoringCheck:
    """Check how many days have their rows.

    Weekends without any, or days of few rows, are known from months before.
    """
    assert policy.days is not None
    odd = known.find_unusual_days(rows[problem.contract.DAY], expected)
    far = f"less than half or over twice the usual {known.usual:,.0f} rows, by more than chance"
    reason = f"{len(odd)} of {len(expected)} days have {far}"
    first = f", the first is {odd.index[0]} with {odd.iloc[0]:,}" if len(odd) else ""
    before = f", {_format_share(known.share)} at most in a month before" if known.share else ""
    share = len(odd) / max(len(expected), 1) - known.share
    return MonitoringCheck(
        "integrity", "days", classify_value(share, policy.days), reason + first + before
    )


def evaluate_labels(rows: pd.DataFrame, before: float, policy: MonitorParams) -> MonitoringCheck:
    """Check the share of rows without a label, before all labels arrive.

    `before` is the highest share of a stretch before.
    """
    missing = float(rows[problem.contract.TARGET].isna().mean())
    if missing == 1:
        return MonitoringCheck(
            "integrity", "labels", "warning", "no row has a label yet: metrics cannot be computed"
        )
    if rows[problem.contract.TARGET].nunique() < 2 and len(rows) >= FEW:
        return MonitoringCheck("integrity", "labels", "critical", "all labels are the same")
    reason = (
        f"{_format_share(missing)} of the rows have none,"
        f" {_format_share(before)} at most in a {STRETCH} before"
    )
    return MonitoringCheck(
        "integrity", "labels", classify_value(missing - before, policy.missing), reason
    )


def evaluate_input_integrity(
    name: str, health: InputHealth, policy: MonitorParams, rows: int, whole: bool = True
) -> list[MonitoringCheck]:
    """Check whether one input is what it was, and return a check for each fault.

    Rows that are no whole month get only the checks that some days can answer. Such rows lack
    rare categories, and are alike.
    """
    missing = (
        f"missing in {_format_share(health.missing)} of the rows,"
        f" {_format_share(health.missing_before)} at most before"
    )
    unknown = f"{_format_share(health.unknown)} of the rows have a category never seen"
    unknown += _format_reference_share(health.unknown_before)
    gone = f"categories of {_format_share(health.gone)} of the rows before are gone"
    gone += _format_reference_share(health.gone_before)
    question = "another unit or meaning?"
    distance = f"distance {format_number(health.apart, 2)} from the nearest {STRETCH} before"
    beyond = f"{_format_share(health.apart)} of the rows lie beyond every value before"
    always: list[tuple[Outcome, str]] = [
        (classify_value(health.missing - health.missing_before, policy.missing), missing),
        (classify_value(health.unknown - health.unknown_before, policy.unknown), unknown),
    ]
    of_month: list[tuple[Outcome, str]] = [
        (classify_value(health.gone - health.gone_before, policy.unknown), gone),
        ("critical" if health.stuck and rows >= FEW else "ok", "every row has the same value"),
        (classify_value(health.apart, policy.foreign), f"{distance}: {question}"),
    ]
    of_days: list[tuple[Outcome, str]] = [
        (
            classify_value(health.apart, policy.foreign) if rows >= FEW else "ok",
            f"{beyond}: {question}",
        )
    ]
    outcomes = always + (of_month if whole else of_days)
    return [
        MonitoringCheck("integrity", name, outcome, reason)
        for outcome, reason in outcomes
        if outcome != "ok"
    ]


def evaluate_drift(
    features: Sequence[FeatureDrift], policy: MonitorParams, whole: bool = True
) -> list[MonitoringCheck]:
    """Check each input, and the share of inputs that drifted.

    A season that training knows is no drift. What is usual is usual for months: drift of some
    days is reported, and proves nothing.
    """
    beyond = [feature for feature in features if feature.psi > feature.usual]
    checks = [
        MonitoringCheck(
            "drift",
            feature.feature,
            "warning",
            (
                f"PSI {format_number(feature.psi, 2)}, at most {format_number(feature.usual, 2)}"
                f" between {STRETCH}s of the training"
            ),
        )
        for feature in sorted(beyond, key=lambda feature: -feature.psi)
        if feature.psi >= policy.drift.warning
    ]
    far = sum(feature.psi >= policy.drift.critical for feature in beyond)
    reason = (
        f"{far} of {len(features)} have a PSI of {policy.drift.critical:g} or more,"
        f" and more than any training {STRETCH}"
    )
    outcome = classify_value(far / max(len(features), 1), policy.drifted)
    return [
        MonitoringCheck(
            "drift", "inputs", outcome if whole or outcome == "ok" else "warning", reason
        ),
        *checks,
    ]


def evaluate_prediction_drift(value: float, policy: MonitorParams, proves: bool) -> MonitoringCheck:
    """Check the drift of the predictions.

    The outcome can be `critical` only if there are no labels: these decide whether drift matters.
    """
    outcome = classify_value(value, policy.prediction)
    if not proves and outcome == "critical":
        outcome = "warning"
    known = "months" if problem.contract.DAY else "rows"
    reason = f"PSI {format_number(value, 2)} against the {known} it was evaluated on"
    return MonitoringCheck("prediction", ANSWER, outcome, reason)


def evaluate_metric_change(change: MetricDecay, most: float, task: Task = TASK) -> MonitoringCheck:
    """Check a metric: `critical` needs a proven loss beyond the limit, `warning` a proven loss."""
    sign = 1 if task.metrics[change.metric] == "higher" else -1
    # The smallest loss that the interval allows, as a gain.
    best = max(sign * change.low, sign * change.high)
    outcome: Outcome = "critical" if best < -most else "warning" if best < 0 else "ok"
    interval = f"{format_signed_number(change.low)} to {format_signed_number(change.high)}"
    values = f"{format_number(change.before)} before, {format_number(change.value)} now"
    moved = f"{format_signed_number(change.difference)}, {interval}"
    reason = f"{values} ({moved}); limit {most:g}"
    return MonitoringCheck("metric", change.metric, outcome, reason)


def evaluate_calibration(
    gap: MetricEstimate, before: MetricEstimate, most: float
) -> MonitoringCheck:
    """Judges whether the mean answer is what happens."""
    least = 0.0 if gap.low <= 0 <= gap.high else min(abs(gap.low), abs(gap.high))
    outcome: Outcome = "critical" if least > most else "warning" if least > 0 else "ok"
    if np.isnan(gap.low):
        outcome = "ok"
    interval = f"{format_signed_number(gap.low)} to {format_signed_number(gap.high)}"
    reason = (
        f"mean answer minus what happened: {format_signed_number(gap.value)}, {interval};"
        f" {format_signed_number(before.value)} before; limit {most:g}"
    )
    return MonitoringCheck("calibration", f"mean {ANSWER}", outcome, reason)


def evaluate_slice_change(change: SliceDecay, most: float) -> MonitoringCheck | None:
    """Point a slice out whose loss beyond the limit is proven; slices are many and small."""
    if not change.high < -most:
        return None
    values = f"{format_number(change.before)} before, {format_number(change.score)} now"
    reason = f"{TASK.title} {values} ({format_signed_number(change.difference)})"
    return MonitoringCheck("slice", f"{change.slice} {change.value}", "warning", reason)


def _format_reference_share(before: float) -> str:
    return f", {_format_share(before)} in the last {STRETCH} before" if before else ""


def _format_share(value: float) -> str:
    return format_percent(round(value, 4))
