"""Identity in a model's file: everything that the model was made from.

It has nothing specific to a machine.
"""

import json
import re
from pathlib import Path

import onnx
import pytest

from tarmac.pipeline.training import identity
from tarmac.pipeline.training.export import export_onnx
from tarmac.policy import load_all_params
from tests.conftest import ROOT
from tests.tarmac.pipeline import sample

SPLIT = load_all_params(ROOT / "params.yaml").split


@pytest.fixture
def features(tmp_path: Path) -> Path:
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "2013-01.parquet").write_text("rows")
    return tmp_path / "features"


def of(features: Path, **changed: object) -> dict[str, str]:
    return identity.build_identity(
        sample.params(**{"model": "xgboost", **changed}), SPLIT, features
    )


def test_identity_is_complete_and_deterministic(features):
    assert tuple(of(features)) == identity.NAMES
    assert of(features) == of(features)


def test_identity_changes_with_data_and_parameters(features):
    known = of(features)
    assert of(features, seed=8)["params"] != known["params"]
    (features / "2013-01.parquet").write_text("other")
    assert {key for key, value in of(features).items() if value != known[key]} == {"features"}


def test_identity_lists_locked_version_of_each_library():
    """By the locked requirements, of which the CPU and the GPU have each its own XGBoost."""
    locked = dict(
        re.findall(
            r"^([a-z0-9-]+)==([^ ]+)",
            (ROOT / "requirements/pipeline.txt").read_text(),
            re.MULTILINE,
        )
    )
    assert identity.list_library_versions() == {
        name: locked[name] for name in identity.LIBRARIES if name in locked
    }
    assert len(identity.list_library_versions()) == len(identity.LIBRARIES) - 1


def test_identity_contains_only_parameters_of_its_model():
    for kind in identity.KINDS:
        sections = set(identity.select_params(sample.params(kind))) & set(identity.KINDS)
        assert sections == {kind}


def test_exported_file_contains_identity(tmp_path, features):
    """Read by ONNX's own package, as whoever serves the model would."""
    rows = sample.rows(200, seed=1), sample.rows(100, seed=2)
    inputs, pipeline = sample.fitted(sample.params("xgboost", max_rounds=3), *rows)
    made_from = of(features)
    export_onnx(pipeline, inputs, tmp_path / "m.onnx", made_from)
    carried = {item.key: item.value for item in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert {name: carried[name] for name in identity.NAMES} == made_from
    assert json.loads(carried["params"])["xgboost"] == sample.params("xgboost").xgboost.model_dump()
