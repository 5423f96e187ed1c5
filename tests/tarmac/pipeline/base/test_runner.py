"""Stages as programs: user errors have no traceback, and wrong folders are refused.

Unused packages are not imported.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.runner import run_stage
from tarmac.scaffold.project import write_pinned_wheel
from tests.conftest import ROOT
from tests.e2e.running import STAGES

pytestmark = pytest.mark.program

PROGRAM = {
    name: value for name, value in os.environ.items() if not name.startswith(("DVC", "PYTHON"))
}


@pytest.fixture
def here(monkeypatch):
    """The repository's root, with a stage's name as that of the program."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["/somewhere/train/stage.py"])


def exit_of(main) -> object:
    with pytest.raises(SystemExit) as caught:
        run_stage(main)
    return caught.value.code


def failing(error: Exception):
    def main() -> None:
        raise error

    return main


def test_reports_a_user_error_line_by_line(here):
    assert (
        exit_of(failing(UserError("first\nsecond", "run it")))
        == "error: first\nerror: second\nhint: run it"
    )


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("x"), ValueError("x"), RuntimeError("x"), OSError("x")]
)
def test_error_other_than_user_error_keeps_its_traceback(here, error):
    with pytest.raises(type(error)):
        run_stage(failing(error))


def test_successful_stage_prints_nothing(here, capsys):
    done = []
    run_stage(lambda: done.append(1))
    assert done == [1]
    assert capsys.readouterr() == ("", "")


def test_stage_of_another_checkout_is_refused_before_it_starts(here, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    told = str(exit_of(failing(AssertionError("it must not start"))))
    error, hint = told.splitlines()
    assert error.startswith(f"error: the code of {problem.folder} would run in {tmp_path}")
    assert hint == "hint: run stages with `dvc repro`"


@pytest.mark.parametrize("from_source", [True, False])
def test_installed_framework_runs_unless_folder_has_its_source(
    here, monkeypatch, tmp_path, from_source
):
    (tmp_path / "src" / ("tarmac" if from_source else "other")).mkdir(parents=True)
    monkeypatch.setattr(problem, "folder", tmp_path / "src" / problem.name)
    monkeypatch.chdir(tmp_path)
    done = []
    if from_source:
        told = str(exit_of(lambda: done.append(1)))
        assert told.startswith(
            f"error: the code of {ROOT / 'src' / 'tarmac'} would run in {tmp_path}"
        )
    else:
        (tmp_path / "requirements").mkdir()
        write_pinned_wheel(tmp_path)
        run_stage(lambda: done.append(1))
    assert done == ([] if from_source else [1])


def test_installed_framework_needs_a_pinned_wheel(here, monkeypatch, tmp_path):
    (tmp_path / "src/other").mkdir(parents=True)
    monkeypatch.setattr(problem, "folder", tmp_path / "src" / problem.name)
    monkeypatch.chdir(tmp_path)
    message = str(exit_of(failing(AssertionError("it must not start"))))
    assert message.startswith(f"error: {tmp_path}/requirements/tarmac.txt pins no wheel\nhint: ")


def test_folder_with_same_name_prefix_is_another_checkout(here, monkeypatch, tmp_path):
    twin = ROOT.with_name(ROOT.name + "-2")
    monkeypatch.setattr(Path, "cwd", lambda: twin)
    assert "would run in" in str(exit_of(failing(AssertionError("it must not start"))))


def test_stage_runs_in_checkout_reached_by_link(here, monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to(ROOT)
    monkeypatch.chdir(tmp_path / "link")
    done = []
    run_stage(lambda: done.append(1))
    assert done == [1]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_refuses_other_folder_and_writes_nothing(tmp_path, stage):
    command = [sys.executable, "-m", f"tarmac.pipeline.{stage}.stage"]
    done = subprocess.run(
        command, cwd=tmp_path, env=PROGRAM, check=False, capture_output=True, text=True
    )
    told, hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert told.startswith("error: the code of ")
    assert hint == "hint: run stages with `dvc repro`"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stage", "unused"),
    [
        ("prepare", ("sklearn", "xgboost", "onnxruntime", "skl2onnx", "dvclive")),
        ("featurize", ("pandera", "sklearn", "xgboost", "onnxruntime", "skl2onnx", "dvclive")),
        ("baseline", ("pandera", "ibis", "duckdb", "xgboost", "dvclive")),
        ("train", ("pandera", "ibis", "duckdb")),
        ("evaluate", ("pandera", "ibis", "duckdb", "xgboost", "skl2onnx", "onnxmltools")),
    ],
)
def test_stage_does_not_import_unused_packages(stage, unused):
    code = f"import sys, tarmac.pipeline.{stage}.stage; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=PROGRAM, check=True, capture_output=True
    )
    loaded = set(done.stdout.decode().split())
    assert f"tarmac.pipeline.{stage}.stage" in loaded
    assert not loaded & set(unused)
