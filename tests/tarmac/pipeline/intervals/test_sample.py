"""Samples: estimates for every kind of target, and merging of clusters above the limit."""

import numpy as np
import pandas as pd
import pytest

from tarmac.pipeline.base.params import TASKS, IntervalParams
from tarmac.pipeline.intervals.sample import MOST, Sample
from tests.tarmac.pipeline.cases import made

PARAMS = IntervalParams(confidence=0.95, resamples=2000, seed=3)


def sample(
    kind: str, rows: int, clusters: int, params: IntervalParams = PARAMS
) -> tuple[Sample, np.ndarray]:
    y, p = made(kind, rows, seed=rows)
    codes = pd.Series(np.arange(rows) % clusters).astype("str")
    return Sample.from_rows(pd.Series(y), codes, params, task=TASKS[kind]), p


@pytest.mark.parametrize("kind", TASKS)
def test_metrics_lie_in_intervals_except_calibration_error(kind):
    rows, p = sample(kind, 600, 30)
    for name in TASKS[kind].metrics:
        found = rows.estimate_metric(name, p)
        assert np.isfinite(found.value)
        assert (
            np.isnan(found.low)
            if name == "calibration_error"
            else found.low < found.value < found.high
        )
        assert rows.estimate_difference(name, p, p).value == 0


@pytest.mark.parametrize("kind", TASKS)
def test_varied_is_true_only_with_distinct_labels(kind):
    rows, _ = sample(kind, 50, 5)
    assert rows.has_two_labels
    assert not rows.select_rows(np.flatnonzero(rows.y == rows.y[0])).has_two_labels


@pytest.mark.parametrize("clusters", [MOST + 1, 3000])
def test_merging_many_clusters_bounds_weights_and_keeps_interval(clusters):
    rows, p = sample("regression", 6000, clusters)
    assert rows.weights.shape == (2000, MOST)
    assert len(np.unique(rows.cluster)) == MOST
    errors = np.abs(p.astype("float64") - rows.y)
    means = pd.Series(errors).groupby(np.arange(6000) % clusters).mean()
    found = rows.estimate_metric("mae", p)
    wanted = 1.96 * means.std() / clusters**0.5
    assert (found.high - found.low) / 2 == pytest.approx(wanted, rel=0.1)


def test_merging_keeps_cluster_rows_together_and_depends_on_seed():
    rows, _ = sample("binary", 6000, 3000)
    assert np.array_equal(rows.cluster[:3000], rows.cluster[3000:])
    sizes = np.bincount(rows.cluster)
    assert sizes.min() >= 2 * (3000 // MOST)
    assert sizes.max() <= 2 * (3000 // MOST + 1)
    again, _ = sample("binary", 6000, 3000)
    other, _ = sample("binary", 6000, 3000, PARAMS.model_copy(update={"seed": 4}))
    assert np.array_equal(again.cluster, rows.cluster)
    assert not np.array_equal(other.cluster, rows.cluster)


def test_clusters_within_limit_are_not_merged():
    rows, _ = sample("binary", 2 * MOST, MOST)
    assert np.array_equal(rows.cluster, np.arange(2 * MOST) % MOST)
