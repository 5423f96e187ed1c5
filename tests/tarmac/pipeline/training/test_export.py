"""ONNX export of a fitted pipeline gives the same predictions and identical bytes.

Every mismatch is detected.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, TASKS
from tarmac.pipeline.models.dataset import ModelInputs
from tarmac.pipeline.models.scorer import Scorer
from tarmac.pipeline.training.estimators import compute_predictions
from tarmac.pipeline.training.export import TOLERANCE, check_parity, export_onnx
from tests.conftest import ROOT
from tests.tarmac.pipeline import sample
from tests.tarmac.pipeline.sample import MULTICLASS, REGRESSION

TRAINS = {kind: sample.rows(600, 1, task) for kind, task in TASKS.items()}
VALIDS = {kind: sample.rows(300, 2, task) for kind, task in TASKS.items()}
TRAIN, VALID = TRAINS["binary"], VALIDS["binary"]
SPREAD = (0.0, 1e-4, 1.0, -1.0, 1e6, -1e6)  # numbers far outside of what a model was trained on


def exported(path, task=TASK, inputs=None, **changed):
    """Inputs, fitted pipeline and its file."""
    train, valid = changed.pop("train", TRAINS[task.kind]), changed.pop("valid", VALIDS[task.kind])
    inputs, pipeline = sample.fitted(
        sample.params(**changed), train, valid, task=task, inputs=inputs
    )
    export_onnx(pipeline, inputs, path, task=task)
    return inputs, pipeline


def agrees(path, task, inputs, pipeline, rows) -> bool:
    """Return whether the file predicts as the pipeline does.

    The stage's gate and a comparison made here have to agree.
    """
    fitted, found = (
        compute_predictions(pipeline, rows[inputs.names], task),
        Scorer(path).score(rows),
    )
    assert found.shape == fitted.shape
    assert found.dtype == np.float32
    size = np.abs(fitted).max() if task.kind == "regression" else 1
    return (
        np.abs(found - fitted).max() <= TOLERANCE * size
        and check_parity(pipeline, inputs, path, rows, task) < 1e-5
    )


@pytest.mark.parametrize("groups", sample.GROUP_SETS, ids="+".join)
@pytest.mark.parametrize("model", sample.MODELS)
def test_file_predictions_match_fitted_pipeline(tmp_path, model, groups):
    inputs, pipeline = exported(tmp_path / "m.onnx", model=model, features=list(groups))
    assert agrees(tmp_path / "m.onnx", TASK, inputs, pipeline, VALID)
    assert (inputs.categories == ()) == ("schedule" not in groups)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "model"), sample.CASES)
def test_file_matches_pipeline_with_only_texts_or_only_numbers(tmp_path, task, model):
    both = ModelInputs.from_groups(sample.GROUPS)
    for inputs in (both, ModelInputs((), both.numbers), ModelInputs(both.categories, ())):
        _, pipeline = exported(tmp_path / "m.onnx", task, inputs, model=model, max_rounds=12)
        assert agrees(tmp_path / "m.onnx", task, inputs, pipeline, VALIDS[task.kind])


@pytest.mark.parametrize("model", ["xgboost", "logistic_regression"])
def test_missing_text_is_own_category_in_file_and_pipeline(tmp_path, model):
    train, valid = TRAIN.assign(), VALID.assign()
    for rows in (train, valid):
        rows.loc[:100, "origin"] = "(missing)"
    inputs, pipeline = exported(tmp_path / "m.onnx", model=model, train=train, valid=valid)
    assert agrees(tmp_path / "m.onnx", TASK, inputs, pipeline, valid)


@pytest.mark.parametrize(("task", "model"), sample.CASES)
def test_file_matches_pipeline_far_from_training_rows(tmp_path, task, model):
    inputs, pipeline = exported(tmp_path / "m.onnx", task, model=model)
    far = VALID.head(len(SPREAD)).assign(
        **{name: np.array(SPREAD, dtype="float32") for name in inputs.numbers}
    )
    assert agrees(tmp_path / "m.onnx", task, inputs, pipeline, far)


@pytest.mark.parametrize(("task", "model"), sample.CASES)
def test_file_matches_pipeline_at_split_thresholds(tmp_path, task, model):
    """Check few values, so that every split is a border.

    Some of them are neighbors, with no float32 between them.
    """
    train = TRAINS[task.kind]
    near = np.cumsum(np.full(4, np.spacing(np.float32(50))), dtype="float32") + np.float32(50)
    temp = near[np.digitize(train["temp"].fillna(50), [35, 50, 65])]
    train = train.assign(temp=temp, spare=train["spare"].round(), seats=train["seats"].round())
    inputs, pipeline = exported(tmp_path / "m.onnx", task, model=model, train=train)
    assert agrees(tmp_path / "m.onnx", task, inputs, pipeline, train)


@pytest.mark.parametrize("unit", [1e-2, 1e6, 1e11])
@pytest.mark.parametrize("model", [*sample.BOOSTERS, "ridge"])
def test_file_matches_pipeline_for_small_and_large_targets(tmp_path, model, unit):
    """Ten times as far from zero as they are apart: no number has its size by chance."""
    train, valid = (
        rows["regression"].assign(
            **{
                problem.contract.TARGET: (rows["regression"][problem.contract.TARGET] + 15)
                * np.float32(unit)
            }
        )
        for rows in (TRAINS, VALIDS)
    )
    inputs, pipeline = exported(
        tmp_path / "m.onnx", REGRESSION, model=model, train=train, valid=valid
    )
    assert agrees(tmp_path / "m.onnx", REGRESSION, inputs, pipeline, valid)


class Off:
    """A pipeline whose numbers are a thousandth too high."""

    def __init__(self, pipeline):
        self.pipeline = pipeline

    def predict(self, rows):
        return self.pipeline.predict(rows) * 1.001


def test_parity_check_rejects_relative_error_of_small_numbers(tmp_path):
    small = TRAINS["regression"].assign(
        **{
            problem.contract.TARGET: TRAINS["regression"][problem.contract.TARGET]
            * np.float32(2e-3)
        }
    )
    inputs, pipeline = exported(
        tmp_path / "m.onnx", REGRESSION, model="xgboost", train=small, valid=small
    )
    with pytest.raises(UserError, match=r"differs from the fitted model by 0\.00(1|09)"):
        check_parity(Off(pipeline), inputs, tmp_path / "m.onnx", small, REGRESSION)


@pytest.mark.parametrize("model", [*sample.BOOSTERS, "logistic_regression"])
def test_file_contains_best_round_of_unbalanced_classes(tmp_path, model):
    """Trees of later rounds are left out: as many as there are classes, each round."""
    changed = {"max_rounds": 3000, "early_stopping_rounds": 10}
    inputs, pipeline = exported(tmp_path / "m.onnx", MULTICLASS, model=model, **changed)
    assert agrees(tmp_path / "m.onnx", MULTICLASS, inputs, pipeline, VALIDS["multiclass"])
    found = Scorer(tmp_path / "m.onnx").score(VALIDS["multiclass"])
    assert 0 < found[:, sample.RARE].mean() < 0.1


def test_file_matches_pipeline_with_empty_training_column(tmp_path):
    train = TRAIN.assign(temp=np.float32(np.nan), origin="only")
    for model in ("xgboost", "logistic_regression"):
        inputs, pipeline = exported(tmp_path / "m.onnx", model=model, train=train)
        assert agrees(tmp_path / "m.onnx", TASK, inputs, pipeline, VALID)


def test_parity_check_rejects_file_of_another_model(tmp_path):
    exported(tmp_path / "other.onnx", model="xgboost", max_rounds=3)
    inputs, pipeline = sample.fitted(sample.params("xgboost"), TRAIN, VALID)
    with pytest.raises(
        UserError, match=r"other\.onnx differs from the fitted model by .* \(all rows"
    ):
        check_parity(pipeline, inputs, tmp_path / "other.onnx", VALID)


class Bent:
    """A pipeline that predicts wrongly for some rows.

    It stands for the result of a faulty converter.
    """

    def __init__(self, pipeline, bend):
        self.pipeline, self.bend = pipeline, bend

    def predict_proba(self, rows):
        probability = self.pipeline.predict_proba(rows)[:, 1].astype("float64")
        bent = self.bend(rows, probability)
        return np.column_stack([1 - bent, bent])


@pytest.mark.parametrize(
    ("bend", "told"),
    [
        (lambda rows, p: p + np.where(np.arange(len(p)) == 7, 2e-5, 0), "all rows"),
        (lambda rows, p: np.where(np.arange(len(p)) == 7, np.nan, p), "all rows"),
        (
            lambda rows, p: np.where(
                rows["temp"].isna() & rows["spare"].isna() & rows["seats"].isna(), 0, p
            ),
            "no number known",
        ),
        (
            lambda rows, p: np.where(~rows["origin"].str.startswith("origin"), 0, p),
            "unknown categories",
        ),
    ],
    ids=["one row", "NaN", "missing numbers", "unseen categories"],
)
def test_parity_check_rejects_any_differing_row_or_variant(tmp_path, bend, told):
    inputs, pipeline = exported(tmp_path / "m.onnx", model="xgboost")
    whole = VALID.dropna(subset=["temp", "spare", "seats"])
    with pytest.raises(UserError, match=rf"differs from the fitted model by .* \({told}, "):
        check_parity(Bent(pipeline, bend), inputs, tmp_path / "m.onnx", whole)


def bent_by(gap: float) -> Callable[[pd.DataFrame, np.ndarray], np.ndarray]:
    """What adds a gap to the probability of one row."""
    return lambda rows, p: p + np.where(np.arange(len(p)) == 7, gap, 0)


def test_parity_check_allows_difference_up_to_tolerance(tmp_path):
    inputs, pipeline = exported(tmp_path / "m.onnx", model="xgboost")

    def worst(gap: float) -> float:
        bent = Bent(pipeline, bent_by(gap))
        return check_parity(bent, inputs, tmp_path / "m.onnx", VALID)

    assert worst(8e-6) == pytest.approx(8e-6, abs=1e-6)
    with pytest.raises(
        UserError, match=r"1\.[3-7]\d*e-05 \(all rows, 300 rows\), 1e-05 is allowed"
    ):
        worst(1.5e-5)


class Zero:
    """A pipeline that answers 0."""

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return np.zeros(len(rows))


@pytest.mark.parametrize(("answer", "allowed"), [(0.0, True), (8e-6, True), (1.5e-5, False)])
def test_zero_predictions_are_compared_by_absolute_difference(tmp_path, answer, allowed):
    label, path = {problem.contract.TARGET: np.float32(answer)}, tmp_path / "m.onnx"
    train, valid = (rows["regression"].assign(**label) for rows in (TRAINS, VALIDS))
    inputs, _ = exported(path, REGRESSION, model="ridge", train=train, valid=valid)
    if allowed:
        worst = check_parity(Zero(), inputs, path, valid, REGRESSION)
        assert worst == pytest.approx(answer, abs=1e-6)
    else:
        with pytest.raises(UserError, match="differs from the fitted model"):
            check_parity(Zero(), inputs, path, valid, REGRESSION)


def test_largest_difference_of_all_variants_is_returned(tmp_path):
    """Of rows as they are, without numbers, and with unknown categories: the second is worst."""
    inputs, pipeline = exported(tmp_path / "m.onnx", model="xgboost")

    def bend(rows: pd.DataFrame, p: np.ndarray) -> np.ndarray:
        return p + np.where(rows[list(inputs.numbers)].isna().all(axis=1), 8e-6, 2e-6)

    found = check_parity(Bent(pipeline, bend), inputs, tmp_path / "m.onnx", VALID)
    assert found == pytest.approx(8e-6, abs=1e-6)


@pytest.mark.parametrize(("model", "ml"), [("xgboost", 3), ("ridge", 1)])
def test_file_declares_required_operator_sets(tmp_path, model, ml):
    exported(tmp_path / "m.onnx", REGRESSION, model=model, max_rounds=3)
    file = onnx.load(tmp_path / "m.onnx")
    opsets = [(opset.domain, opset.version) for opset in file.opset_import]
    assert opsets == [("", 18), ("ai.onnx.ml", ml)]
    assert file.graph.name == "tarmac"
    assert [entry.key for entry in file.metadata_props] == ["categories", "numbers"]


@pytest.mark.parametrize(("task", "model"), sample.CASES)
def test_a_second_fit_and_export_gives_the_same_bytes(tmp_path, task, model):
    for name in ("first", "second"):
        exported(tmp_path / name, task, model=model)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


EXPORTS = """
import hashlib, sys
from pathlib import Path
from tests.tarmac.pipeline import sample
from tarmac.pipeline.training.export import export_onnx
for task, model in [case.values for case in sample.CASES]:
    chosen = sample.params(model, max_rounds=3)
    inputs, pipeline = sample.fitted(chosen, sample.rows(200, 1, task), \
sample.rows(100, 2, task), task=task)
    export_onnx(pipeline, inputs, Path(sys.argv[1]), task=task)
    print(task.kind, model, hashlib.sha256(Path(sys.argv[1]).read_bytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def digests_in(tmp_path_factory):
    """Return a function that computes hashes of the files of all models.

    They are fitted and exported in a process with some environment variables.
    """

    @cache
    def digests(name: str = "PYTHONHASHSEED", value: str = "0") -> list[str]:
        path = tmp_path_factory.mktemp("exports") / "model.onnx"
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", name: value}
        command = [sys.executable, "-c", EXPORTS, path]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        )
        assert len(done.stdout.splitlines()) == len(sample.CASES)
        return done.stdout.splitlines()

    return digests


@pytest.mark.program
@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_hash_seed_of_the_process_does_not_change_the_bytes(digests_in, seed):
    assert digests_in("PYTHONHASHSEED", seed) == digests_in()


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the library knows this processor on x86-64 only"
)
@pytest.mark.program
def test_an_older_processor_does_not_change_the_bytes(digests_in):
    """Check the bytes with the kernels of the oldest processor that is still around.

    OpenBLAS takes its kernels by processor; the name selects them.
    """
    assert digests_in("OPENBLAS_CORETYPE", "Nehalem") == digests_in()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "model", "rows"),
    [
        (TASK, "xgboost", 2000),
        (TASK, "hist_gradient_boosting", 2000),
        (TASK, "logistic_regression", 20_000),
        (MULTICLASS, "xgboost", 2000),
        (MULTICLASS, "logistic_regression", 5000),
        (REGRESSION, "xgboost", 2000),
        (REGRESSION, "ridge", 20_000),
    ],
)
def test_the_number_of_threads_does_not_change_the_bytes(tmp_path, task, model, rows):
    train, digests = sample.rows(rows, 3, task), set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            exported(tmp_path / "m.onnx", task, model=model, max_rounds=5, train=train)
        digests.add(hashlib.sha256((tmp_path / "m.onnx").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("groups", [sample.GROUPS, ("weather",)], ids="+".join)
def test_file_declares_names_and_types_of_inputs(tmp_path, groups):
    inputs, _ = exported(tmp_path / "m.onnx", model="xgboost", features=list(groups))
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["categories"]) == list(inputs.categories)
    assert json.loads(metadata["numbers"]) == list(inputs.numbers)
    widths = {item.name: (item.type, item.shape[1]) for item in session.get_inputs()}
    expected = {"numbers": ("tensor(float)", len(inputs.numbers))}
    if inputs.categories:
        expected["categories"] = ("tensor(string)", len(inputs.categories))
    assert widths == expected


def test_export_does_not_modify_fitted_pipeline(tmp_path):
    inputs, pipeline = sample.fitted(sample.params("logistic_regression"), TRAIN, VALID)
    before = pipeline.predict_proba(VALID[inputs.names])
    export_onnx(pipeline, inputs, tmp_path / "m.onnx")
    assert np.array_equal(pipeline.predict_proba(VALID[inputs.names]), before)
    assert list(pipeline.named_steps["encoder"].feature_names_in_) == inputs.names
