"""Coverage of 95 % intervals in simulations where all rows of a day share a common effect."""

from functools import cache

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tarmac.pipeline.intervals import bootstrap, delong
from tarmac.pipeline.intervals.bootstrap import Clusters, draw_weights
from tarmac.pipeline.metrics.metrics import Labels, Predictions
from tests.needs import times

pytestmark = pytest.mark.repeated

METRICS = bootstrap.METRICS["binary"]
RUNS, DAYS, RESAMPLES, CONFIDENCE = times(500, 10_000), 60, 200, 0.95
SIZES = np.random.default_rng(1).integers(10, 61, DAYS)
Simulated = tuple[Labels, Predictions, Predictions, Clusters]


@pytest.fixture(autouse=True)
def one_thread():
    """Limit thousands of small products to one thread.

    On a busy machine, threads that wait for each other take several times as long.
    """
    with threadpool_limits(1):
        yield


def simulated(sizes: np.ndarray, seed: int) -> Simulated:
    """Return labels, the predictions of both models, and the day of each row.

    The outcome and the error of each model have a part that the rows of a day share. Both models
    know the same half; the second knows more.
    """
    draw = np.random.default_rng(seed)
    day = np.repeat(np.arange(len(sizes)), sizes)
    mood, error, other = draw.normal(0, 0.5, (3, len(sizes)))[:, day]
    known, hidden = draw.normal(size=len(day)), draw.normal(0, 0.7, len(day))
    y = (draw.random(len(day)) < chance(known + hidden + mood)).astype("int8")
    return (
        y,
        chance(known + error).astype("float32"),
        chance(known + hidden / 2 + other).astype("float32"),
        day,
    )


def chance(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(1 - score))


def difference(
    name: str, rows: Simulated, weights: np.ndarray, cluster: Clusters | None = None
) -> np.ndarray:
    """The metric of the second model minus that of the first, by resample."""
    y, first, second, day = rows
    of = day if cluster is None else cluster
    return METRICS[name](y, second, of, weights) - METRICS[name](y, first, of, weights)


def at_once(name: str, rows: Simulated) -> float:
    """The difference on all rows, taken for one cluster that is drawn once."""
    return float(difference(name, rows, np.ones((1, 1)), np.zeros(len(rows[0]), int))[0])


@cache
def truth(name: str) -> float:
    """Return the difference on very many days.

    What is left of chance is a twentieth of an interval's error.
    """
    return at_once(name, simulated(np.resize(SIZES, 400 * DAYS), seed=10**6))


def by_day(name: str, rows: Simulated, seed: int) -> tuple[float, float]:
    draws = difference(name, rows, draw_weights(DAYS, RESAMPLES, seed))
    return bootstrap.compute_interval(at_once(name, rows), draws, DAYS, CONFIDENCE)


@cache
def weights_of_rows() -> np.ndarray:
    return draw_weights(SIZES.sum(), RESAMPLES, seed=2)


def by_row(name: str, rows: Simulated, seed: int) -> tuple[float, float]:
    draws = difference(name, rows, weights_of_rows(), np.arange(len(rows[0])))
    return bootstrap.compute_interval(at_once(name, rows), draws, len(rows[0]), CONFIDENCE)


def by_delong(name: str, rows: Simulated, seed: int) -> tuple[float, float]:
    return delong.compute_difference_interval(*rows[:3], CONFIDENCE)


def held(name: str, make, runs: int) -> float:
    """Share of the simulations whose interval holds the truth."""
    found = (make(name, simulated(SIZES, seed), seed) for seed in range(runs))
    return float(np.mean([low <= truth(name) <= high for low, high in found]))


@pytest.mark.parametrize("name", ["log_loss", "roc_auc"])
def test_interval_by_day_covers_truth_at_stated_rate(name):
    """Check the rate of intervals that contain the truth.

    It may differ by a hundredth, which simulation is known to lack, and by three of its own errors.
    """
    rate = held(name, by_day, RUNS)
    error = np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / RUNS)
    assert abs(rate - CONFIDENCE) <= 0.01 + 3 * error, (
        f"{name}: {rate:.1%} of {RUNS} intervals by day hold the truth"
    )


@pytest.mark.parametrize(("name", "make"), [("log_loss", by_row), ("roc_auc", by_delong)])
def test_intervals_assuming_independent_rows_undercover(name, make):
    rate = held(name, make, RUNS // 4)
    assert rate < 0.9, (
        f"{name}: {rate:.1%} of {RUNS // 4} intervals by row hold the truth: "
        "the days say nothing here"
    )
