"""What a model's file says of where it comes from: all that it was made from, and nothing that differs by machine."""

import json
import re
from pathlib import Path

import onnx
import pytest

from tarmac.pipeline.training import identity
from tarmac.pipeline.training.export import export
from tarmac.policy import load
from tests.conftest import ROOT
from tests.tarmac.pipeline import sample

SPLIT = load(ROOT / "params.yaml").split


@pytest.fixture
def features(tmp_path: Path) -> Path:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "2013-01.parquet").write_text("rows")
    return tmp_path / "features"


def of(features: Path, **changed: object) -> dict[str, str]:
    return identity.identity(sample.params(**{"model": "xgboost", **changed}), SPLIT, features)


def test_a_name_is_missing_or_the_same_inputs_have_two_identities(features):
    assert tuple(of(features)) == identity.NAMES
    assert of(features) == of(features)


def test_other_data_or_parameters_have_the_same_identity(features):
    known = of(features)
    assert of(features, seed=8)["params"] != known["params"]
    (features / "2013-01.parquet").write_text("other")
    assert {key for key, value in of(features).items() if value != known[key]} == {"features"}


def test_a_library_that_writes_the_file_is_not_named():
    """By the locked requirements, of which the CPU and the GPU have each its own XGBoost."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements/pipeline.txt").read_text(), re.MULTILINE))
    assert identity.libraries() == {name: locked[name] for name in identity.LIBRARIES if name in locked}
    assert len(identity.libraries()) == len(identity.LIBRARIES) - 1


def test_a_model_is_known_by_parameters_that_it_never_saw():
    for kind in identity.KINDS:
        sections = set(identity.chosen(sample.params(kind))) & set(identity.KINDS)
        assert sections == {kind}


def test_the_file_does_not_say_where_it_comes_from(tmp_path, features):
    """Read by ONNX's own package, as whoever serves the model would."""
    rows = sample.rows(200, seed=1), sample.rows(100, seed=2)
    inputs, pipeline = sample.fitted(sample.params("xgboost", max_rounds=3), *rows)
    made_from = of(features)
    export(pipeline, inputs, tmp_path / "m.onnx", made_from)
    carried = {item.key: item.value for item in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert {name: carried[name] for name in identity.NAMES} == made_from
    assert json.loads(carried["params"])["xgboost"] == sample.params("xgboost").xgboost.model_dump()
