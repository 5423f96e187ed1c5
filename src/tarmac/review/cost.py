"""What base and head cost: size of the model, time to score a row (both in one run), and the stages that ran here."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tarmac.pipeline.models.scorer import Scorer
from tarmac.repository import stage_costs
from tarmac.review.results import FEATURES, LOCK, MODEL, Result

ROWS, ROUNDS = 20_000, 5


@dataclass(frozen=True)
class Cost:
    """Costs of one result; None where they are not known here."""

    model_bytes: int | None
    scoring_microseconds: float | None  # for one row, on one thread
    stages: Mapping[str, stage_costs.Cost]  # of those that have run on this machine

    @property
    def minutes(self) -> float | None:
        """Wall time of the stages that have run here."""
        return sum(cost["wall_seconds"] for cost in self.stages.values()) / 60 if self.stages else None

    @property
    def gigabytes(self) -> float | None:
        """Peak memory of the largest of these stages."""
        return max(cost["peak_bytes"] for cost in self.stages.values()) / 1e9 if self.stages else None


def compare(base: Result | None, head: Result) -> tuple[Cost | None, Cost]:
    """Costs of base and head. Scoring is timed in turn, so that a busy machine is busy for both."""
    sides = [side for side in (base, head) if side is not None]
    times = _scoring(sides)
    found = [
        Cost(_bytes(side), times[number], stage_costs.known(side.text(LOCK) or "")) for number, side in enumerate(sides)
    ]
    return (found[0] if base is not None else None), found[-1]


def _bytes(side: Result) -> int | None:
    return side.path(MODEL).stat().st_size if MODEL in side.present else None


def _scoring(sides: list[Result]) -> list[float | None]:
    """Median time of each side's model on the first rows of its own last month of features."""
    timed = {n: (Scorer(side.path(MODEL)), _some_rows(side)) for n, side in enumerate(sides) if _can_score(side)}
    seconds: dict[int, list[float]] = {number: [] for number in timed}
    for _ in range(ROUNDS):
        for number, (scorer, rows) in timed.items():
            started = time.process_time()
            scorer.score(rows)
            seconds[number].append((time.process_time() - started) / len(rows))
    return [statistics.median(seconds[number]) * 1e6 if number in seconds else None for number in range(len(sides))]


def _can_score(side: Result) -> bool:
    return {MODEL, FEATURES} <= side.present


def _some_rows(side: Result) -> pd.DataFrame:
    return pd.read_parquet(max(side.path(FEATURES).glob("*.parquet"))).head(ROWS)
