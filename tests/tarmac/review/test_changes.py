"""Changes between results.

Parameters are compared by value, files by the stages that read them, and outputs by hash.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.repository.stage_inputs import OUTSIDE, group_paths_by_stage
from tarmac.review.changes import MISSING, find_changes
from tarmac.review.result_folder import ResultFolder
from tests.conftest import ROOT
from tests.e2e.running import STAGES

Deps = dict[str, list[str]]
DEPS: Deps = {
    "prepare": [
        "data/raw",
        "src/tarmac/pipeline/base",
        "src/flights/tables/clean.py",
        "requirements/stages.txt",
    ],
    "train": ["data/features", "src/tarmac/pipeline/base", "src/tarmac/pipeline/models"],
}


def result(
    folder: Path, params: object = None, deps: Deps | None = None, **hashes: str
) -> ResultFolder:
    """Return a result with these parameters, stages and outputs.

    A file of which nothing is given does not exist.
    """
    folder.mkdir(exist_ok=True)
    if params is not None:
        text = params if isinstance(params, str) else yaml.safe_dump(params)
        (folder / "params.yaml").write_text(text)
    if deps is not None:
        stages = {
            name: {"cmd": "x", **({"deps": paths} if paths else {})} for name, paths in deps.items()
        }
        (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    return ResultFolder(folder, "c" * 40, hashes, frozenset())


def sorted_by(
    tmp_path: Path, paths: Iterable[str], head: Deps = DEPS, base: Deps = DEPS
) -> dict[str, list[str]]:
    return group_paths_by_stage(
        paths,
        *(
            {"stages": {name: {"deps": held} for name, held in deps.items()}}
            for deps in (base, head)
        ),
    )


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("src/flights/tables/clean.py", ["prepare"]),
        ("src/tarmac/pipeline/base/cost.py", ["prepare", "train"]),
        ("src/tarmac/pipeline/models/deep/er.py", ["train"]),
        ("src/tarmac/model_of_another.py", [OUTSIDE]),
        ("src/flights/tables/clean.pyi", [OUTSIDE]),
        ("tarmac/pipeline/models/scorer.py", [OUTSIDE]),
        ("README.md", [OUTSIDE]),
    ],
)
def test_file_is_listed_under_every_stage_that_reads_it(tmp_path, path, stages):
    assert sorted_by(tmp_path, [path]) == {stage: [path] for stage in stages}


def test_stages_keep_pipeline_order_and_files_keep_given_order(tmp_path):
    paths = [
        "a",
        "src/tarmac/pipeline/models/b.py",
        "src/tarmac/pipeline/base/x.py",
        "src/tarmac/pipeline/models/a.py",
    ]
    found = sorted_by(tmp_path, paths)
    assert list(found.items()) == [
        ("prepare", paths[2:3]),
        ("train", paths[1:]),
        (OUTSIDE, paths[:1]),
    ]
    assert sorted_by(tmp_path, []) == {}


def test_dependency_of_base_only_is_listed_under_its_stage(tmp_path):
    base: Deps = DEPS | {"train": ["src/old.py"], "gone": ["src/gone"]}
    found = sorted_by(
        tmp_path, ["src/gone/a.py", "src/old.py", "src/tarmac/pipeline/models/a.py"], base=base
    )
    assert found == {
        "train": ["src/old.py", "src/tarmac/pipeline/models/a.py"],
        "gone": ["src/gone/a.py"],
    }


def test_dependency_of_head_only_is_listed_under_its_stage(tmp_path):
    found = sorted_by(tmp_path, ["src/new/a.py"], head=DEPS | {"new": ["src/new"]})
    assert found == {"new": ["src/new/a.py"]}


def test_accepts_missing_pipeline_and_stage_without_dependencies(tmp_path):
    base, head = result(tmp_path / "b"), result(tmp_path / "h", deps=DEPS | {"free": []})
    pipelines = [side.read_yaml("dvc.yaml") for side in (base, head)]
    assert group_paths_by_stage(["src/tarmac/pipeline/models/a.py", "b"], *pipelines) == {
        "train": ["src/tarmac/pipeline/models/a.py"],
        OUTSIDE: ["b"],
    }


@pytest.mark.parametrize("stage", STAGES)
def test_every_declared_dependency_is_listed_under_its_stage(stage):
    here = ResultFolder(ROOT, "c" * 40, {}, frozenset())
    deps = here.read_yaml("dvc.yaml")["stages"][stage]["deps"]
    assert [
        path
        for path in deps
        if path not in group_paths_by_stage([path], here.read_yaml("dvc.yaml")).get(stage, [])
    ] == []


def params(tmp_path: Path, base: object, head: object) -> list[tuple[str, str, str]]:
    return find_changes(result(tmp_path / "b", base), result(tmp_path / "h", head), []).params


def test_reports_changed_added_and_removed_parameters(tmp_path):
    base = {
        "train": {"depth": 6, "features": ["a", "b"], "device": "cpu", "gone": 1},
        "old": {"a": None},
    }
    head = {
        "train": {"depth": 8, "features": ["b", "a"], "device": "cpu", "new": False},
        "old": {"a": 0.5},
    }
    assert params(tmp_path, base, head) == [
        ("old.a", "None", "0.5"),
        ("train.depth", "6", "8"),
        ("train.features", "['a', 'b']", "['b', 'a']"),
        ("train.gone", "1", MISSING),
        ("train.new", MISSING, "False"),
    ]


@pytest.mark.parametrize(
    ("base", "head", "told"),
    [
        ({"a": {"b": 1}}, {"a": 1}, [("a", MISSING, "1"), ("a.b", "1", MISSING)]),
        ({"a": {"b": 1}}, {"a": {"b": {"c": 1}}}, [("a.b", "1", MISSING), ("a.b.c", MISSING, "1")]),
        ({"a": None}, {}, [("a", "None", MISSING)]),
        ({"a": []}, {}, [("a", "[]", MISSING)]),
        ({"a": [1]}, {"a": [1, 2]}, [("a", "[1]", "[1, 2]")]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [("a", "[{'b': 1}]", "[{'b': 2}]")]),
        ({"a": True}, {"a": False}, [("a", "True", "False")]),
        ({"a": ""}, {"a": "x"}, [("a", "", "x")]),
        ({1: {2: 3}}, {1: {2: 4}}, [("1.2", "3", "4")]),
        (None, {"a": 1}, [("a", MISSING, "1")]),
        ("", {"a": 1}, [("a", MISSING, "1")]),
    ],
)
def test_reports_changes_of_structure_and_unusual_values(tmp_path, base, head, told):
    assert params(tmp_path, base, head) == told


@pytest.mark.parametrize(("old", "new"), [("1e-3", "0.001"), ("0o17", "15"), ("1.0", "1.00")])
def test_equal_values_in_different_notation_are_not_reported(tmp_path, old, new):
    """Check that the report reads parameters as YAML 1.2, as DVC and the stages do."""
    assert params(tmp_path, f"a: {old}\n", f"a: {new}\n") == []


LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(["x", "y"]),
    st.lists(st.integers(0, 2)),
)
TREES = st.recursive(
    LEAF, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)
)
FILES = st.dictionaries(st.sampled_from("abcd"), TREES, max_size=4)


def leaves(tree: object, prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        key: leaf
        for name, part in tree.items()
        for key, leaf in leaves(part, (*prefix, name)).items()
    }


@settings(deadline=None)
@given(FILES, FILES)
def test_reports_exactly_parameters_that_differ(tmp_path_factory, base, head):
    old, new, none = leaves(base), leaves(head), object()
    differ = {
        key
        for key in old.keys() | new.keys()
        if repr(old.get(key, none)) != repr(new.get(key, none))
    }
    found = params(tmp_path_factory.mktemp("params"), base, head)
    assert [key for key, _, _ in found] == sorted(".".join(key) for key in differ)
    assert {(key, before) for key, before, _ in found if before == MISSING} == {
        (".".join(key), MISSING) for key in differ if key not in old
    }


def test_files_omit_pipeline_outputs_and_keep_handwritten_ones(tmp_path):
    base = result(tmp_path / "b", deps=DEPS, **{"data/features": "1", "models/model.onnx": "1"})
    head = result(tmp_path / "h", deps=DEPS, **{"data/features": "2", "models/model.onnx": "1"})
    made = [
        "dvc.lock",
        "metrics/evaluate/metrics.json",
        "models/card.md",
        "data/remote/files/md5/ab/cd",
    ]
    by_hand = ["README.md", "dvc.yaml", "src/models/own.py", "metrics.py", "data/remote.md"]
    found = find_changes(base, head, [*made, *by_hand])
    assert found.files == {OUTSIDE: by_hand}
    assert found.outputs == [("data/features", "1", "2")]


def test_reports_added_and_removed_outputs(tmp_path):
    found = find_changes(
        result(tmp_path / "b", old="1", same="1"), result(tmp_path / "h", new="2", same="1"), []
    )
    assert found.outputs == [("new", MISSING, "2"), ("old", "1", MISSING)]


def test_raw_data_is_listed_under_its_stage_and_params_omitted(tmp_path):
    """Check the pointer to the raw data.

    Git sees only this file of DVC's, and the stage that reads the data depends on it.
    """
    sides = [result(tmp_path / who, deps=DEPS, **{"data/raw": who}) for who in "bh"]
    assert find_changes(*sides, ["data/raw.dvc", "params.yaml"]).files == {
        "prepare": ["data/raw.dvc"]
    }
