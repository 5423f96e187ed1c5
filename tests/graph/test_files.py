"""Deps and outputs of each stage match the files it reads and writes.

The deps suffice to run the stage.
"""

import filecmp
from dataclasses import replace
from pathlib import Path

import pytest

from tarmac.interface.problem import problem
from tarmac.repository.imports import find_imported_files
from tarmac.testing.pipeline_file import Stage, stages
from tests.conftest import ROOT, Workspace
from tests.graph.trace import (
    Trace,
    import_faults,
    read_faults,
    sandbox,
    snapshot,
    trace,
    unopened,
    write_faults,
)

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
    return find_imported_files(workspace.path, f"tarmac.pipeline.{name}.stage")


@pytest.mark.parametrize("name", NAMES)
def test_stage_writes_exactly_its_declared_outputs(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert write_faults(stages(rerun.path)[name], traces[name], rerun.path) == []


@pytest.mark.parametrize("name", NAMES)
def test_stage_opens_only_declared_deps(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert read_faults(stages(rerun.path)[name], traces[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_static_analysis_finds_every_loaded_module(
    rerun: Workspace, traces: dict[str, Trace], name: str
) -> None:
    assert import_faults(static(rerun, name), stages(rerun.path)[name], traces[name]) == []
    assert len(traces[name].modules) > 10


@pytest.mark.parametrize("name", NAMES)
def test_stage_needs_every_declared_data_dep(
    rerun: Workspace, traces: dict[str, Trace], name: str, tmp_path: Path
) -> None:
    assert needless(rerun, stages(rerun.path)[name], traces[name], tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_stage_reproduces_its_outputs_from_its_deps_alone(
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


def test_reports_files_written_outside_outputs(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    assert write_faults(stages(workspace.path)["prepare"], run, workspace.path) == [
        "prepare: changed data/stray.txt, which is no output",
        "prepare: changed metrics/train/metrics.json, which is no output",
    ]


def test_reports_output_that_is_never_written(rerun: Workspace, traces: dict[str, Trace]) -> None:
    declared = stages(rerun.path)["prepare"]
    more = replace(declared, outs=(*declared.outs, "data/never.csv"))
    assert write_faults(more, traces["prepare"], rerun.path) == [
        "prepare: did not write data/never.csv"
    ]


def test_trace_records_files_rewritten_with_same_bytes(finished: Workspace) -> None:
    run = trace(finished, "featurize")
    assert run.written == {
        str(path.relative_to(finished.path)) for path in finished.path.glob("data/features/*")
    }


def test_reports_opened_file_that_is_no_dep(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    assert read_faults(stages(workspace.path)["prepare"], run) == [
        "prepare: opens models/model.onnx, which is no dep"
    ]


def test_reports_module_loaded_by_computed_name(misbehaviour: tuple[Workspace, Trace]) -> None:
    workspace, run = misbehaviour
    found = import_faults(static(workspace, "prepare"), stages(workspace.path)["prepare"], run)
    assert found == [
        f"prepare: loads src/{problem.name}/evaluation/{name}.py unseen"
        for name in ("__init__", "slices")
    ]


def test_reports_unneeded_data_dep(
    rerun: Workspace, traces: dict[str, Trace], tmp_path: Path
) -> None:
    declared = stages(rerun.path)["featurize"]
    more = replace(declared, deps=(*declared.deps, "data/quarantine.csv"))
    assert needless(rerun, more, traces["featurize"], tmp_path) == ["data/quarantine.csv"]


@pytest.mark.parametrize("missing", [f"src/{problem.name}/evaluation", "data/features"])
def test_stage_fails_without_one_of_its_deps(
    finished_template: Workspace, tmp_path: Path, missing: str
) -> None:
    declared = stages(finished_template.path)["evaluate"]
    less = replace(declared, deps=tuple(dep for dep in declared.deps if dep != missing))
    done = sandbox(finished_template, less, tmp_path / "alone").stage("evaluate", check=False)
    assert done.returncode == 1
    assert Path(missing).stem in done.stderr
