"""Estimators behind one interface: deterministic, stopped early, and robust to unseen values."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS, Task
from tarmac.pipeline.models.dataset import ModelInputs
from tarmac.pipeline.training.estimators import (
    HIST_STEP,
    check_device,
    compute_predictions,
    compute_round_metrics,
)
from tests.tarmac.pipeline import sample
from tests.tarmac.pipeline.sample import BINARY, MULTICLASS, REGRESSION

GPU = any(Path("/dev").glob("nvidia[0-9]*"))
TRAINS = {kind: sample.rows(600, 1, task) for kind, task in TASKS.items()}
VALIDS = {kind: sample.rows(300, 2, task) for kind, task in TASKS.items()}
TRAIN, VALID = TRAINS["binary"], VALIDS["binary"]


def watched(task: Task, model: str, **changed: object):
    """Inputs, fitted pipeline, and what its fit reported: a list of (round, metrics)."""
    seen: list[tuple[int, dict[str, float]]] = []
    train, valid, chosen = TRAINS[task.kind], VALIDS[task.kind], sample.params(model, **changed)
    inputs, pipeline = sample.fitted(
        chosen, train, valid, lambda number, metrics: seen.append((number, dict(metrics))), task
    )
    return inputs, pipeline, seen


def answered(task: Task, inputs: ModelInputs, pipeline, rows=None):
    return compute_predictions(
        pipeline, (VALIDS[task.kind] if rows is None else rows)[inputs.names], task
    )


def loss(task: Task, p: np.ndarray) -> float:
    """The task's loss on validation, by its definition."""
    y = VALIDS[task.kind][problem.contract.TARGET].to_numpy()
    if task.kind == "regression":
        return float(np.sqrt(np.mean((y - p) ** 2)))
    likelihood = (
        p[np.arange(len(y)), y] if task.kind == "multiclass" else np.where(y == 1, p, 1 - p)
    )
    return float(-np.log(likelihood).mean())


def constant(task: Task) -> np.ndarray:
    """What a model that learnt nothing answers."""
    y = TRAINS[task.kind][problem.contract.TARGET].to_numpy()
    one = np.bincount(y) / len(y) if task.kind == "multiclass" else y.mean()
    return np.array([one] * len(VALIDS[task.kind]))


@pytest.mark.slow
@pytest.mark.parametrize(("task", "model"), sample.CASES)
def test_fit_is_deterministic_and_beats_constant_model(task, model):
    first, second = (answered(task, *watched(task, model)[:2]) for _ in range(2))
    assert np.array_equal(first, second)
    assert loss(task, first) < 0.98 * loss(task, constant(task)), (
        "a model that learnt nothing repeats itself too"
    )


@pytest.mark.parametrize("model", sample.BOOSTERS)
def test_seed_changes_model_only_where_rows_are_sampled(model):
    first, second = (answered(BINARY, *watched(BINARY, model, seed=seed)[:2]) for seed in (1, 2))
    # Which draws nothing on few rows.
    assert np.array_equal(first, second) == (model == "hist_gradient_boosting")


@pytest.mark.parametrize(("task", "model"), sample.CASES)
def test_rounds_report_finite_validation_metrics_in_order(task, model):
    inputs, pipeline, seen = watched(task, model)
    rounds = [number for number, _ in seen]
    assert rounds == sorted(set(rounds))
    assert rounds[0] >= 1
    for _, metrics in seen:
        assert metrics.keys() == task.rounds.keys()
        assert all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())
    best = min((metrics for _, metrics in seen), key=lambda metrics: metrics[task.loss_metric])
    found = answered(task, inputs, pipeline)
    assert loss(task, found) == pytest.approx(best[task.loss_metric], abs=1e-6)
    assert compute_round_metrics(
        VALIDS[task.kind][problem.contract.TARGET].to_numpy(), found, task
    ) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(("task", "model"), sample.BOOSTED)
def test_early_stopping_keeps_round_of_lowest_loss(task, model):
    inputs, long, seen = watched(task, model, max_rounds=3000)
    best = min(seen, key=lambda report: report[1][task.loss_metric])[0]
    assert best < seen[-1][0] <= best + 10 + HIST_STEP, (
        "it must stop when the patience is over, not sooner or later"
    )
    _, exact, _ = watched(task, model, max_rounds=best, early_stopping_rounds=3000)
    assert np.array_equal(answered(task, inputs, long), answered(task, inputs, exact))


@pytest.mark.parametrize(("task", "model"), sample.BOOSTED)
def test_rounds_never_exceed_their_limit(task, model):
    for limit in (1, HIST_STEP - 3, HIST_STEP + 5):
        _, _, seen = watched(task, model, max_rounds=limit, early_stopping_rounds=3000)
        assert seen[-1][0] == limit


@pytest.mark.parametrize(("task", "model"), sample.CASES)
def test_unseen_categories_and_missing_numbers_get_predictions(task, model):
    inputs, pipeline, _ = watched(task, model)
    numbers = dict.fromkeys(inputs.numbers, np.float32(np.nan))
    strange = VALID.assign(
        **dict.fromkeys(inputs.categories, "a place that opened today"), **numbers
    )
    for rows in (strange, VALID.assign(**numbers), strange.head(1)):
        found = answered(task, inputs, pipeline, rows)
        assert found.shape == (
            (len(rows), sample.CLASSES) if task.kind == "multiclass" else (len(rows),)
        )
        assert np.isfinite(found).all()
        if task.kind != "regression":
            assert ((found >= 0) & (found <= 1)).all()
        if task.kind == "multiclass":
            assert found.sum(axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("model", [*sample.BOOSTERS, "logistic_regression"])
def test_fit_accepts_rare_class_absent_or_alone_in_validation(model):
    """And is still answered: a column of its own, that is lower than those of the others."""
    train, valid = TRAINS["multiclass"], VALIDS["multiclass"]
    lacks = valid[valid[problem.contract.TARGET] != sample.RARE]
    assert 0 < len(valid) - len(lacks) < 20
    for known in (lacks, valid[valid[problem.contract.TARGET] == sample.RARE]):
        inputs, pipeline = sample.fitted(sample.params(model), train, known, task=MULTICLASS)
        found = answered(MULTICLASS, inputs, pipeline)
        assert found.shape == (300, sample.CLASSES)
        assert 0 < found[:, sample.RARE].mean() < found[:, 0].mean()


@pytest.mark.slow
@pytest.mark.parametrize("unit", [0.1, 1e6, 1e11])
@pytest.mark.parametrize("model", [*sample.BOOSTERS, "ridge"])
def test_fit_does_not_depend_on_unit_of_target(model, unit):
    inputs, known, _ = watched(REGRESSION, model)
    scaled = [
        rows.assign(**{problem.contract.TARGET: rows[problem.contract.TARGET] * np.float32(unit)})
        for rows in (TRAINS["regression"], VALIDS["regression"])
    ]
    _, pipeline = sample.fitted(sample.params(model), *scaled, task=REGRESSION)
    wanted, found = (answered(REGRESSION, inputs, fitted) for fitted in (known, pipeline))
    assert np.corrcoef(wanted, found)[0, 1] > 0.95, "trees may part where two borders are as good"
    assert loss(REGRESSION, found / unit) == pytest.approx(loss(REGRESSION, wanted), rel=0.05)


@pytest.mark.parametrize("unit", [1e-5, 1e20])
def test_xgboost_rejects_extreme_target_units_with_advice(unit):
    train = TRAINS["regression"].assign(
        **{
            problem.contract.TARGET: TRAINS["regression"][problem.contract.TARGET]
            * np.float32(unit)
        }
    )
    with pytest.raises(UserError, match="standard deviation is ") as caught:
        sample.fitted(sample.params("xgboost"), train, VALIDS["regression"], task=REGRESSION)
    assert caught.value.hint.startswith("write the target in another unit")
    inputs, pipeline = sample.fitted(
        sample.params("hist_gradient_boosting"), train, train, task=REGRESSION
    )
    found = answered(REGRESSION, inputs, pipeline) / unit
    assert loss(REGRESSION, found) < 0.98 * loss(REGRESSION, constant(REGRESSION)), (
        "the model that is advised learns"
    )


EMPTY = TRAIN.assign(temp=np.float32(np.nan), spare=np.float32(3), origin="only")


@pytest.mark.parametrize("model", ["xgboost", "logistic_regression"])
def test_fit_accepts_empty_and_constant_columns(model):
    inputs, pipeline = sample.fitted(sample.params(model), EMPTY, VALID)
    assert np.isfinite(answered(BINARY, inputs, pipeline)).all()


def test_hist_gradient_boosting_rejects_empty_column_with_advice():
    with pytest.raises(
        UserError, match=r"1 numeric input\(s\) have no value in the training"
    ) as caught:
        sample.fitted(sample.params("hist_gradient_boosting"), EMPTY, VALID)
    assert caught.value.hint == "remove their group from `train.features`"


def test_xgboost_rejects_infinite_input_with_advice():
    infinite = TRAIN.assign(temp=np.float32(np.inf))
    with pytest.raises(UserError, match=r"^XGBoost cannot train: .*`inf`.*$") as caught:
        sample.fitted(sample.params("xgboost"), infinite, VALID)
    assert caught.value.hint.startswith("replace infinite inputs with missing values")


def test_xgboost_estimator_keeps_device_parameter():
    params = sample.params("xgboost", max_rounds=2)
    _, pipeline = sample.fitted(params, TRAIN, VALID)
    assert pipeline.named_steps["classifier"].get_params()["device"] == "cpu"


@pytest.mark.skipif(GPU, reason="a GPU is here: a fit on it is right")
@pytest.mark.filterwarnings("error::UserWarning")
def test_rejects_cuda_fit_without_gpu():
    with pytest.raises(
        UserError, match=r"train\.device is cuda but XGBoost trained on cpu"
    ) as caught:
        sample.fitted(sample.params("xgboost", device="cuda", max_rounds=2), TRAIN, VALID)
    assert caught.value.hint.startswith("set `train.device` to `cpu`")


@pytest.mark.parametrize(
    ("asked", "used", "right"),
    [
        ("cpu", "cpu", True),
        ("cuda", "cuda:0", True),
        ("cuda", "cuda:3", True),
        ("cuda", "cpu", False),
        ("cpu", "cuda:0", False),
    ],
)
def test_requires_used_device_to_match_requested_one(asked, used, right):
    config = json.dumps({"learner": {"generic_param": {"device": used}}})
    if right:
        check_device(asked, config)
        return
    with pytest.raises(UserError, match=f"train.device is {asked} but XGBoost trained on {used}"):
        check_device(asked, config)
