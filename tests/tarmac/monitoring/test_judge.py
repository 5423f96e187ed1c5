"""Monitoring decisions: few false alarms, and real changes are detected.

Broken rows are never trained on.
"""

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tarmac.interface.problem import problem
from tarmac.monitoring.checks import MonitoringCheck
from tarmac.monitoring.judge import MonitoringResult, decide_action, evaluate_observed_rows
from tarmac.monitoring.reference import NoReferenceError, assign_periods, compute_evaluation_window
from tarmac.pipeline.base.params import TASKS, RowSplit, Task
from tarmac.policy import AllParams, load_all_params
from tests.conftest import ROOT
from tests.tarmac.monitoring.simulated import DAYS, SPLIT, reference, world

WHOLE = load_all_params(ROOT / "params.yaml")
PARAMS = WHOLE.model_copy(
    update={"intervals": WHOLE.intervals.model_copy(update={"resamples": 100})}
)
NEXT = date(2013, 9, 1)


def lived(seed: int, params: AllParams = PARAMS, **change: float) -> MonitoringResult:
    """A month of a world of its own, evaluated against that world's past."""
    draw = np.random.default_rng(seed)
    known = reference(draw)
    return evaluate_observed_rows(world(draw, NEXT, DAYS, **change), known, SPLIT, params)


@pytest.mark.repeated
def test_at_most_five_of_hundred_months_raise_false_alarm():
    """Ten worlds, ten months each beside the same past, as one live model sees them."""
    verdicts: Counter[str] = Counter()
    for seed in range(10):
        draw = np.random.default_rng(seed)
        known = reference(draw)
        verdicts.update(
            evaluate_observed_rows(world(draw, NEXT, DAYS), known, SPLIT, PARAMS).verdict
            for _ in range(10)
        )
    assert verdicts.total() == 100
    assert verdicts["critical"] <= 5, verdicts


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"fault": 0.7}, "metric"),
        ({"shift": 1.5}, "drift"),
        ({"shift": -1.5}, "drift"),
        ({"more": 0.25}, "calibration"),
    ],
)
def test_each_kind_of_change_is_detected_and_triggers_retraining(change, kind):
    found = [lived(seed, **change) for seed in range(5)]
    assert [one.decision for one in found] == ["retrain"] * 5
    assert all(
        kind in {check.kind for check in one.checks if check.outcome != "ok"} for one in found
    )


DECAY = {
    "binary": {"roc_auc": 0.02, "log_loss": 0.04},
    "multiclass": {"roc_auc": 0.02, "accuracy": 0.05},
    "regression": {"r2": 0.1, "rmse": 0.1},
}


def policy(task: Task) -> AllParams:
    """The policy with metrics of a task."""
    monitor = PARAMS.monitor.model_copy(update={"decay": DECAY[task.kind], "calibration": 0.1})
    return PARAMS.model_copy(update={"monitor": monitor})


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize(
    ("change", "acting"),
    [({}, set()), ({"fault": 0.8}, {"metric"}), ({"more": 0.6}, {"calibration"})],
)
def test_only_real_changes_are_detected_for_each_target_type(task, change, acting):
    draw = np.random.default_rng(3)
    known = reference(draw, task)
    found = evaluate_observed_rows(
        world(draw, NEXT, DAYS, task, **change), known, SPLIT, policy(task), task
    )
    assert {check.kind for check in found.checks if check.outcome == "critical"} >= acting
    assert found.decision == ("retrain" if acting else "none"), found.summary
    assert [one.metric for one in found.metrics] == list(DECAY[task.kind])


# Days are known here.
ROWS = RowSplit.model_construct(by="row", validation_share=0.2, test_share=0.2, seed=1)


@pytest.mark.parametrize("by", ["row", "cluster"])
def test_untimed_rows_are_checked_for_inputs_but_not_for_days(by):
    draw, split = np.random.default_rng(4), ROWS.model_copy(update={"by": by})
    known, new = reference(draw, split=split), world(draw, NEXT, DAYS)
    observed = replace(new, whole=False, timed=False)
    clean = evaluate_observed_rows(observed, known, split, PARAMS)
    assert clean.decision == "none", clean.summary
    assert "days" not in {check.name for check in clean.checks}
    observed.rows["temp"] += 100
    found = evaluate_observed_rows(observed, known, split, PARAMS)
    assert found.decision == "block"
    assert "another unit" in found.summary
    few = replace(observed, rows=observed.rows.head(60), p=observed.p[:60])
    # Of so few rows nothing is proven.
    assert evaluate_observed_rows(few, known, split, PARAMS).decision == "none"


@pytest.mark.parametrize(("by", "groups"), [("row", 400), ("cluster", 3)])
def test_tenths_of_rows_are_gapless_repeatable_and_keep_clusters(by, groups):
    rows = world(np.random.default_rng(1), NEXT, groups if by == "cluster" else 10).rows
    split = ROWS.model_copy(update={"by": by})
    found = assign_periods(rows, split)
    assert set(found) == set(range(min(groups, 10)))
    np.testing.assert_array_equal(found, assign_periods(rows, split))
    if by == "cluster":
        assert (
            rows.groupby(problem.contract.CLUSTER)
            .apply(lambda part: len(set(found[part.index])))
            .max()
            == 1
        )


def test_drifted_rows_without_labels_are_blocked_from_training():
    draw = np.random.default_rng(1)
    known, observed = reference(draw), world(draw, NEXT, DAYS, shift=1.5)
    observed.rows[problem.contract.TARGET] = np.nan
    found = evaluate_observed_rows(observed, known, SPLIT, PARAMS)
    assert (found.verdict, found.decision) == ("critical", "block")
    assert found.summary.startswith("no label yet to train on: ")
    assert found.metrics == []


def check(kind: str, outcome: str) -> MonitoringCheck:
    return MonitoringCheck(kind, "x", outcome, "because")


@pytest.mark.parametrize(
    ("checks", "month", "decision"),
    [
        ([check("integrity", "critical"), check("metric", "critical")], "2013-09", "block"),
        ([check("metric", "critical"), check("integrity", "warning")], "2013-09", "retrain"),
        ([check("drift", "critical")], "2013-09", "retrain"),
        ([check("slice", "warning")], "2013-09", "none"),
        ([], "2013-10", "none"),
        ([], "2013-11", "retrain"),  # three months after the last that it was evaluated on
        ([check("integrity", "critical")], "2014-03", "block"),
    ],
)
def test_decision_follows_policy(checks, month, decision):
    observed = world(np.random.default_rng(1), date.fromisoformat(f"{month}-01"), 3)
    assert decide_action(checks, observed, SPLIT, WHOLE)[0] == decision


def test_disabled_or_untimed_schedule_does_not_retrain():
    off = WHOLE.model_copy(
        update={"retrain": WHOLE.retrain.model_copy(update={"every_months": None})}
    )
    assert (
        decide_action([], world(np.random.default_rng(1), date(2020, 1, 1), 3), SPLIT, off)[0]
        == "none"
    )
    assert (
        decide_action([], world(np.random.default_rng(1), date(2020, 1, 1), 3), ROWS, WHOLE)[0]
        == "none"
    )


def test_rejects_rows_that_model_was_built_with():
    with pytest.raises(NoReferenceError, match="2013-07"):
        compute_evaluation_window(SPLIT, date(2013, 7, 1))
    assert compute_evaluation_window(SPLIT, date(2013, 8, 1)).model_dump() == {
        "first": "2013-07",
        "last": "2013-07",
    }
    assert compute_evaluation_window(SPLIT, date(2014, 1, 1)).last == "2013-08"


def test_month_of_one_class_is_blocked():
    draw = np.random.default_rng(1)
    known, observed = reference(draw), world(draw, NEXT, DAYS)
    observed.rows[problem.contract.TARGET] = 0.0
    found = evaluate_observed_rows(observed, known, SPLIT, PARAMS)
    assert found.decision == "block"
    assert "all labels are the same" in found.summary


def test_few_rows_are_evaluated_without_error():
    draw = np.random.default_rng(1)
    known, observed = reference(draw), world(draw, NEXT, 1)
    few = observed.rows.head(3).assign(late=[1.0, 0.0, np.nan])
    found = evaluate_observed_rows(
        type(observed)(few, observed.p[:3], NEXT, NEXT, whole=False), known, SPLIT, PARAMS
    )
    assert isinstance(found.summary, str)
    assert pd.notna(found.features[0].psi)
