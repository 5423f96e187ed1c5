"""Scoring with the ONNX file does not depend on the batch size.

Unsuitable files and tables are refused.
"""

from collections.abc import Iterator

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.models import scorer
from tarmac.pipeline.models.scorer import Scorer
from tarmac.pipeline.training.export import export_onnx
from tests.tarmac.pipeline import sample

ROWS = sample.rows(300, seed=2)


SHAPES = {"binary": (), "multiclass": (sample.CLASSES,), "regression": ()}  # of one answer


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A file of each task."""
    made = {}
    for kind, task in TASKS.items():
        made[kind] = tmp_path_factory.mktemp("model") / "model.onnx"
        rows = sample.rows(600, 1, task), sample.rows(300, 2, task)
        inputs, pipeline = sample.fitted(sample.params("xgboost"), *rows, task=task)
        export_onnx(pipeline, inputs, made[kind], task=task)
    return made


@pytest.fixture
def path(paths):
    return paths["binary"]


@pytest.mark.slow
@pytest.mark.parametrize("cores", [1, 2, 5, 64])
@pytest.mark.parametrize("batch", [1, 7, 100, 299, 300, 301])
@pytest.mark.parametrize("kind", TASKS)
def test_predictions_do_not_depend_on_batch_size_or_cores(paths, monkeypatch, kind, batch, cores):
    monkeypatch.setattr(scorer, "CORES", 1)
    whole = Scorer(paths[kind]).score(ROWS)
    monkeypatch.setattr(scorer, "CORES", cores)
    monkeypatch.setattr(scorer, "BATCH", batch)
    assert np.array_equal(Scorer(paths[kind]).score(ROWS), whole)
    assert whole.shape == (300, *SHAPES[kind])
    assert whole.dtype == np.float32
    assert len(np.unique(whole)) > 100


def test_predictions_match_single_threaded_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    known = Scorer(path)
    feeds = {
        "categories": ROWS[known.categories].to_numpy(object),
        "numbers": ROWS[known.numbers].to_numpy("float32"),
    }
    for count in (5, 300):
        given = {name: values[:count] for name, values in feeds.items()}
        single = session.run(["probabilities"], given)[0][:, 1]
        assert np.array_equal(known.score(ROWS.head(count)), single)


@pytest.mark.parametrize("kind", TASKS)
def test_empty_table_yields_empty_predictions(paths, kind):
    answer = Scorer(paths[kind]).score(ROWS.head(0))
    assert answer.shape == (0, *SHAPES[kind])
    assert answer.dtype == np.float32


def test_column_order_index_and_float_width_do_not_matter(path):
    whole = Scorer(path).score(ROWS)
    turned = ROWS[ROWS.columns[::-1]].assign(unknown=1).set_index(pd.Index(range(300, 0, -1)))
    assert np.array_equal(Scorer(path).score(turned), whole)
    wider = ROWS.astype(dict.fromkeys(Scorer(path).numbers, "float64"))
    assert np.array_equal(Scorer(path).score(wider), whole)


@pytest.mark.parametrize("kind", ["object", "category", "string[pyarrow]"])
def test_text_column_type_does_not_change_predictions(path, kind):
    texts = ROWS.astype(dict.fromkeys(Scorer(path).categories, kind))
    assert np.array_equal(Scorer(path).score(texts), Scorer(path).score(ROWS))


def test_reports_missing_columns_by_name(path):
    with pytest.raises(KeyError, match=r"temp.*spare|spare.*temp"):
        Scorer(path).score(ROWS.drop(columns=["temp", "spare"]))
    with pytest.raises(KeyError, match="origin"):
        Scorer(path).score(ROWS.drop(columns="origin"))


def test_missing_file_error_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.onnx is missing") as caught:
        Scorer(tmp_path / "nowhere.onnx")
    assert caught.value.hint.startswith("fetch it with `make pull`")


def test_rejects_onnx_file_without_input_names(tmp_path):
    import skl2onnx
    from sklearn.linear_model import LogisticRegression

    foreign = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    model = skl2onnx.to_onnx(foreign, np.zeros((1, 1), dtype="float32"))
    (tmp_path / "foreign.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=r"foreign\.onnx does not name its inputs"):
        Scorer(tmp_path / "foreign.onnx")


def damaged(whole: bytes) -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "no model at all", b"no model at all"
    yield "cut short", whole[: len(whole) // 2]


def test_reports_damaged_file_by_name(path, tmp_path):
    for name, content in damaged(path.read_bytes()):
        (tmp_path / f"{name}.onnx").write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}\.onnx"):
            Scorer(tmp_path / f"{name}.onnx")
