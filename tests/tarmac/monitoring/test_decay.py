"""Changes between two sets of days.

Their intervals match resampling of both sets and have the stated coverage.
"""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tarmac.interface.problem import problem
from tarmac.monitoring.decay import (
    ScoredSample,
    compute_metric_decay,
    compute_slice_decays,
    compute_unpaired_difference,
)
from tarmac.pipeline.base.params import TASK, TASKS, IntervalParams, Task
from tarmac.pipeline.intervals.sample import MetricEstimate
from tarmac.pipeline.metrics.metrics import compute_main_metric
from tarmac.policy import load_all_params
from tests.conftest import ROOT
from tests.tarmac.monitoring.simulated import world

PARAMS: IntervalParams = load_all_params(ROOT / "params.yaml").intervals
FINITE = st.floats(-5, 5, allow_nan=False)


def judged(seed: int, days: int = 30, task: Task = TASK, **kind: float) -> ScoredSample:
    observed = world(np.random.default_rng(seed), date(2013, 1, 1), days, task, **kind)
    return ScoredSample(observed.rows, observed.p, PARAMS, task)


@given(FINITE, st.floats(0, 3), FINITE, st.floats(0, 3))
def test_errors_of_both_sides_add_in_quadrature(old, old_reach, new, new_reach):
    found = compute_unpaired_difference(
        MetricEstimate(old, old - old_reach, old + old_reach),
        MetricEstimate(new, new - new_reach, new + new_reach),
    )
    assert found.value == pytest.approx(new - old)
    assert found.high - found.value == pytest.approx(np.hypot(old_reach, new_reach), abs=1e-9)
    assert found.value - found.low == pytest.approx(found.high - found.value, abs=1e-9)


@pytest.mark.slow
def test_interval_matches_resampling_days_on_both_sides():
    before, now, draw = judged(1), judged(2, fault=0.3), np.random.default_rng(3)
    values = [resampled(now, draw) - resampled(before, draw) for _ in range(400)]
    found = compute_metric_decay("roc_auc", before, now)
    assert found.difference == pytest.approx(
        roc_auc_score(now.sample.y, now.p) - roc_auc_score(before.sample.y, before.p)
    )
    # Student's, 29 degrees.
    assert (found.high - found.low) / 2 == pytest.approx(2.045 * np.std(values), rel=0.15)


def resampled(side: ScoredSample, draw: np.random.Generator) -> float:
    """ROC-AUC of days drawn with replacement."""
    places = list(side.rows.groupby(problem.contract.CLUSTER).indices.values())
    rows = np.concatenate([places[number] for number in draw.integers(0, len(places), len(places))])
    return float(roc_auc_score(side.sample.y[rows], side.p[rows]))


@pytest.mark.repeated
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_calibration_gap_interval_covers_zero_for_true_model(task):
    gaps = [judged(seed, task=task).estimate_calibration_gap() for seed in range(100)]
    assert sum(gap.low <= 0 <= gap.high for gap in gaps) >= 90
    assert np.mean([gap.value for gap in gaps]) == pytest.approx(0, abs=0.01)
    far = judged(1, task=task, more=0.2).estimate_calibration_gap()
    # It is too sure, or promises too little.
    assert far.low > 0 if task.kind == "multiclass" else far.high < 0


def test_rows_without_label_are_excluded():
    observed = world(np.random.default_rng(1), date(2013, 1, 1), 5)
    observed.rows.loc[::3, problem.contract.TARGET] = np.nan
    found = ScoredSample(observed.rows, observed.p, PARAMS)
    known = observed.rows[problem.contract.TARGET].notna().to_numpy()
    np.testing.assert_array_equal(found.p, observed.p[known])
    assert len(found.rows) == known.sum()


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_slice_score_equals_score_of_its_rows(task):
    before, now = judged(1, 60, task), judged(2, 60, task)
    found = {(one.slice, one.value): one for one in compute_slice_decays(before, now, 100)}
    assert {value for name, value in found if name == "origin"} == {"EWR", "JFK", "LGA"}
    at = now.places["origin"]["JFK"]
    one = found["origin", "JFK"]
    assert (one.rows, one.score) == (
        len(at),
        pytest.approx(compute_main_metric(now.sample.y[at], now.p[at], task)),
    )
    assert one.low < one.difference < one.high
    assert compute_slice_decays(before, now, 10_000) == []


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_calibration_bins_contain_all_rows(task):
    table = judged(1, task=task).compute_calibration_bins(7)
    assert [sorted(line) for line in table] == [["observed", "predicted", "rows"]] * 7
    assert sum(line["rows"] for line in table) == len(judged(1).rows)
