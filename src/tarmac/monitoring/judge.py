"""Judges observed rows beside the rows that the live model was made from and judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from tarmac.interface.problem import problem
from tarmac.monitoring import checks, decay
from tarmac.monitoring.checks import Check, Outcome, worst
from tarmac.monitoring.daily import dates
from tarmac.monitoring.decay import Change, Judged, SliceChange
from tarmac.monitoring.drift import Bins, FeatureDrift, psi
from tarmac.monitoring.feed import Health
from tarmac.monitoring.reference import Reference
from tarmac.monitoring.rows import Observed
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import TASK, AnySplit, SplitParams, Task, Window
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.models.dataset import read_window
from tarmac.policy import Params

Decision = Literal["none", "retrain", "hold"]


@dataclass(frozen=True)
class Judgement:
    """Everything that was found, and what follows."""

    checks: list[Check]
    decision: Decision
    summary: str
    features: list[FeatureDrift]
    health: dict[str, Health]
    metrics: list[Change] = field(default_factory=list)
    calibration: list[dict[str, float]] = field(default_factory=list)
    slices: list[SliceChange] = field(default_factory=list)

    @property
    def verdict(self) -> Outcome:
        """The worst outcome of all checks."""
        return worst(self.checks)


def judge(observed: Observed, known: Reference, split: AnySplit, params: Params, task: Task = TASK) -> Judgement:
    """Judges rows by the policy; the decision follows from the worst that is found, or from the schedule."""
    inputs = {name: both for name, both in known.inputs.items() if name in observed.rows}
    found = [seen.drift(observed.rows[name]) for name, (seen, _) in inputs.items()]
    health = {name: feed.health(observed.rows[name], observed.comparable) for name, (_, feed) in inputs.items()}
    judged = [*integrity(observed, known, health, params), *checks.drift(found, params.monitor, observed.comparable)]
    proves = observed.comparable and not observed.labelled
    judged.append(checks.prediction(moved_by(known.p, observed.p, task), params.monitor, proves=proves))
    sides = [
        Judged(rows, p, params.intervals, task) for rows, p in ((known.judged, known.p), (observed.rows, observed.p))
    ]
    if not all(side.usable for side in sides):
        return Judgement(judged, *decide(judged, observed, split, params), found, health)
    before, now = sides
    moved = [decay.change(name, before, now) for name in params.monitor.decay]
    parts = decay.slice_changes(before, now, params.evaluate.min_slice_rows)
    judged += [checks.metric(change, params.monitor.decay[change.metric], task) for change in moved]
    judged.append(checks.calibration(now.gap(), before.gap(), params.monitor.calibration))
    judged += [check for part in parts if (check := checks.one_slice(part, params.monitor.slices))]
    table = now.calibration(params.evaluate.calibration_bins)
    return Judgement(judged, *decide(judged, observed, split, params), found, health, moved, table, parts)


def moved_by(before: np.ndarray, now: np.ndarray, task: Task = TASK) -> float:
    """PSI of the answers: of their number, or of the class that is the likeliest where there are more than two."""
    sides = [
        pd.Series(p) if task.kind != "multiclass" else pd.Series(p.argmax(axis=1)).astype("str") for p in (before, now)
    ]
    bins = Bins(sides[0])
    return psi(bins.count(sides[0]), bins.count(sides[1]))


def corrected(month: str, split: SplitParams, params: Params, tables: Path = FEATURES) -> list[Check]:
    """Judges whether a month that the model may have learned from can be trusted, beside all the others."""
    stored = months.stored(tables)
    rows = read_window(tables, Window(first=stored[0], last=stored[-1]))
    own = rows[problem.contract.DAY].astype("str").str[:7] == month
    others, rows = rows[~own].reset_index(drop=True), rows[own].reset_index(drop=True)
    first, after = months.days(month)
    observed = Observed(rows, np.zeros(len(rows)), first, after - timedelta(days=1), whole=True)
    every = split.model_copy(update={"train": Window(first=stored[0], last=stored[-1])})
    known = Reference(others, every, others.iloc[:0], np.array([]))
    health = {name: feed.health(rows[name]) for name, (_, feed) in known.inputs.items()}
    return [check for check in integrity(observed, known, health, params) if check.outcome == "act"]


def integrity(observed: Observed, known: Reference, found: Mapping[str, Health], params: Params) -> list[Check]:
    """Judges whether the rows can be trusted: days, labels, and every input."""
    policy, rows = params.monitor, observed.rows
    judged = []
    if observed.whole:  # labels of some days come later, and some days have not all that a month has
        judged.append(checks.labels(rows, known.unlabelled, policy))
        assert known.daily is not None
        expected = dates(observed.first, observed.last + timedelta(days=1))
        judged.append(checks.days(rows, expected, known.daily, policy))
    return [
        *judged,
        *(
            check
            for name, one in found.items()
            for check in checks.integrity(name, one, policy, len(rows), observed.comparable)
        ),
    ]


def decide(judged: Sequence[Check], observed: Observed, split: AnySplit, params: Params) -> tuple[Decision, str]:
    """What follows, and why in a line. Nothing is trained on broken rows, nor on rows without labels."""
    acting = [check for check in judged if check.outcome == "act"]
    broken = [check for check in acting if check.kind == "integrity"]
    if broken:
        return "hold", f"the data are broken: {_listed(broken)}"
    if acting and not observed.labelled:
        return "hold", f"no label yet to train on: {_listed(acting)}"
    if acting:
        return "retrain", _listed(acting)
    if observed.labelled and isinstance(split, SplitParams) and _due(observed, split, params):
        return "retrain", f"on schedule: the model was last judged on {split.test.last}"
    watched = [check for check in judged if check.outcome == "watch"]
    return "none", f"to watch: {_listed(watched)}" if watched else "nothing to be seen"


def _due(observed: Observed, split: SplitParams, params: Params) -> bool:
    every = params.retrain.every_months if params.retrain else None
    return every is not None and str(observed.last)[:7] >= months.shifted(split.test.last, every)


def _listed(found: Sequence[Check], most: int = 3) -> str:
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(f"{check.name}: {check.reason}" for check in found[:most]) + more
