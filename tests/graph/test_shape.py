"""Size and form of `dvc.yaml`.

It is short enough to read whole, and each stage runs the code of this checkout.
"""

import pytest

from tarmac.testing.pipeline_file import locked, stages
from tests.conftest import ROOT, Workspace

MOST_LINES, MOST_PATHS, MOST_FILES = 90, 9, 100  # of dvc.yaml; of code, in a stage; in a folder


def test_dvc_yaml_stays_below_line_limit() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) < MOST_LINES


@pytest.mark.parametrize("name", stages(ROOT))
def test_stage_depends_on_few_whole_code_folders(name: str) -> None:
    code = [ROOT / dep for dep in stages(ROOT)[name].deps if dep.startswith("src/")]
    assert 0 < len(code) <= MOST_PATHS
    assert [path for path in code if not path.is_dir()] == []


@pytest.mark.parametrize("name", stages(ROOT))
def test_stage_has_a_description(name: str) -> None:
    assert len(stages(ROOT)[name].desc.split()) > 3


@pytest.mark.parametrize("name", stages(ROOT))
def test_stage_command_runs_code_of_this_checkout(name: str) -> None:
    assert stages(ROOT)[name].cmd == f"PYTHONPATH=src python -m tarmac.pipeline.{name}.stage"


def test_every_stage_module_with_a_main_is_in_the_pipeline() -> None:
    paths = (ROOT / "src/tarmac/pipeline").rglob("*.py")
    assert {path.parent.name for path in paths if "\ndef main(" in path.read_text()} == set(
        stages(ROOT)
    )


def test_output_paths_are_unique_and_match_lock() -> None:
    written = [path for stage in stages(ROOT).values() for path in stage.writes]
    assert len(set(written)) == len(written)
    assert sorted(
        out["path"] for stage in locked(ROOT).values() for out in stage["outs"]
    ) == sorted(written)


def test_committed_output_folders_stay_below_file_limit() -> None:
    folders = [
        out
        for stage in locked(ROOT).values()
        for out in stage["outs"]
        if out["md5"].endswith(".dir")
    ]
    assert len(folders) >= 4
    assert [out["path"] for out in folders if out["nfiles"] >= MOST_FILES] == []


def test_small_run_output_folders_stay_below_file_limit(
    finished_template: Workspace,
) -> None:
    outs = [
        finished_template.path / out
        for stage in stages(finished_template.path).values()
        for out in stage.outs
    ]
    counts = {
        out: sum(1 for path in out.rglob("*") if path.is_file()) for out in outs if out.is_dir()
    }
    assert all(0 < count < MOST_FILES for count in counts.values()), counts
