"""Judges observed rows beside the months that the live model was made from and judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from tarmac.files import months
from tarmac.model.dataset import read_window
from tarmac.monitoring import checks, decay
from tarmac.monitoring.checks import Check, Outcome, worst
from tarmac.monitoring.decay import Change, Judged, SliceChange
from tarmac.monitoring.drift import Bins, FeatureDrift, Seen, psi
from tarmac.monitoring.feed import Feed, Health
from tarmac.monitoring.live import Live
from tarmac.monitoring.rows import INPUTS, TABLES, Observed, answered
from tarmac.params import Params, SplitParams, Window
from tarmac.problem.names import CLUSTER, TARGET

Decision = Literal["none", "retrain", "hold"]


class JudgeError(ValueError):
    """There is nothing to judge new rows by."""


class Reference:
    """What new rows are beside: the months that were taken in before, and those that the live model was made from."""

    def __init__(self, before: pd.DataFrame, split: SplitParams, judged: pd.DataFrame, p: np.ndarray) -> None:
        """Takes the rows of all months before, and those that the model was judged on with its answers."""
        self.judged, self.p = judged, p
        month, _ = pd.factorize(before[CLUSTER].astype("str").str[:7], sort=True)
        trained = _within(before, split.train)
        number, _ = pd.factorize(trained[CLUSTER].astype("str").str[:7], sort=True)
        self.rows = len(trained)
        self.inputs = {
            name: (Seen(trained[name], number), Feed(before[name], month)) for name in INPUTS if name in before
        }
        self.unlabelled = float(before[TARGET].isna().groupby(month).mean().max())
        self.daily = float(before[CLUSTER].value_counts().median())


def _within(rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    month = rows[CLUSTER].astype("str").str[:7]
    return rows[(month >= window.first) & (month <= window.last)].reset_index(drop=True)


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


def judged_on(split: SplitParams, before: date) -> Window:
    """The months that a model was judged on, validation and test, as far as they end before a day's own month."""
    last = min(split.test.last, months.shifted(str(before)[:7], -1))
    if last < split.validation.first:
        raise JudgeError(
            f"the model was made with {split.validation.first}: rows of {before} are none that are new to it"
        )
    return Window(first=split.validation.first, last=last)


def reference(live: Live, first: date, tables: Path = TABLES) -> Reference:
    """Reads the months from the live model's first to the one before a day."""
    window = judged_on(live.split, first)
    last = months.shifted(str(first)[:7], -1)
    before = read_window(tables, Window(first=live.split.train.first, last=max(last, window.last)))
    judged = _within(before, window)
    return Reference(before, live.split, judged, answered(judged, live.scorer))


def judge(observed: Observed, known: Reference, split: SplitParams, params: Params) -> Judgement:
    """Judges rows by the policy; the decision follows from the worst that is found, or from the schedule."""
    inputs = {name: both for name, both in known.inputs.items() if name in observed.rows}
    found = [seen.drift(observed.rows[name]) for name, (seen, _) in inputs.items()]
    health = {name: feed.health(observed.rows[name]) for name, (_, feed) in inputs.items()}
    judged = [*integrity(observed, known, health, params), *checks.drift(found, params.monitor, observed.whole)]
    bins = Bins(pd.Series(known.p))
    far = psi(bins.count(pd.Series(known.p)), bins.count(pd.Series(observed.p)))
    judged.append(checks.prediction(far, params.monitor, proves=observed.whole and not observed.labelled))
    sides = [Judged(rows, p, params.intervals) for rows, p in ((known.judged, known.p), (observed.rows, observed.p))]
    if not all(side.usable for side in sides):
        return Judgement(judged, *decide(judged, observed, split, params), found, health)
    before, now = sides
    moved = [decay.change(name, before, now) for name in params.monitor.decay]
    parts = decay.slice_changes(before, now, params.evaluate.min_slice_rows)
    judged += [checks.metric(change, params.monitor.decay[change.metric]) for change in moved]  # type: ignore[index]
    judged.append(checks.calibration(now.gap(), before.gap(), params.monitor.calibration))
    judged += [check for part in parts if (check := checks.one_slice(part, params.monitor.slices))]
    table = now.calibration(params.evaluate.calibration_bins)
    return Judgement(judged, *decide(judged, observed, split, params), found, health, moved, table, parts)


def corrected(month: str, split: SplitParams, params: Params, tables: Path = TABLES) -> list[Check]:
    """Judges whether a month that the model may have learned from can be trusted, beside all the others."""
    stored = months.stored(tables)
    rows = read_window(tables, Window(first=stored[0], last=stored[-1]))
    own = rows[CLUSTER].astype("str").str[:7] == month
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
        count = (observed.last - observed.first).days + 1
        expected = [observed.first + timedelta(days=number) for number in range(count)]
        judged.append(checks.days(rows, expected, known.daily, policy))
    return [
        *judged,
        *(
            check
            for name, one in found.items()
            for check in checks.integrity(name, one, policy, len(rows), observed.whole)
        ),
    ]


def decide(judged: Sequence[Check], observed: Observed, split: SplitParams, params: Params) -> tuple[Decision, str]:
    """What follows, and why in a line. Nothing is trained on broken rows, nor on rows without labels."""
    acting = [check for check in judged if check.outcome == "act"]
    broken = [check for check in acting if check.kind == "integrity"]
    if broken:
        return "hold", f"the data are broken: {_listed(broken)}"
    if acting and not observed.labelled:
        return "hold", f"no label yet to train on: {_listed(acting)}"
    if acting:
        return "retrain", _listed(acting)
    every = params.retrain.every_months
    if every and observed.labelled and str(observed.last)[:7] >= months.shifted(split.test.last, every):
        return "retrain", f"on schedule: the model was last judged on {split.test.last}"
    watched = [check for check in judged if check.outcome == "watch"]
    return "none", f"to watch: {_listed(watched)}" if watched else "nothing to be seen"


def _listed(found: Sequence[Check], most: int = 3) -> str:
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(f"{check.name}: {check.reason}" for check in found[:most]) + more
