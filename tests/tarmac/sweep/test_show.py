"""How a study is shown: best trial first, and failures with their reasons."""

import re

import optuna
import pytest
from optuna.trial import TrialState

from tarmac.pipeline.base.params import TASK
from tarmac.sweep.show import ProgressLine, build_rows, format_table, rank_trials, shorten_keys
from tarmac.sweep.slots import fail_and_requeue_trial
from tarmac.sweep.trial import ERROR, METRICS, PARAMS, SECONDS
from tests.tarmac.sweep.studies import last, study, sweep_params

PARAMS_ = sweep_params()


def ended(
    made: optuna.Study,
    value: float | None,
    state: TrialState = TrialState.COMPLETE,
    **noted: object,
) -> None:
    """A trial with what a worker notes of it."""
    trial = made.ask()
    depth = trial.suggest_int("train.xgboost.max_depth", 2, 12)
    rate = trial.suggest_float("train.xgboost.learning_rate", 0.01, 0.3)
    drawn = {"train.xgboost.max_depth": depth, "train.xgboost.learning_rate": rate}
    known = {
        PARAMS: drawn,
        METRICS: {"log_loss": value, "auc": 0.7, "rounds": 12},
        SECONDS: 3.14159,
        **noted,
    }
    for name, content in known.items():
        trial.set_user_attr(name, content)
    made.tell(trial, value, state=state)


@pytest.fixture
def made() -> optuna.Study:
    found = study(PARAMS_)
    for value in (0.5, 0.3, 0.4, 0.3):
        ended(found, value)
    return found


def test_ranks_best_trial_first_and_ties_by_number(made):
    assert [trial.number for trial in rank_trials(made)] == [1, 3, 2, 0]


@pytest.mark.skipif(
    "auc" not in TASK.rounds, reason="of this task's metrics none is better when it is higher"
)
def test_higher_auc_ranks_first():
    upwards = study(sweep_params(objective="auc"))
    for value in (0.5, 0.7, 0.6):
        ended(upwards, value)
    assert [trial.number for trial in rank_trials(upwards)] == [1, 2, 0]


def test_lists_trials_without_result_last_with_their_state(made):
    ended(made, None, TrialState.PRUNED)
    ended(made, None, TrialState.FAIL, **{ERROR: "out of memory"})
    made.ask()
    shown = build_rows(made, "log_loss")
    assert shown[0] == [
        "trial",
        "state",
        "log_loss",
        "learning_rate",
        "max_depth",
        "rounds",
        "seconds",
    ]
    assert [line[0] for line in shown[1:]] == ["1", "3", "2", "0", "4", "5", "6"]
    assert [line[1] for line in shown[5:]] == ["pruned", "failed", "running"]
    assert [line[2] for line in shown[1:]] == [
        "0.300000",
        "0.300000",
        "0.400000",
        "0.500000",
        "–",
        "–",
        "–",
    ]
    assert format_table(made, "log_loss").splitlines()[-1] == "trial 5 failed: out of memory"


def test_rerun_trial_is_shown_once(made):
    made.ask()
    fail_and_requeue_trial(made, last(made))
    assert [line[0] for line in build_rows(made, "log_loss")[1:]] == ["1", "3", "2", "0", "5"]


def test_short_names_are_unique_and_cut_at_dots():
    found = study(PARAMS_)
    trial = found.ask()
    trial.set_user_attr(
        PARAMS, {"train.xgboost.seed": 1, "train.xgboostish.seed": 2, "train.seed": 3}
    )
    assert shorten_keys(found) == {
        "train.seed": "seed",
        "train.xgboost.seed": "xgboost.seed",
        "train.xgboostish.seed": "xgboostish.seed",
    }
    assert shorten_keys(study(PARAMS_)) == {}


def test_progress_line_shows_best_failures_and_time_left(made, capsys):
    line = ProgressLine(made, "log_loss", 9)
    line(made.get_trials())
    assert capsys.readouterr().out == "sweep  4 of 9  best log_loss 0.300000 (trial 1)\n"
    ended(made, None, TrialState.FAIL)
    line(made.get_trials())
    told = capsys.readouterr().out
    assert re.fullmatch(
        r"sweep  5 of 9  best log_loss 0\.300000 \(trial 1\)  1 failed  0:\d\d left\n", told
    )
