"""Sampled values: within bounds, and rounded to few digits.

They are the same again when a study is resumed.
"""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState

from tarmac.policy import load_all_params
from tarmac.policy.sweep import replace_values
from tarmac.sweep.slots import requeue_trial
from tarmac.sweep.space import DIGITS, build_grid
from tests.conftest import ROOT
from tests.tarmac.sweep.studies import GRID, SPACE, last, step, study, sweep_params


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_values_stay_in_range_and_on_steps(sampler):
    params = sweep_params(sampler=sampler)
    made = study(params)
    train = load_all_params(ROOT / "params.yaml").train
    seen = [step(made, params) for _ in range(60)]
    for values in seen:
        assert 0.01 <= values["train.xgboost.learning_rate"] <= 0.3
        assert values["train.xgboost.max_depth"] in range(2, 13)
        assert values["train.xgboost.subsample"] in [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        assert values["train.model"] in SPACE["train.model"]["choices"]
        replace_values(train, values)
    assert {values["train.xgboost.max_depth"] for values in seen} >= set(
        range(3, 12)
    ) or sampler == "tpe"
    assert {values["train.model"] for values in seen} == set(SPACE["train.model"]["choices"])


@settings(deadline=None, max_examples=60)
@given(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3), st.booleans(), st.integers(0, 2**31 - 1))
def test_fractions_are_rounded_within_their_range(one, other, log, seed):
    low, high = sorted((one, other))
    if low == high:
        return
    params = sweep_params(
        {"train.xgboost.reg_lambda": {"low": low, "high": high, "log": log}}, seed=seed
    )
    (value,) = step(study(params), params).values()
    assert low <= value <= high
    assert value in (low, high) or value == float(f"{value:.{DIGITS}g}")


def test_tpe_draws_better_values_as_it_learns():
    """On a smooth loss, what is drawn late is better than what was drawn first."""
    space = {
        f"train.xgboost.{name}": {"low": -5.0, "high": 5.0}
        for name in ("learning_rate", "reg_lambda")
    }
    params = sweep_params(space)
    made = study(params)
    for _ in range(60):
        step(made, params)
    losses = [trial.value for trial in made.get_trials()]
    assert sum(losses[-20:]) < sum(losses[:10]), "TPE draws at random"


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_seed_determines_drawn_values(sampler):
    def drawn(seed: int) -> list[dict]:
        params = sweep_params(sampler=sampler, seed=seed)
        made = study(params)
        return [step(made, params) for _ in range(14)]

    assert drawn(1) == drawn(1)
    assert all(one != other for one, other in zip(drawn(1), drawn(2), strict=True))


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
@pytest.mark.parametrize("at", [0, 3, 12])
def test_interrupted_study_draws_same_values_as_whole_study(sampler, at):
    params = sweep_params(GRID | {"train.max_rounds": {"low": 1, "high": 9}}, sampler=sampler)
    whole, cut = study(params), study(params)
    expected = [step(whole, params) for _ in range(16)]
    drawn = [step(cut, params) for _ in range(at)]
    step(cut, params, TrialState.FAIL)
    requeue_trial(cut, last(cut))
    assert drawn + [step(cut, params) for _ in range(16 - at)] == expected


def test_grid_draws_every_point_once():
    params = sweep_params(
        GRID | {"train.xgboost.subsample": {"low": 0.5, "high": 1.0, "step": 0.1}}, sampler="grid"
    )
    points = build_grid(params.space)
    steps = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert [tuple(point.values()) for point in points] == list(
        itertools.product([2, 3, 4], [7, 8], steps)
    )
    made = study(params)
    assert [step(made, params) for _ in points] == points


def test_grid_keeps_integers_and_supports_fractional_steps():
    params = sweep_params(
        {
            "train.xgboost.reg_lambda": {"low": 1, "high": 2, "step": 0.5},
            "train.seed": {"low": 1, "high": 7, "step": 3},
        },
        sampler="grid",
    )
    points = build_grid(params.space)
    assert points == [
        dict(zip(params.space, pair, strict=True))
        for pair in itertools.product([1, 1.5, 2], [1, 4, 7])
    ]
    assert {type(point["train.seed"]) for point in points} == {int}
