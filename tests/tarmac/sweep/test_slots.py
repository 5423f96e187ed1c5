"""Which trials count: one for each slot of the study, even when workers die."""

import optuna
import pytest
from optuna.trial import TrialState

from tarmac.sweep.slots import (
    RETRIES,
    SURPLUS,
    compute_slot,
    fail_and_requeue_trial,
    has_open_slots,
    requeue_trial,
    select_effective_trials,
)
from tarmac.sweep.trial import select_finished_trials
from tests.tarmac.sweep.studies import last, step, study, sweep_params

PARAMS = sweep_params()


@pytest.fixture
def made() -> optuna.Study:
    """A study of three trials that have ended."""
    found = study(PARAMS)
    for _ in range(3):
        step(found, PARAMS)
    return found


def test_rerun_trial_keeps_its_slot_and_parameters(made):
    left = made.ask()
    left.suggest_int("train.xgboost.max_depth", 2, 12)
    fail_and_requeue_trial(made, last(made))
    again = made.ask()
    assert again.number == 4
    assert again.params == left.params
    assert [trial.number for trial in select_effective_trials(made.get_trials())] == [0, 1, 2, 4]
    assert compute_slot(made.get_trials(), last(made)) == 3
    step(made, PARAMS)
    assert compute_slot(made.get_trials(), last(made)) == 4


def test_giving_up_keeps_completed_trial(made):
    fail_and_requeue_trial(made, made.get_trials()[0])
    assert made.get_trials()[0].state == TrialState.COMPLETE


def test_trial_fails_after_last_retry(made):
    made.ask()
    for _ in range(RETRIES):
        fail_and_requeue_trial(made, last(made))
        assert last(made).state == TrialState.WAITING
        made.ask()
    fail_and_requeue_trial(made, last(made))
    assert [trial.state for trial in select_effective_trials(made.get_trials())].count(
        TrialState.FAIL
    ) == 1
    assert not has_open_slots(made.get_trials(), 4)
    assert len(select_finished_trials(made.get_trials())) == 4


def test_surplus_trial_is_not_counted_and_takes_no_slot(made):
    extra = made.ask()
    extra.set_user_attr(SURPLUS, True)
    made.tell(extra, state=TrialState.FAIL)
    assert len(select_finished_trials(made.get_trials())) == 3
    step(made, PARAMS)
    assert compute_slot(made.get_trials(), last(made)) == 3


@pytest.mark.parametrize(("total", "is_open"), [(2, False), (3, False), (4, True)])
def test_study_has_open_slot_only_until_total_is_reached(made, total, is_open):
    assert has_open_slots(made.get_trials(), total) is is_open


def test_slot_of_waiting_trial_is_open(made):
    made.ask()
    assert not has_open_slots(made.get_trials(), 4)
    fail_and_requeue_trial(made, last(made))
    assert has_open_slots(made.get_trials(), 4)
    assert len(select_finished_trials(made.get_trials())) == 3


def test_retry_drops_attributes_and_intermediate_values(made):
    trial = made.ask()
    trial.set_user_attr("error", "memory")
    trial.report(0.5, 10)
    made.tell(trial, state=TrialState.FAIL)
    requeue_trial(made, last(made))
    assert (last(made).user_attrs, last(made).intermediate_values) == ({}, {})
