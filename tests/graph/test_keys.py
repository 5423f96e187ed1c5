"""Params of each stage match the keys it reads.

So a changed key reruns exactly the affected stages.
"""

from dataclasses import replace

import pytest

from tarmac.pipeline.base.params import TASK
from tarmac.policy import load_all_params
from tarmac.testing.pipeline_file import stages
from tests.conftest import ROOT, Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC
from tests.graph.conftest import copy_of
from tests.graph.trace import Trace, key_faults, leaves, trace

pytestmark = pytest.mark.xdist_group("graph-traces")

MODEL = load_all_params(ROOT / "params.yaml").train.model
OTHERS = [model for model in ("xgboost", "hist_gradient_boosting", TASK.baseline) if model != MODEL]


@pytest.fixture(scope="module")
def train_traces(
    finished_template: Workspace, traces: dict[str, Trace], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Trace]:
    """Runs of `train`, one for each model that it knows."""
    workspace = copy_of(finished_template, tmp_path_factory, "models")
    done = {MODEL: traces["train"]}
    for model in OTHERS:
        workspace.set_params(lambda params, model=model: params["train"].update(model=model))
        done[model] = trace(workspace, "train")
    return done


@pytest.mark.parametrize("name", sorted(stages(ROOT).keys() - {"train"}))
def test_declared_params_match_keys_that_stage_reads(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert key_faults(stages(rerun.path)[name], [traces[name]], leaves(rerun.params)) == []


def test_train_params_match_keys_that_any_model_reads(
    rerun: Workspace, train_traces: dict[str, Trace]
) -> None:
    assert (
        key_faults(stages(rerun.path)["train"], train_traces.values(), leaves(rerun.params)) == []
    )


@pytest.mark.parametrize("model", OTHERS)
def test_each_model_reads_only_its_own_section(train_traces: dict[str, Trace], model: str) -> None:
    keys = [key.split(".") for key in train_traces[model].keys]
    sections = {key[1] for key in keys if key[0] == "train" and len(key) == 3}
    assert sections == {model}


def test_trace_records_keys_however_they_are_read(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    whole = {key for key in leaves(workspace.params) if key.startswith(("evaluate.", "intervals."))}
    assert len(whole) > 7
    left_out = run.keys - leaves(workspace.params)
    assert left_out <= {"engine", "evaluate.threshold_beta"}, "not every params.yaml has these"
    read = {"engine", "prepare.max_quarantine_share", "train.seed", "online.seed"}
    assert run.keys == whole | left_out | read


def test_reports_undeclared_keys(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    found = key_faults(stages(workspace.path)["prepare"], [run], leaves(workspace.params))
    assert "prepare: reads train.seed, which no param covers" in found
    assert len(found) == len(run.keys) - 2  # it may read `engine` and its own section


def test_reports_key_missing_from_partly_declared_section(
    rerun: Workspace, traces: dict[str, Trace]
) -> None:
    *known, left = sorted(key for key in traces["evaluate"].keys if key.startswith("split."))
    narrow = replace(stages(rerun.path)["evaluate"], params=("evaluate", *known))
    found = key_faults(narrow, [traces["evaluate"]], leaves(rerun.params))
    assert known
    assert found == [f"evaluate: reads {left}, which no param covers"]


def test_param_does_not_cover_keys_by_name_prefix(
    rerun: Workspace, traces: dict[str, Trace]
) -> None:
    wrong = replace(stages(rerun.path)["prepare"], params=("engine", "prepare.max"))
    assert key_faults(wrong, [traces["prepare"]], leaves(rerun.params)) == [
        "prepare: no key of param prepare.max is read",
        "prepare: reads prepare.max_quarantine_share, which no param covers",
    ]


@pytest.mark.parametrize(
    ("stage", "wide", "nothing"), [("card", "train", False), ("evaluate", "online", True)]
)
def test_reports_param_that_covers_unread_keys(
    rerun: Workspace, traces: dict[str, Trace], stage: str, wide: str, nothing: bool
) -> None:
    declared, known, run = stages(rerun.path)[stage], leaves(rerun.params), traces[stage]
    found = key_faults(replace(declared, params=(*declared.params, wide)), [run], known)
    unread = sorted(key for key in known - run.keys if key.startswith(f"{wide}."))
    assert len(unread) > 2
    assert [f"{stage}: {key} is in params and never read" for key in unread] == [
        f for f in found if "never" in f
    ]
    assert (f"{stage}: no key of param {wide} is read" in found) == nothing


def test_reports_unread_keys_of_models_without_a_run(
    rerun: Workspace, train_traces: dict[str, Trace]
) -> None:
    found = key_faults(stages(rerun.path)["train"], [train_traces[MODEL]], leaves(rerun.params))
    assert found
    assert all(
        line.startswith(tuple(f"train: train.{model}." for model in OTHERS)) for line in found
    )


def test_invalid_section_stops_only_stages_that_read_it(finished: Workspace) -> None:
    finished.set_params(lambda params: params["intervals"].update(confidence=7))
    assert finished.stage("prepare").returncode == 0
    failed = finished.stage("card", check=False)
    assert failed.returncode == 1
    assert "intervals.confidence" in failed.stderr
    whole = finished.run(*TARMAC, "params", "--check", check=False, env=FROM_SOURCE)
    assert whole.returncode == 1
    assert "intervals.confidence" in whole.stderr
