"""Stage costs are stored under the outputs of a run and reported for no other result."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.pipeline.base import cost
from tarmac.repository import stage_costs

SPENT = {"wall_seconds": 12.5, "cpu_seconds": 20.25, "peak_bytes": 1_000_000}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lock(**stages: dict[str, str]) -> str:
    """Return the text of a `dvc.lock` with the outputs of some stages, in DVC's order."""
    made = {
        stage: {"outs": [{"path": p, "md5": h, "size": 1} for p, h in sorted(outs.items())]}
        for stage, outs in stages.items()
    }
    return yaml.safe_dump({"schema": "2.0", "stages": made})


def measured(folder: Path, **seconds: float) -> Path:
    """What the stages of a run have written."""
    folder.mkdir(exist_ok=True)
    for stage, wall in seconds.items():
        (folder / f"{stage}.json").write_text(json.dumps({**SPENT, "wall_seconds": wall}))
    return folder


MADE = {"train": {"model.onnx": "a1", "metrics": "b2.dir"}, "evaluate": {"predictions": "c3"}}


def test_finds_costs_of_run_by_its_outputs(here):
    stage_costs.save_stage_costs(
        measured(here / "run", train=1, evaluate=2), lock(**MADE), ["train", "evaluate"]
    )
    found = stage_costs.load_stage_costs(lock(**MADE))
    assert found == {
        "train": {**SPENT, "wall_seconds": 1},
        "evaluate": {**SPENT, "wall_seconds": 2},
    }


@pytest.mark.parametrize(
    "outs",
    [
        {"model.onnx": "a2", "metrics": "b2.dir"},
        {"model.onnx": "a1", "metrics": "b3.dir"},
        {"model.onnx": "b2.dir", "metrics": "a1"},
        {"other.onnx": "a1", "metrics": "b2.dir"},
        {"model.onnx": "a1"},
        {"model.onnx": "a1", "metrics": "b2.dir", "more": "c3"},
        {},
    ],
    ids=["a hash", "another hash", "swapped", "a path", "one less", "one more", "none"],
)
def test_cost_is_not_reported_for_other_outputs(here, outs):
    stage_costs.save_stage_costs(measured(here / "run", train=1), lock(**MADE), ["train"])
    assert stage_costs.load_stage_costs(lock(train=outs)) == {}
    assert stage_costs.load_stage_costs(lock(featurize=MADE["train"])) == {}, (
        "another stage with the same outputs"
    )
    assert set(stage_costs.load_stage_costs(lock(**MADE))) == {"train"}


def test_only_measured_stages_that_ran_have_costs(here):
    stage_costs.save_stage_costs(
        measured(here / "run", train=1, evaluate=2), lock(**MADE), ["evaluate"]
    )
    stage_costs.save_stage_costs(measured(here / "other"), lock(**MADE), ["train"])
    assert set(stage_costs.load_stage_costs(lock(**MADE))) == {"evaluate"}


def test_replaces_costs_of_same_outputs_and_keeps_others(here):
    later = MADE | {"train": {"model.onnx": "f9", "metrics": "b2.dir"}}
    stage_costs.save_stage_costs(measured(here / "run", train=1), lock(**MADE), ["train"])
    stage_costs.save_stage_costs(measured(here / "run", train=5), lock(**later), ["train"])
    assert [
        stage_costs.load_stage_costs(lock(**made))["train"]["wall_seconds"]
        for made in (MADE, later)
    ] == [1, 5]
    stage_costs.save_stage_costs(measured(here / "run", train=7), lock(**MADE), ["train"])
    assert [
        stage_costs.load_stage_costs(lock(**made))["train"]["wall_seconds"]
        for made in (MADE, later)
    ] == [7, 5]


HASHES = st.dictionaries(
    st.sampled_from(["a", "b", "a b", "a=1"]), st.sampled_from(["1" * 32, "2" * 32]), max_size=3
)


@settings(deadline=None)
@given(HASHES, HASHES)
def test_cost_is_found_only_for_equal_outputs(tmp_path_factory, one, other):
    folder = tmp_path_factory.mktemp("costs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stage_costs.save_stage_costs(measured(folder / "run", train=1), lock(train=one), ["train"])
        assert bool(stage_costs.load_stage_costs(lock(train=other))) == (one == other)


@pytest.mark.parametrize(
    "text", ["", "schema: '2.0'\n", "schema: '2.0'\nstages: {}\n", "stages: {train: {cmd: x}}\n"]
)
def test_lock_without_outputs_has_no_costs(text):
    assert stage_costs.load_stage_costs(text) == {}


@pytest.mark.parametrize("left", ["", '{"wall_sec'])
def test_ignores_truncated_cost_file(here, left):
    stage_costs.save_stage_costs(
        measured(here / "run", train=1, evaluate=2), lock(**MADE), ["train", "evaluate"]
    )
    (cut,) = stage_costs.KEPT.glob("train-*")
    cut.write_text(left)
    assert set(stage_costs.load_stage_costs(lock(**MADE))) == {"evaluate"}


def test_measures_stage_cost_only_when_requested(here, monkeypatch):
    monkeypatch.delenv(cost.ASKED, raising=False)
    with cost.measure_cost("train"):
        pass
    assert list(here.iterdir()) == []
    monkeypatch.setenv(cost.ASKED, str(here / "asked"))
    with cost.measure_cost("train"):
        held = bytearray(1)
    del held
    found = json.loads((here / "asked" / "train.json").read_text())
    assert found.keys() == SPENT.keys()
    assert found["wall_seconds"] >= 0
    assert 10_000_000 < found["peak_bytes"] < 100_000_000_000, "Linux counts in kilobytes"


def test_failed_stage_leaves_no_cost(here, monkeypatch):
    monkeypatch.setenv(cost.ASKED, str(here / "asked"))
    with pytest.raises(ValueError, match="stop"), cost.measure_cost("train"):
        raise ValueError("stop")
    assert not (here / "asked").exists()
