"""Responses and logged rows report the model's scores unchanged, for every kind of target."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.metrics.metrics import join_prediction_columns, split_prediction_columns
from tarmac.serving.form import FORM, MulticlassFormat, PredictionFormat, RegressionFormat

CLASSES = ("no", "may be", "yes")
FORMS = {
    "binary": PredictionFormat(("no", "yes"), ("probability",)),
    "multiclass": MulticlassFormat(CLASSES, tuple(f"probability_{name}" for name in CLASSES)),
    "regression": RegressionFormat((), ("prediction",)),
}
PROPER = {"width": 32, "allow_nan": False, "allow_infinity": False}
SCORES = {
    "binary": st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5),
    "multiclass": st.lists(
        st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=1, max_size=5
    ),
    "regression": st.lists(st.floats(**PROPER), min_size=1, max_size=5),
}


@given(st.sampled_from(list(FORMS)), st.data())
def test_response_is_json_and_matches_its_schema(kind, data):
    form, scores = FORMS[kind], np.array(data.draw(SCORES[kind]), dtype=np.float32)
    form.check_scores(scores)
    model = create_model("Told", **form.fields)
    rows = form.to_response_rows(scores)
    for row in rows:
        assert model.model_validate_json(json.dumps(row, allow_nan=False)).model_dump() == row
    assert form.to_response_columns(scores) == {
        name: [row[name] for row in rows] for name in form.fields
    }
    assert len(list(form.iter_buckets(scores))) == len(rows)


@given(st.sampled_from(list(FORMS)), st.data())
def test_logged_columns_equal_model_scores(kind, data):
    form, scores = FORMS[kind], np.array(data.draw(SCORES[kind]), dtype=np.float32)
    columns = form.to_stored_columns(scores)
    assert tuple(columns) == form.stored
    assert {values.dtype for values in columns.values()} == {np.dtype("float32")}
    assert form.to_stored_rows(scores) == [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]
    table = np.stack(list(columns.values()), axis=-1)
    np.testing.assert_array_equal(table.reshape(scores.shape), scores)


def test_service_writes_columns_that_pipeline_reads():
    scores = np.random.default_rng(1).random((4, len(problem.contract.ANSWERS)), dtype=np.float32)
    scores = scores[:, 0] if len(problem.contract.ANSWERS) == 1 else scores
    columns = FORM.to_stored_columns(scores)
    assert list(columns) == list(split_prediction_columns(scores))
    np.testing.assert_array_equal(join_prediction_columns(pd.DataFrame(columns)), scores)


def test_predicted_and_explained_class_is_most_likely_one():
    scores = np.array([[0.2, 0.5, 0.3], [0.5, 0.1, 0.4]], dtype=np.float32)
    rows = FORMS["multiclass"].to_response_rows(scores)
    assert [row["label"] for row in rows] == ["may be", "no"]
    assert list(rows[0]["probabilities"]) == list(CLASSES)
    walks = np.array([[[0.1, 0.2, 0.7], [0.2, 0.5, 0.3]], [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]]])
    np.testing.assert_array_equal(
        FORMS["multiclass"].select_explained_scores(walks), [[0.2, 0.5], [0.3, 0.5]]
    )


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("binary", (4, 3)), ("multiclass", (4,)), ("multiclass", (4, 2)), ("regression", (4, 3))],
)
def test_rejects_scores_of_another_task(kind, shape):
    with pytest.raises(UserError, match="the model predicts something else than"):
        FORMS[kind].check_scores(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize(
    ("value", "size"), [(0.0, 0.0), (-250.0, 1000.0), (1000.0, 1000.0), (0.02, 0.1)]
)
def test_number_is_counted_under_its_power_of_ten(value, size):
    assert list(FORMS["regression"].iter_buckets(np.array([value], dtype=np.float32))) == [size]
