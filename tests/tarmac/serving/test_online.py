"""Online features that the service looks up.

They are whole files, the values of each key, and NaN for an unknown key.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarmac.interface.errors import UserError
from tarmac.policy import load_all_params
from tarmac.serving.online import LookupTable, OnlineFeatures, read_json
from tests.conftest import ROOT

NAN = float("nan")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two values by key and hour."""
    rows = {"key": ["b", "a", "a"], "hour": [7, 7, 8], "x": [1.5, None, 3.5], "y": [10, 20, 30]}
    pq.write_table(pa.table(rows), tmp_path / "lookup.parquet")
    return tmp_path / "lookup.parquet"


def test_looks_up_values_by_all_keys(table):
    lookup = LookupTable(table, ["key", "hour"])
    assert (lookup.keys, lookup.values) == (("key", "hour"), ("x", "y"))
    assert lookup.look_up_row({"hour": 8, "key": "a", "more": 1}) == [3.5, 30]
    np.testing.assert_equal(lookup.look_up_row({"key": "a", "hour": 7}), [NAN, 20])
    np.testing.assert_equal(lookup.look_up_row({"key": "b", "hour": 8}), [NAN, NAN])
    found = lookup.look_up_columns([["b", "z", "a"], [7, 7, 8]])
    np.testing.assert_equal(found, np.array([[1.5, 10], [NAN, NAN], [3.5, 30]], dtype="float32"))
    assert found.dtype == np.float32


def test_looks_up_values_by_one_key(tmp_path):
    pq.write_table(pa.table({"x": [1.0, 2.0], "key": ["a", "b"]}), tmp_path / "lookup.parquet")
    lookup = LookupTable(tmp_path / "lookup.parquet", ["key"])
    assert lookup.look_up_row({"key": "b"}) == [2]
    np.testing.assert_equal(lookup.look_up_row({"key": "c"}), [NAN])
    np.testing.assert_equal(lookup.look_up_columns([["b", "c", "a"]]), [[2], [NAN], [1]])


@pytest.fixture
def folder(tmp_path: Path, table: Path) -> Path:
    """Online features with one lookup."""
    problem = load_all_params(ROOT / "params.yaml").problem.model_dump()
    facts = {"lookups": {"lookup": ["key", "hour"]}, "categories": {"key": ["a"]}}
    (tmp_path / "facts.json").write_text(json.dumps({**facts, "problem": problem}))
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "background.parquet")
    return tmp_path


def test_loads_lookups_categories_and_background(folder):
    features = OnlineFeatures(folder)
    assert [lookup.keys for lookup in features.lookups] == [("key", "hour")]
    assert features.categories == {"key": frozenset("a")}
    assert features.background.to_pydict() == {"x": [1.0]}


FILES = ["lookup.parquet", "background.parquet"]


@pytest.mark.parametrize("name", FILES)
def test_error_names_truncated_table(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"{name} is not a complete Parquet file"):
        OnlineFeatures(folder)


@pytest.mark.parametrize("name", FILES)
def test_error_names_missing_table(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing") as caught:
        OnlineFeatures(folder)
    assert "`make bundle`" in caught.value.hint


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"], ids=repr)
def test_error_names_missing_or_unreadable_json(folder, content):
    path = folder / "facts.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for read in (lambda: OnlineFeatures(folder), lambda: read_json(path)):
        with pytest.raises(UserError, match=r"facts\.json cannot be read: ") as caught:
            read()
        assert "`make bundle`" in caught.value.hint


@pytest.mark.parametrize("content", ["[1]", "1", '"text"', "null"])
def test_rejects_json_that_is_no_object(tmp_path, content):
    path = tmp_path / "release.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"release\.json is not a JSON object$") as caught:
        read_json(path)
    assert "`make bundle`" in caught.value.hint


@pytest.mark.parametrize("name", ["lookups", "categories", "problem"])
def test_rejects_state_without_required_key(folder, name):
    facts = read_json(folder / "facts.json")
    del facts[name]
    (folder / "facts.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match=rf"facts\.json has no {name}$") as caught:
        OnlineFeatures(folder)
    assert "`make bundle`" in caught.value.hint


def test_rejects_parameters_of_other_code_version(folder):
    facts = read_json(folder / "facts.json")
    facts["problem"]["invented"] = 1
    (folder / "facts.json").write_text(json.dumps(facts))
    shown = r"facts\.json has other parameters than this code: invented: .+$"
    with pytest.raises(UserError, match=shown) as caught:
        OnlineFeatures(folder)
    assert "`make run bundle`" in caught.value.hint


@pytest.mark.parametrize("name", FILES)
def test_error_names_table_with_damaged_pages(folder, name):
    pq.write_table(pa.table({"key": ["a"], "hour": [7], "x": [1.0]}), folder / name)
    data = bytearray((folder / name).read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    data[4 : -8 - footer] = b"\xff" * (len(data) - 12 - footer)
    (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"{name} cannot be read \("):
        OnlineFeatures(folder)
