"""Backtest retraining: replay the stored months, each as if it had just arrived.

The backtest shows what retraining would have brought, and what it would have cost. It compares
three ways, which start from the same first model. One never retrains. One retrains and releases
every month, whatever the verdict. One follows the policy of `params.yaml`, and releases if the
verdict passes. The last two are clones in which `tarmac retrain` runs. Each month is evaluated
with the model that was live when it came.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tarmac.backtest.team import RetrainingRound, SimulatedTeam
from tarmac.interface.problem import problem
from tarmac.monitoring.decay import ScoredSample
from tarmac.monitoring.rows import load_scored_month
from tarmac.pipeline.base import months
from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import FEATURES, RAW
from tarmac.pipeline.intervals.sample import Sample
from tarmac.pipeline.models.scorer import Scorer
from tarmac.policy import AllParams, load_all_params
from tarmac.repository.dvc import commands
from tarmac.review.split_windows import SplitWindowError, compute_split_windows

OUT = Path("metrics/backtest")
# Months that are there when the first model is made:
# two to train on, one to tune on, one to evaluate on.
FIRST = 4
NEVER, MONTHLY_WAY, POLICY = WAYS = ("never", "monthly", "policy")
SHORT = {"retrain.validation_months": 1, "retrain.test_months": 1}


@dataclass
class StrategyRun:
    """What one way has come to so far."""

    trained: tuple[str, str]  # first and last month that the live model was trained on
    lines: list[dict[str, Any]] = field(default_factory=list)
    scored: list[tuple[pd.DataFrame, np.ndarray]] = field(default_factory=list)

    def concatenate_predictions(self) -> np.ndarray:
        """The predictions of all months that were evaluated, in their order."""
        return np.concatenate([p for _, p in self.scored])


def run_backtest() -> list[str]:
    """Write `months.csv` and `summary.csv` to metrics/backtest; return the summary's lines."""
    params = load_all_params()
    if params.retrain is None:
        raise SplitWindowError(
            "this problem has no date column, so it has no months to backtest",
            "name a date column when you create the project: `make new … TIME=COLUMN`",
        )
    commands.pull_outputs("data/raw.dvc")
    stored = months.list_stored_months(RAW / problem.contract.MONTHLY[-1])
    if len(stored) <= FIRST:
        raise SplitWindowError(
            f"too few months for a backtest: {len(stored)} stored, {FIRST + 1} needed",
            "add months: `make ingest FILES=path/to/files`",
        )
    windows = compute_split_windows(
        stored[0], stored[FIRST - 1], params.retrain.model_copy(update=dict(_build_short_policy()))
    )
    with tempfile.TemporaryDirectory(prefix="tarmac-backtest-") as folder:
        ways = _run_ways(Path(folder), stored, windows, params)
    return write_tables(ways, params)


def _run_ways(
    folder: Path, stored: Sequence[str], windows: Mapping[str, str], params: AllParams
) -> dict[str, StrategyRun]:
    """Replay the months after the first ones by every way, in clones under a folder."""
    trained = windows["split.train.first"], windows["split.train.last"]
    ways = {name: StrategyRun(trained) for name in WAYS}
    first = SimulatedTeam.from_head(
        folder / NEVER, stored[:FIRST], {**windows, **SHORT, **_build_open_bounds(params)}
    )
    teams = {name: first.fork_team(folder / name) for name in (MONTHLY_WAY, POLICY)}
    teams[MONTHLY_WAY].set_params({"retrain.every_months": 1})
    for month in stored[FIRST:]:
        for name, team in teams.items():
            retraining = team.run_round(month)
            add_month_result(ways[name], month, team.live, team.folder / FEATURES, params)
            release_or_discard(ways[name], team, retraining, whatever=name == MONTHLY_WAY)
        add_month_result(ways[NEVER], month, first.live, teams[POLICY].folder / FEATURES, params)
        metrics = (f"{name} {way.lines[-1][TASK.main_metric]:.4f}" for name, way in ways.items())
        print(f"{month}  " + "  ".join(metrics))
    return ways


def _build_short_policy() -> Mapping[str, int]:
    return {name.rpartition(".")[2]: value for name, value in SHORT.items()}


def _build_open_bounds(params: AllParams) -> dict[str, Any]:
    """Return review bounds that no month can fail.

    Those of `params.yaml` are for its own test months, and months differ.
    """
    metrics = params.review.metrics.items()
    metric_bounds = {
        f"review.metrics.{name}.worst_allowed": -1e9 if policy.better == "higher" else 1e9
        for name, policy in metrics
    }
    suspicious = {f"review.metrics.{name}.suspicious_beyond": None for name, _ in metrics}
    worst = -1e9 if TASK.kind == "regression" else 0.0  # of the main metric
    return {
        **metric_bounds,
        **suspicious,
        "review.slices.worst_allowed": worst,
        "review.behaviour.usable": worst,
    }


def add_month_result(
    way: StrategyRun, month: str, model: Path, tables: Path, params: AllParams
) -> None:
    """Add what the live model is worth in a month."""
    observed = load_scored_month(month, Scorer(model), tables)
    scored = ScoredSample(observed.rows, observed.p, params.intervals)
    main = scored.sample.estimate_metric(TASK.main_metric, scored.p)
    way.scored.append((scored.rows[[problem.contract.CLUSTER, problem.contract.TARGET]], scored.p))
    way.lines.append(
        {
            "month": month,
            "train_first": way.trained[0],
            "train_last": way.trained[1],
            "rows": len(scored.rows),
            TASK.main_metric: main.value,
            "low": main.low,
            "high": main.high,
            TASK.loss_metric: scored.sample.compute_value(TASK.loss_metric, scored.p),
            "calibration_gap": scored.estimate_calibration_gap().value,
            "verdict": "",
            "retrained": 0,
            "released": 0,
            "seconds": 0.0,
        }
    )


def release_or_discard(
    way: StrategyRun, team: SimulatedTeam, retraining: RetrainingRound, whatever: bool
) -> None:
    """Release what the month's round made, or leave it; note which."""
    released = bool(retraining.made) and (whatever or retraining.verdict == "pass")
    retrained = retraining.decision == "retrain"
    done = {"retrained": int(retrained), "released": int(released and retrained)}
    way.lines[-1].update(done, verdict=retraining.monitored, seconds=retraining.seconds)
    if not released:
        team.discard_round()
        return
    team.release_version()
    if retrained:
        way.trained = team.read_training_window()


def write_tables(ways: Mapping[str, StrategyRun], params: AllParams) -> list[str]:
    """Write both tables, and return the lines of the summary.

    The gain over never retraining is paired: it uses the same rows and the same resamples.
    """
    lines_by_way = []
    for name, way in ways.items():
        lines_by_way += [{"way": name, **line} for line in way.lines]
    lines = pd.DataFrame(lines_by_way)
    rows = pd.concat([rows for rows, _ in ways[NEVER].scored], ignore_index=True)
    sample = Sample.from_rows(
        rows[problem.contract.TARGET].astype(TASK.label),
        rows[problem.contract.CLUSTER].astype("str"),
        params.intervals,
    )
    answers = {name: way.concatenate_predictions() for name, way in ways.items()}
    summary = pd.DataFrame(
        [
            _summarize_way(name, own, sample, answers)
            for name, own in lines.groupby("way", sort=False)
        ]
    )
    with replace_output(OUT) as folder:
        folder.mkdir()
        for name, table in {"months": lines, "summary": summary}.items():
            table.round({"seconds": 0, "minutes": 1}).round(5).to_csv(
                folder / f"{name}.csv", index=False, lineterminator="\n"
            )
    return str(summary.round(4).to_string(index=False)).splitlines()


def _summarize_way(
    name: str, lines: pd.DataFrame, sample: Sample, answers: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    whole = sample.estimate_metric(TASK.main_metric, answers[name])
    gain = sample.estimate_difference(TASK.main_metric, answers[NEVER], answers[name])
    return {
        "way": name,
        "trainings": int(lines["retrained"].sum()),
        "released": int(lines["released"].sum()),
        "minutes": float(lines["seconds"].sum()) / 60,
        TASK.main_metric: whole.value,
        "low": whole.low,
        "high": whole.high,
        "over_never": gain.value,
        "over_never_low": gain.low,
        "over_never_high": gain.high,
    }
