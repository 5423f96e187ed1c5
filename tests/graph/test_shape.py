"""The size and form of `dvc.yaml`: a person reads it whole, and a stage runs this checkout's code and no other."""

import pytest

from tests.conftest import ROOT, Workspace
from tests.graph.declared import locked, stages

MOST_LINES, MOST_PATHS, MOST_FILES = 90, 9, 100  # of dvc.yaml; of code, in a stage; in a folder


def test_the_pipeline_can_be_read_in_one_sitting() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) < MOST_LINES


@pytest.mark.parametrize("name", stages(ROOT))
def test_a_stage_depends_on_few_folders_of_code_each_of_them_whole(name: str) -> None:
    code = [ROOT / dep for dep in stages(ROOT)[name].deps if dep.startswith("src/")]
    assert 0 < len(code) <= MOST_PATHS
    assert [path for path in code if not path.is_dir()] == []


@pytest.mark.parametrize("name", stages(ROOT))
def test_a_stage_says_what_it_does(name: str) -> None:
    assert len(stages(ROOT)[name].desc.split()) > 3


@pytest.mark.parametrize("name", stages(ROOT))
def test_a_stage_runs_the_code_beside_its_dvc_yaml_and_not_the_installed_one(name: str) -> None:
    assert stages(ROOT)[name].cmd == f"PYTHONPATH=src python -m tarmac.pipeline.{name}.stage"


def test_every_stage_module_with_a_main_is_in_the_pipeline() -> None:
    paths = (ROOT / "src/tarmac/pipeline").rglob("*.py")
    assert {path.parent.name for path in paths if "\ndef main(" in path.read_text()} == set(stages(ROOT))


def test_no_two_stages_write_the_same_path_and_all_that_is_locked_is_declared() -> None:
    written = [path for stage in stages(ROOT).values() for path in stage.writes]
    assert len(set(written)) == len(written)
    assert sorted(out["path"] for stage in locked(ROOT).values() for out in stage["outs"]) == sorted(written)


def test_no_output_folder_of_the_committed_result_holds_more_files_than_a_person_can_look_at() -> None:
    folders = [out for stage in locked(ROOT).values() for out in stage["outs"] if out["md5"].endswith(".dir")]
    assert len(folders) >= 4
    assert [out["path"] for out in folders if out["nfiles"] >= MOST_FILES] == []


def test_no_output_folder_of_a_small_run_holds_more_files_than_a_person_can_look_at(
    finished_template: Workspace,
) -> None:
    outs = [finished_template.path / out for stage in stages(finished_template.path).values() for out in stage.outs]
    counts = {out: sum(1 for path in out.rglob("*") if path.is_file()) for out in outs if out.is_dir()}
    assert all(0 < count < MOST_FILES for count in counts.values()), counts
