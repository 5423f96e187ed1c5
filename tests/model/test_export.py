"""One ONNX file for a fitted pipeline: the same answers, the same bytes every time, and no mismatch unnoticed."""

import hashlib
import json
import os
import platform
import subprocess
import sys
from functools import cache

import numpy as np
import onnxruntime
import pytest
from threadpoolctl import threadpool_limits

from tarmac.model.export import TOLERANCE, check_parity, export
from tarmac.model.scorer import Scorer
from tests.conftest import ROOT
from tests.model import sample

TRAIN, VALID = sample.rows(600, seed=1), sample.rows(300, seed=2)
SPREAD = (0.0, 1e-4, 1.0, -1.0, 1e6, -1e6)  # numbers far outside of what a model was trained on


def exported(path, **changed):
    """Inputs, fitted pipeline and its file."""
    inputs, pipeline = sample.fitted(sample.params(**changed), changed.get("train", TRAIN), VALID)
    export(pipeline, inputs, path)
    return inputs, pipeline


@pytest.mark.parametrize("groups", sample.GROUP_SETS, ids="+".join)
@pytest.mark.parametrize("model", sample.MODELS)
def test_the_file_answers_as_the_fitted_pipeline_does(tmp_path, model, groups):
    inputs, pipeline = exported(tmp_path / "m.onnx", model=model, features=list(groups))
    assert check_parity(pipeline, inputs, tmp_path / "m.onnx", VALID) <= TOLERANCE
    scored = Scorer(tmp_path / "m.onnx").score(VALID)
    assert np.abs(scored - pipeline.predict_proba(VALID[inputs.names])[:, 1]).max() <= TOLERANCE
    assert (inputs.categories == ()) == ("schedule" not in groups)


@pytest.mark.parametrize("model", sample.MODELS)
def test_the_file_answers_as_the_pipeline_far_from_the_training_rows(tmp_path, model):
    inputs, pipeline = exported(tmp_path / "m.onnx", model=model)
    far = VALID.head(len(SPREAD)).assign(**{name: np.array(SPREAD, dtype="float32") for name in inputs.numbers})
    assert check_parity(pipeline, inputs, tmp_path / "m.onnx", far) <= TOLERANCE


@pytest.mark.parametrize("model", sample.MODELS)
def test_a_number_on_the_border_of_a_split_goes_the_same_way_in_both(tmp_path, model):
    whole = {name: TRAIN[name].round() for name in ("temp", "spare", "seats")}  # few values: every split is a border
    inputs, pipeline = sample.fitted(sample.params(model), TRAIN.assign(**whole), VALID)
    export(pipeline, inputs, tmp_path / "m.onnx")
    assert check_parity(pipeline, inputs, tmp_path / "m.onnx", TRAIN.assign(**whole)) <= TOLERANCE


def test_a_column_without_any_value_in_training_keeps_parity(tmp_path):
    train = TRAIN.assign(temp=np.float32(np.nan), origin="only")
    for model in ("xgboost", "logistic_regression"):
        inputs, pipeline = sample.fitted(sample.params(model), train, VALID)
        export(pipeline, inputs, tmp_path / "m.onnx")
        assert check_parity(pipeline, inputs, tmp_path / "m.onnx", VALID) <= TOLERANCE


def test_the_file_of_another_model_is_refused_by_name(tmp_path):
    exported(tmp_path / "other.onnx", model="xgboost", max_rounds=3)
    inputs, pipeline = sample.fitted(sample.params("xgboost"), TRAIN, VALID)
    with pytest.raises(ValueError, match=r"other\.onnx does not give the fitted model's probabilities \(all rows\)"):
        check_parity(pipeline, inputs, tmp_path / "other.onnx", VALID)


class Bent:
    """A pipeline that answers wrongly for some rows: what a converter with a fault would look like."""

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
        (lambda rows, p: np.where(rows["temp"].isna() & rows["spare"].isna() & rows["seats"].isna(), 0, p),
         "no number known"),
        (lambda rows, p: np.where(~rows["origin"].str.startswith("origin"), 0, p), "unknown categories"),
    ],
    ids=["one row", "NaN", "missing numbers", "unseen categories"],
)  # fmt: skip
def test_one_row_that_differs_is_enough_to_refuse_the_file(tmp_path, bend, told):
    inputs, pipeline = exported(tmp_path / "m.onnx", model="xgboost")
    whole = VALID.dropna(subset=["temp", "spare", "seats"])
    with pytest.raises(ValueError, match=rf"\({told}\): largest difference"):
        check_parity(Bent(pipeline, bend), inputs, tmp_path / "m.onnx", whole)


@pytest.mark.parametrize("model", sample.MODELS)
def test_a_second_fit_and_export_gives_the_same_bytes(tmp_path, model):
    for name in ("first", "second"):
        exported(tmp_path / name, model=model)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


EXPORTS = """
import hashlib, sys
from pathlib import Path
from tests.model import sample
from tarmac.model.export import export
for model in sample.MODELS:
    chosen = sample.params(model, max_rounds=3)
    inputs, pipeline = sample.fitted(chosen, sample.rows(200, seed=1), sample.rows(100, seed=2))
    export(pipeline, inputs, Path(sys.argv[1]))
    print(model, hashlib.sha256(Path(sys.argv[1]).read_bytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def digests_in(tmp_path_factory):
    """Hashes of the files of all models, fitted and exported in a process with some environment variables."""

    @cache
    def digests(name: str = "PYTHONHASHSEED", value: str = "0") -> list[str]:
        path = tmp_path_factory.mktemp("exports") / "model.onnx"
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", name: value}
        command = [sys.executable, "-c", EXPORTS, path]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        assert len(done.stdout.splitlines()) == len(sample.MODELS)
        return done.stdout.splitlines()

    return digests


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_hash_seed_of_the_process_does_not_change_the_bytes(digests_in, seed):
    assert digests_in("PYTHONHASHSEED", seed) == digests_in()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the library knows this processor on x86-64 only")
def test_an_older_processor_does_not_change_the_bytes(digests_in):
    """OpenBLAS takes its kernels by processor; this name makes it take those of the oldest that is still around."""
    assert digests_in("OPENBLAS_CORETYPE", "Nehalem") == digests_in()


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        ("xgboost", 2000),
        ("hist_gradient_boosting", 2000),
        ("logistic_regression", 20_000),
    ],
)
def test_the_number_of_threads_does_not_change_the_bytes(tmp_path, model, rows):
    train, digests = sample.rows(rows, seed=3), set()
    for threads in (1, 2):
        with threadpool_limits(threads):
            exported(tmp_path / "m.onnx", model=model, max_rounds=5, train=train)
        digests.add(hashlib.sha256((tmp_path / "m.onnx").read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("groups", [sample.GROUPS, ("weather",)], ids="+".join)
def test_the_file_alone_says_what_it_takes(tmp_path, groups):
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


def test_an_export_leaves_the_fitted_pipeline_as_it_was(tmp_path):
    inputs, pipeline = sample.fitted(sample.params("logistic_regression"), TRAIN, VALID)
    before = pipeline.predict_proba(VALID[inputs.names])
    export(pipeline, inputs, tmp_path / "m.onnx")
    assert np.array_equal(pipeline.predict_proba(VALID[inputs.names]), before)
    assert list(pipeline.named_steps["encoder"].feature_names_in_) == inputs.names
