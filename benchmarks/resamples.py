"""Compare resampling whole days from sums by day with the plain way.

The plain way repeats the rows of each resample and calls scikit-learn.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from tarmac.pipeline.intervals import bootstrap
from tarmac.pipeline.metrics import metrics

ROWS, DAYS, RESAMPLES = 80_000, 61, 1_000
PLAIN = 20  # resamples of the plain way that are timed: its cost grows with their number
OUT = Path(__file__).resolve().parent / "results" / "resamples.md"


def main(rounds: int) -> None:
    """Times both ways in turn and writes the report."""
    draw = np.random.default_rng(7)
    cluster = np.sort(draw.integers(0, DAYS, ROWS))
    p = draw.random(ROWS, dtype="float32")
    y = (draw.random(ROWS) < p).astype("int8")
    weights = bootstrap.draw_weights(DAYS, RESAMPLES, 7)
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(
            measure_seconds(
                lambda: [
                    metric(y, p, cluster, weights)
                    for metric in bootstrap.METRICS["binary"].values()
                ]
            )
        )
        plain.append(
            measure_seconds(
                lambda: [compute_resample_metrics(y, p, cluster, row) for row in weights[:PLAIN]]
            )
            * RESAMPLES
            / PLAIN
        )
    one = median(
        measure_seconds(lambda: bootstrap.resample_roc_auc(y, p, cluster, weights))
        for _ in range(rounds)
    )
    OUT.write_text(render_report(median(ours), median(plain), one, rounds), encoding="utf-8")
    print(OUT.read_text(encoding="utf-8"))


def compute_resample_metrics(
    y: np.ndarray, p: np.ndarray, cluster: np.ndarray, weights: np.ndarray
) -> list[float]:
    """The five metrics of one resample, from its repeated rows."""
    rows = np.repeat(np.arange(len(y)), weights[cluster].astype(int))
    return [
        *metrics.compute_metrics(y[rows], p[rows]).values(),
        metrics.compute_calibration_error(y[rows], p[rows], bootstrap.BINS),
    ]


def measure_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a piece of work, over all threads."""
    started = time.process_time()
    work()
    return time.process_time() - started


def render_report(ours: float, plain: float, auc: float, rounds: int) -> str:
    """What was measured, in Markdown."""
    load = f"load average at the end {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    return (
        "# Intervals from sums by day\n\n"
        f"`python -m benchmarks.resamples --rounds {rounds}`: CPU seconds, medians of {rounds}"
        f" rounds, {load}."
        f" {RESAMPLES:,} resamples of {ROWS:,} rows in {DAYS} days, five metrics of one model.\n\n"
        "| | CPU s | ratio |\n| --- | ---: | ---: |\n"
        f"| sums by day | {ours:.2f} | 1 |\n"
        f"| of which ROC-AUC | {auc:.2f} | {auc / ours:.2f} |\n"
        f"| rows repeated, scikit-learn ({PLAIN} resamples, scaled up) | {plain:.1f}"
        f" | {plain / ours:.0f} |\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    main(parser.parse_args().rounds)
