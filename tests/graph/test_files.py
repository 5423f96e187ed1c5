"""The deps and outputs of each stage are the files that it opens and writes, and from its deps alone it runs."""

import filecmp
from dataclasses import replace
from pathlib import Path

import pytest

from tarmac.interface.problem import problem
from tarmac.repository.imports import closure
from tests.conftest import ROOT, Workspace
from tests.graph.declared import Stage, stages
from tests.graph.trace import Trace, import_faults, read_faults, sandbox, snapshot, trace, unopened, write_faults

pytestmark = pytest.mark.xdist_group("graph-traces")

NAMES = list(stages(ROOT))


def needless(workspace: Workspace, stage: Stage, run: Trace, target: Path) -> list[str]:
    """The data deps that a run did not open and without which the stage still succeeds."""
    found = []
    for number, dep in enumerate(unopened(stage, run)):
        without = replace(stage, deps=tuple(other for other in stage.deps if other != dep))
        done = sandbox(workspace, without, target / str(number)).stage(stage.name, check=False)
        found += [dep] if done.returncode == 0 else []
    return found


def static(workspace: Workspace, name: str) -> set[str]:
    """What reading the code says that a stage imports."""
    return closure(workspace.path, f"tarmac.pipeline.{name}.stage")


@pytest.mark.parametrize("name", NAMES)
def test_no_file_appears_that_dvc_does_not_know_and_none_is_missing(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert write_faults(stages(rerun.path)[name], traces[name], rerun.path) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_file_is_opened_whose_change_dvc_would_not_see(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert read_faults(stages(rerun.path)[name], traces[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_module_is_loaded_that_reading_the_code_did_not_find(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert import_faults(static(rerun, name), stages(rerun.path)[name], traces[name]) == []
    assert len(traces[name].modules) > 10


@pytest.mark.parametrize("name", NAMES)
def test_no_data_dep_reruns_a_stage_that_does_not_need_it(
    rerun: Workspace, traces: dict[str, Trace], name: str, tmp_path: Path
) -> None:
    assert needless(rerun, stages(rerun.path)[name], traces[name], tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_gives_the_same_bytes_where_nothing_but_its_deps_is(
    finished_template: Workspace, tmp_path: Path, name: str
) -> None:
    stage = stages(finished_template.path)[name]
    alone = sandbox(finished_template, stage, tmp_path / "alone")
    given = snapshot(alone.path).keys()
    alone.stage(name)
    made = sorted(snapshot(alone.path).keys() - given)
    assert made
    same, *different = filecmp.cmpfiles(alone.path, finished_template.path, made, shallow=False)
    assert (same, different) == (made, [[], []])


def test_a_file_outside_the_outputs_is_found(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    assert write_faults(stages(workspace.path)["prepare"], run, workspace.path) == [
        "prepare: changed data/stray.txt, which is no output",
        "prepare: changed metrics/train/metrics.json, which is no output",
    ]


def test_an_output_that_is_never_written_is_found(rerun: Workspace, traces: dict[str, Trace]) -> None:
    declared = stages(rerun.path)["prepare"]
    more = replace(declared, outs=(*declared.outs, "data/never.csv"))
    assert write_faults(more, traces["prepare"], rerun.path) == ["prepare: did not write data/never.csv"]


def test_a_file_that_is_written_again_with_the_same_bytes_is_found(finished: Workspace) -> None:
    run = trace(finished, "featurize")
    assert run.written == {str(path.relative_to(finished.path)) for path in finished.path.glob("data/features/*")}


def test_an_undeclared_file_that_is_opened_is_found(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    assert read_faults(stages(workspace.path)["prepare"], run) == ["prepare: opens models/model.onnx, which is no dep"]


def test_a_module_that_is_loaded_by_a_computed_name_is_found(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    found = import_faults(static(workspace, "prepare"), stages(workspace.path)["prepare"], run)
    assert found == [
        f"prepare: loads src/{problem.name}/evaluation/{name}.py unseen" for name in ("__init__", "slices")
    ]


def test_a_data_dep_that_is_not_needed_is_found(rerun: Workspace, traces: dict[str, Trace], tmp_path: Path) -> None:
    declared = stages(rerun.path)["featurize"]
    more = replace(declared, deps=(*declared.deps, "data/quarantine.csv"))
    assert needless(rerun, more, traces["featurize"], tmp_path) == ["data/quarantine.csv"]


@pytest.mark.parametrize("missing", [f"src/{problem.name}/evaluation", "data/features"])
def test_a_stage_does_not_run_from_its_deps_alone_where_one_is_missing(
    finished_template: Workspace, tmp_path: Path, missing: str
) -> None:
    declared = stages(finished_template.path)["evaluate"]
    less = replace(declared, deps=tuple(dep for dep in declared.deps if dep != missing))
    done = sandbox(finished_template, less, tmp_path / "alone").stage("evaluate", check=False)
    assert done.returncode == 1
    assert Path(missing).stem in done.stderr
