"""The params of each stage are the keys that it reads: a changed key reruns what it can change, and nothing else."""

from dataclasses import replace

import pytest

from tests.conftest import ROOT, Workspace
from tests.graph.conftest import copy_of
from tests.graph.declared import stages
from tests.graph.trace import Trace, key_faults, leaves, trace

pytestmark = pytest.mark.xdist_group("graph-traces")

OTHERS = ("hist_gradient_boosting", "logistic_regression")


@pytest.fixture(scope="module")
def train_traces(
    finished_template: Workspace, traces: dict[str, Trace], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Trace]:
    """Runs of `train`, one for each model that it knows."""
    workspace = copy_of(finished_template, tmp_path_factory, "models")
    done = {"xgboost": traces["train"]}
    for model in OTHERS:
        workspace.set_params(lambda params, model=model: params["train"].update(model=model))
        done[model] = trace(workspace, "train")
    return done


@pytest.mark.parametrize("name", sorted(stages(ROOT).keys() - {"train"}))
def test_a_changed_key_reruns_exactly_the_stages_that_read_it(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert key_faults(stages(rerun.path)[name], [traces[name]], leaves(rerun.params)) == []


def test_a_changed_key_reruns_train_where_any_of_its_models_reads_it(
    rerun: Workspace, train_traces: dict[str, Trace]
) -> None:
    assert key_faults(stages(rerun.path)["train"], train_traces.values(), leaves(rerun.params)) == []


@pytest.mark.parametrize("model", OTHERS)
def test_no_model_is_configured_by_the_keys_of_another(train_traces: dict[str, Trace], model: str) -> None:
    keys = [key.split(".") for key in train_traces[model].keys]
    sections = {key[1] for key in keys if key[0] == "train" and len(key) == 3}
    assert sections == {model, "logistic_regression"}  # the baseline is one


def test_keys_are_seen_however_they_are_read(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    whole = {key for key in leaves(workspace.params) if key.startswith(("evaluate.", "split.test."))}
    assert len(whole) == 8
    assert run.keys == whole | {"prepare.max_quarantine_share", "train.seed", "problem.late_minutes"}


def test_an_undeclared_key_is_found(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    found = key_faults(stages(workspace.path)["prepare"], [run], leaves(workspace.params))
    assert "prepare: reads train.seed, which no param covers" in found
    assert len(found) == len(run.keys) - 1


def test_a_key_that_is_covered_only_in_part_is_found(rerun: Workspace, traces: dict[str, Trace]) -> None:
    narrow = replace(stages(rerun.path)["evaluate"], params=("evaluate", "split.test", "split.validation.first"))
    found = key_faults(narrow, [traces["evaluate"]], leaves(rerun.params))
    assert found == ["evaluate: reads split.validation.last, which no param covers"]


def test_a_param_whose_name_only_begins_like_the_key_does_not_cover_it(
    rerun: Workspace, traces: dict[str, Trace]
) -> None:
    wrong = replace(stages(rerun.path)["prepare"], params=("prepare.max",))
    assert key_faults(wrong, [traces["prepare"]], leaves(rerun.params)) == [
        "prepare: no key of param prepare.max is read",
        "prepare: reads prepare.max_quarantine_share, which no param covers",
    ]


@pytest.mark.parametrize(("wide", "unread"), [("split", ["split.train.first", "split.train.last"]), ("problem", None)])
def test_a_param_that_covers_more_than_is_read_is_found(
    rerun: Workspace, traces: dict[str, Trace], wide: str, unread: list[str] | None
) -> None:
    declared = stages(rerun.path)["evaluate"]
    found = key_faults(replace(declared, params=(*declared.params, wide)), [traces["evaluate"]], leaves(rerun.params))
    if unread is None:
        assert "evaluate: no key of param problem is read" in found
        unread = ["problem.late_minutes", "problem.lead_hours"]
    assert [f"evaluate: {key} is in params and never read" for key in unread] == [f for f in found if "never" in f]


def test_a_model_that_is_left_out_of_the_runs_is_found(rerun: Workspace, train_traces: dict[str, Trace]) -> None:
    found = key_faults(stages(rerun.path)["train"], [train_traces["xgboost"]], leaves(rerun.params))
    assert found
    assert all(line.startswith("train: train.hist_gradient_boosting.") for line in found)
