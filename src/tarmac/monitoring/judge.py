"""Evaluate observed rows against the rows that the live model was made from and evaluated on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.monitoring import checks, decay
from tarmac.monitoring.checks import MonitoringCheck, Outcome, find_worst_outcome
from tarmac.monitoring.decay import MetricDecay, ScoredSample, SliceDecay
from tarmac.monitoring.drift import FeatureBins, FeatureDrift, compute_psi
from tarmac.monitoring.feed import InputHealth
from tarmac.monitoring.reference import Reference
from tarmac.monitoring.rows import ObservedRows
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import TASK, AnySplit, MonthWindow, SplitParams, Task
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.models.dataset import read_window
from tarmac.policy import AllParams

Decision = Literal["none", "retrain", "block"]


@dataclass(frozen=True)
class MonitoringResult:
    """Everything that was found, and what follows."""

    checks: list[MonitoringCheck]
    decision: Decision
    summary: str
    features: list[FeatureDrift]
    health: dict[str, InputHealth]
    metrics: list[MetricDecay] = field(default_factory=list)
    calibration: list[dict[str, float]] = field(default_factory=list)
    slices: list[SliceDecay] = field(default_factory=list)

    @property
    def verdict(self) -> Outcome:
        """The worst outcome of all checks."""
        return find_worst_outcome(self.checks)


def evaluate_observed_rows(
    observed: ObservedRows, known: Reference, split: AnySplit, params: AllParams, task: Task = TASK
) -> MonitoringResult:
    """Evaluate rows by the policy.

    The decision follows from the worst outcome, or from the schedule.
    """
    inputs = {name: both for name, both in known.inputs.items() if name in observed.rows}
    features = [seen.compute_drift(observed.rows[name]) for name, (seen, _) in inputs.items()]
    health = {
        name: feed.compute_health(observed.rows[name], observed.is_comparable)
        for name, (_, feed) in inputs.items()
    }
    findings = [
        *evaluate_integrity(observed, known, health, params),
        *checks.evaluate_drift(features, params.monitor, observed.is_comparable),
    ]
    proves = observed.is_comparable and not observed.labeled_count
    psi = compute_prediction_psi(known.p, observed.p, task)
    findings.append(checks.evaluate_prediction_drift(psi, params.monitor, proves=proves))
    before = ScoredSample(known.evaluated, known.p, params.intervals, task)
    now = ScoredSample(observed.rows, observed.p, params.intervals, task)
    if not (before.has_two_labels and now.has_two_labels):
        decision, summary = decide_action(findings, observed, split, params)
        return MonitoringResult(findings, decision, summary, features, health)
    metrics = [decay.compute_metric_decay(name, before, now) for name in params.monitor.decay]
    slices = decay.compute_slice_decays(before, now, params.evaluate.min_slice_rows)
    for change in metrics:
        most = params.monitor.decay[change.metric]
        findings.append(checks.evaluate_metric_change(change, most, task))
    findings.append(_evaluate_calibration(before, now, params))
    findings += _evaluate_slices(slices, params)
    table = now.compute_calibration_bins(params.evaluate.calibration_bins)
    decision, summary = decide_action(findings, observed, split, params)
    return MonitoringResult(findings, decision, summary, features, health, metrics, table, slices)


def _evaluate_calibration(
    before: ScoredSample, now: ScoredSample, params: AllParams
) -> MonitoringCheck:
    gap, gap_before = now.estimate_calibration_gap(), before.estimate_calibration_gap()
    return checks.evaluate_calibration(gap, gap_before, params.monitor.calibration)


def _evaluate_slices(slices: Sequence[SliceDecay], params: AllParams) -> list[MonitoringCheck]:
    """Return a check for each slice that is clearly worse than before."""
    evaluated = [checks.evaluate_slice_change(one, params.monitor.slices) for one in slices]
    return [check for check in evaluated if check is not None]


def compute_prediction_psi(before: np.ndarray, now: np.ndarray, task: Task = TASK) -> float:
    """Return the PSI of the predictions.

    It is that of the likeliest class if there are more than two, else that of the numbers.
    """
    sides = [
        pd.Series(p) if task.kind != "multiclass" else pd.Series(p.argmax(axis=1)).astype("str")
        for p in (before, now)
    ]
    bins = FeatureBins(sides[0])
    return compute_psi(bins.count_rows(sides[0]), bins.count_rows(sides[1]))


def evaluate_corrected_month(
    month: str, split: SplitParams, params: AllParams, tables: Path = FEATURES
) -> list[MonitoringCheck]:
    """Check whether a month that the model may have learned from can be trusted.

    The month is compared with all the others.
    """
    stored = months.list_stored_months(tables)
    rows = read_window(tables, MonthWindow(first=stored[0], last=stored[-1]))
    own = rows[problem.contract.DAY].astype("str").str[:7] == month
    others, rows = rows[~own].reset_index(drop=True), rows[own].reset_index(drop=True)
    first, after = months.compute_month_bounds(month)
    observed = ObservedRows(rows, np.zeros(len(rows)), first, after - timedelta(days=1), whole=True)
    every = split.model_copy(update={"train": MonthWindow(first=stored[0], last=stored[-1])})
    known = Reference(others, every, others.iloc[:0], np.array([]))
    health = {name: feed.compute_health(rows[name]) for name, (_, feed) in known.inputs.items()}
    return [
        check
        for check in evaluate_integrity(observed, known, health, params)
        if check.outcome == "critical"
    ]


def evaluate_integrity(
    observed: ObservedRows, known: Reference, health: Mapping[str, InputHealth], params: AllParams
) -> list[MonitoringCheck]:
    """Judges whether the rows can be trusted: days, labels, and every input."""
    policy, rows = params.monitor, observed.rows
    findings = []
    # Labels of some days come later, and some days have not all that a month has.
    if observed.whole:
        findings.append(checks.evaluate_labels(rows, known.unlabelled, policy))
        assert known.daily is not None
        expected = months.list_dates(observed.first, observed.last + timedelta(days=1))
        findings.append(checks.evaluate_days(rows, expected, known.daily, policy))
    for name, one in health.items():
        findings += checks.evaluate_input_integrity(
            name, one, policy, len(rows), observed.is_comparable
        )
    return findings


def decide_action(
    findings: Sequence[MonitoringCheck], observed: ObservedRows, split: AnySplit, params: AllParams
) -> tuple[Decision, str]:
    """Return what follows, and the reason in one line.

    Training is skipped on broken rows, and on rows without labels.
    """
    acting = [check for check in findings if check.outcome == "critical"]
    broken = [check for check in acting if check.kind == "integrity"]
    if broken:
        return "block", f"the data are broken: {_format_checks(broken)}"
    if acting and not observed.labeled_count:
        return "block", f"no label yet to train on: {_format_checks(acting)}"
    if acting:
        return "retrain", _format_checks(acting)
    if (
        observed.labeled_count
        and isinstance(split, SplitParams)
        and _is_retraining_due(observed, split, params)
    ):
        return "retrain", f"on schedule: the model was last evaluated on {split.test.last}"
    watched = [check for check in findings if check.outcome == "warning"]
    return "none", f"warnings: {_format_checks(watched)}" if watched else "nothing to be seen"


def _is_retraining_due(observed: ObservedRows, split: SplitParams, params: AllParams) -> bool:
    every = params.retrain.every_months if params.retrain else None
    return every is not None and str(observed.last)[:7] >= months.add_months(split.test.last, every)


def _format_checks(listed: Sequence[MonitoringCheck], most: int = 3) -> str:
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return "; ".join(f"{check.name}: {check.reason}" for check in listed[:most]) + more
