"""Judges observed rows beside the months that the live model was made from and judged on."""

from collections.abc import Sequence
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
from tarmac.monitoring.drift import Bins, FeatureDrift, feature_drift, psi
from tarmac.monitoring.live import Live
from tarmac.monitoring.rows import INPUTS, TABLES, Observed
from tarmac.params import Params, SplitParams, Window
from tarmac.problem.names import CLUSTER, TARGET

Decision = Literal["none", "retrain", "hold"]


class JudgeError(ValueError):
    """There is nothing to judge new rows by."""


@dataclass(frozen=True)
class Reference:
    """What the live model knows: the rows it was trained on, and those that it was judged on, with its answers."""

    trained: pd.DataFrame
    judged: pd.DataFrame
    p: np.ndarray


@dataclass(frozen=True)
class Judgement:
    """Everything that was found, and what follows."""

    checks: list[Check]
    decision: Decision
    summary: str
    features: list[FeatureDrift]
    metrics: list[Change] = field(default_factory=list)
    calibration: list[dict[str, float]] = field(default_factory=list)
    slices: list[SliceChange] = field(default_factory=list)

    @property
    def verdict(self) -> Outcome:
        """The worst outcome of all checks."""
        return worst(self.checks)


def judged_on(split: SplitParams, before: date) -> Window:
    """The months that a model was judged on, validation and test, as far as they end before a day."""
    last = min(split.test.last, str(before - timedelta(days=1))[:7])
    if last < split.validation.first:
        raise JudgeError(
            f"the model was made with {split.validation.first}: rows of {before} are none that are new to it"
        )
    return Window(first=split.validation.first, last=last)


def reference(live: Live, first: date, tables: Path = TABLES) -> Reference:
    """Reads the months of the live model that come before a day."""
    judged = read_window(tables, judged_on(live.split, first))
    return Reference(read_window(tables, live.split.train), judged, live.scorer.score(judged))


def judge(observed: Observed, known: Reference, split: SplitParams, params: Params) -> Judgement:
    """Judges rows by the policy; the decision follows from the worst that is found, or from the schedule."""
    month, _ = pd.factorize(known.trained[CLUSTER].astype("str").str[:7], sort=True)
    inputs = [name for name in INPUTS if name in observed.rows]
    found = [feature_drift(known.trained, month, observed.rows, name) for name in inputs]
    judged = [*integrity(observed, known, month, found, params), *checks.drift(found, params.monitor)]
    bins = Bins(pd.Series(known.p))
    far = psi(bins.count(pd.Series(known.p)), bins.count(pd.Series(observed.p)))
    judged.append(checks.prediction(far, params.monitor, labelled=observed.labelled > 0))
    sides = [Judged(rows, p, params.intervals) for rows, p in ((known.judged, known.p), (observed.rows, observed.p))]
    if not all(side.usable for side in sides):
        return Judgement(judged, *decide(judged, observed, split, params), found)
    before, now = sides
    moved = [decay.change(name, before, now) for name in params.monitor.decay]
    parts = decay.slice_changes(before, now, params.evaluate.min_slice_rows)
    judged += [checks.metric(change, params.monitor.decay[change.metric]) for change in moved]  # type: ignore[index]
    judged.append(checks.calibration(now.gap(), before.gap(), params.monitor.calibration))
    judged += [check for part in parts if (check := checks.one_slice(part, params.monitor.slices))]
    table = now.calibration(params.evaluate.calibration_bins)
    return Judgement(judged, *decide(judged, observed, split, params), found, moved, table, parts)


def integrity(
    observed: Observed, known: Reference, month: np.ndarray, found: Sequence[FeatureDrift], params: Params
) -> list[Check]:
    """Judges whether the rows can be trusted: days, labels, and every input."""
    policy, rows = params.monitor, observed.rows
    unlabelled = known.trained[TARGET].isna().groupby(month).mean().max()
    judged = [checks.labels(rows, float(unlabelled), policy)] if observed.whole or observed.labelled else []
    if observed.whole:
        count = (observed.last - observed.first).days + 1
        expected = [observed.first + timedelta(days=number) for number in range(count)]
        judged.append(checks.days(rows, expected, float(known.trained[CLUSTER].value_counts().median()), policy))
    return [*judged, *(check for feature in found for check in checks.integrity(feature, policy, len(rows)))]


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
