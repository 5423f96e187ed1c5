"""Compare the cost of base and head: model size, time to score a row, and the stages that ran.

Both models are timed in one run, and the stages are those that ran here.
"""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tarmac.pipeline.models.scorer import Scorer
from tarmac.repository import stage_costs
from tarmac.review.result_folder import FEATURES, LOCK, MODEL, ResultFolder

ROWS, ROUNDS = 20_000, 5


@dataclass(frozen=True)
class ResultCost:
    """Costs of one result; None where they are not known here."""

    model_bytes: int | None
    scoring_microseconds: float | None  # for one row, on one thread
    stages: Mapping[str, stage_costs.Cost]  # of those that have run on this machine

    @property
    def pipeline_minutes(self) -> float | None:
        """Wall time of the stages that have run here."""
        return (
            sum(cost["wall_seconds"] for cost in self.stages.values()) / 60 if self.stages else None
        )

    @property
    def peak_gigabytes(self) -> float | None:
        """Peak memory of the largest of these stages."""
        return (
            max(cost["peak_bytes"] for cost in self.stages.values()) / 1e9 if self.stages else None
        )


def compare_costs(
    base: ResultFolder | None, head: ResultFolder
) -> tuple[ResultCost | None, ResultCost]:
    """Costs of base and head. Scoring is timed in turn, so that a busy machine is busy for both."""
    sides = [side for side in (base, head) if side is not None]
    times = _measure_scoring_time(sides)
    costs = [
        ResultCost(
            _read_model_size(side),
            times[number],
            stage_costs.load_stage_costs(side.read_text(LOCK) or ""),
        )
        for number, side in enumerate(sides)
    ]
    return (costs[0] if base is not None else None), costs[-1]


def _read_model_size(side: ResultFolder) -> int | None:
    return side.resolve_path(MODEL).stat().st_size if MODEL in side.present else None


def _measure_scoring_time(sides: list[ResultFolder]) -> list[float | None]:
    """Median time of each side's model on the first rows of its own last month of features."""
    timed = {
        n: (Scorer(side.resolve_path(MODEL)), _read_sample_rows(side))
        for n, side in enumerate(sides)
        if _has_scoring_files(side)
    }
    seconds: dict[int, list[float]] = {number: [] for number in timed}
    for _ in range(ROUNDS):
        for number, (scorer, rows) in timed.items():
            started = time.process_time()
            scorer.score(rows)
            seconds[number].append((time.process_time() - started) / len(rows))
    return [
        statistics.median(seconds[number]) * 1e6 if number in seconds else None
        for number in range(len(sides))
    ]


def _has_scoring_files(side: ResultFolder) -> bool:
    return {MODEL, FEATURES} <= side.present


def _read_sample_rows(side: ResultFolder) -> pd.DataFrame:
    return pd.read_parquet(max(side.resolve_path(FEATURES).glob("*.parquet"))).head(ROWS)
