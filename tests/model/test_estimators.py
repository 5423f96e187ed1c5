"""Three models behind one interface: repeatable, stopped in time, undisturbed by what they have not seen."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from tarmac.model.estimators import HIST_STEP, check_device
from tarmac.problem.names import TARGET
from tests.model import sample

BOOSTED = [model for model in sample.MODELS if model != "logistic_regression"]
GPU = any(Path("/dev").glob("nvidia[0-9]*"))
TRAIN, VALID = sample.rows(600, seed=1), sample.rows(300, seed=2)


def watched(model: str, **changed: object):
    """Inputs, fitted pipeline, and what its fit reported: a list of (round, metrics)."""
    seen: list[tuple[int, dict[str, float]]] = []
    inputs, pipeline = sample.fitted(
        sample.params(model, **changed), TRAIN, VALID, lambda number, metrics: seen.append((number, dict(metrics)))
    )
    return inputs, pipeline, seen


def late(inputs, pipeline, rows):
    return pipeline.predict_proba(rows[inputs.names])[:, 1]


@pytest.mark.parametrize("model", sample.MODELS)
def test_two_fits_give_the_same_probabilities(model):
    first, second = (late(inputs, pipeline, VALID) for inputs, pipeline, _ in (watched(model), watched(model)))
    assert np.array_equal(first, second)
    assert roc_auc_score(VALID[TARGET], first) > 0.7, "a model that learnt nothing repeats itself too"


@pytest.mark.parametrize("model", BOOSTED)
def test_another_seed_is_another_model_where_rows_are_drawn(model):
    first, second = (late(*watched(model, seed=seed)[:2], VALID) for seed in (1, 2))
    assert np.array_equal(first, second) == (model == "hist_gradient_boosting")  # which draws nothing on few rows


@pytest.mark.parametrize("model", sample.MODELS)
def test_every_round_reports_finite_metrics_of_validation_in_order(model):
    inputs, pipeline, seen = watched(model)
    rounds = [number for number, _ in seen]
    assert rounds == sorted(set(rounds))
    assert rounds[0] >= 1
    for _, metrics in seen:
        assert metrics.keys() == {"auc", "log_loss"}
        assert all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())
    best = min(metrics["log_loss"] for _, metrics in seen)
    assert log_loss(VALID[TARGET], late(inputs, pipeline, VALID)) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("model", BOOSTED)
def test_early_stopping_ends_a_long_fit_and_keeps_its_best_round(model):
    inputs, long, seen = watched(model, max_rounds=3000)
    best = min(seen, key=lambda report: report[1]["log_loss"])[0]
    assert best < seen[-1][0] <= best + 10 + HIST_STEP, "it must stop when the patience is over, not sooner or later"
    _, exact, _ = watched(model, max_rounds=best, early_stopping_rounds=3000)
    assert np.array_equal(late(inputs, long, VALID), late(inputs, exact, VALID))


@pytest.mark.parametrize("model", BOOSTED)
def test_rounds_never_exceed_their_limit(model):
    for limit in (1, HIST_STEP - 3, HIST_STEP + 5):
        _, _, seen = watched(model, max_rounds=limit, early_stopping_rounds=3000)
        assert seen[-1][0] == limit


@pytest.mark.parametrize("model", sample.MODELS)
def test_what_training_never_saw_still_gets_a_probability(model):
    inputs, pipeline, _ = watched(model)
    numbers = dict.fromkeys(inputs.numbers, np.float32(np.nan))
    strange = VALID.assign(**dict.fromkeys(inputs.categories, "a place that opened today"), **numbers)
    for rows in (strange, VALID.assign(**numbers), strange.head(1)):
        probability = late(inputs, pipeline, rows)
        assert np.isfinite(probability).all()
        assert ((probability >= 0) & (probability <= 1)).all()


EMPTY = TRAIN.assign(temp=np.float32(np.nan), spare=np.float32(3), origin="only")


@pytest.mark.parametrize("model", ["xgboost", "logistic_regression"])
def test_columns_that_were_empty_or_constant_in_training_do_not_stop_a_fit(model):
    inputs, pipeline = sample.fitted(sample.params(model), EMPTY, VALID)
    assert np.isfinite(late(inputs, pipeline, VALID)).all()


def test_a_column_that_cannot_be_binned_is_told_with_what_to_do():
    with pytest.raises(ValueError, match=r"1 number\(s\) have no value in training: take their group out"):
        sample.fitted(sample.params("hist_gradient_boosting"), EMPTY, VALID)


def test_the_flag_of_the_device_is_kept_for_boosters_alone():
    params = sample.params("xgboost", max_rounds=2)
    _, pipeline = sample.fitted(params, TRAIN, VALID)
    assert pipeline.named_steps["classifier"].get_params()["device"] == "cpu"


@pytest.mark.skipif(GPU, reason="a GPU is here: a fit on it is right")
@pytest.mark.filterwarnings("error::UserWarning")
def test_a_fit_on_a_gpu_that_is_not_there_is_refused_not_moved_to_the_cpu():
    with pytest.raises(ValueError, match=r"train\.device is cuda but XGBoost trained on cpu.*Set train\.device to cpu"):
        sample.fitted(sample.params("xgboost", device="cuda", max_rounds=2), TRAIN, VALID)


@pytest.mark.parametrize(
    ("asked", "used", "right"),
    [("cpu", "cpu", True), ("cuda", "cuda:0", True), ("cuda", "cuda:3", True), ("cuda", "cpu", False),
     ("cpu", "cuda:0", False)],
)  # fmt: skip
def test_the_device_that_was_used_is_the_one_that_was_asked_for(asked, used, right):
    config = json.dumps({"learner": {"generic_param": {"device": used}}})
    if right:
        check_device(asked, config)
        return
    with pytest.raises(ValueError, match=f"train.device is {asked} but XGBoost trained on {used}"):
        check_device(asked, config)
