"""What a stage prints at each level of `TARMAC_VERBOSITY`."""

import os
import sys

import pytest
import typer
from typer.core import TyperCommand

from tarmac.cli import application
from tarmac.interface.errors import UserError
from tarmac.pipeline.base.log import VARIABLE, configure_logging
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository's root, with a stage's name as that of the program."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["/somewhere/train/stage.py"])


def print_stage(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, level)
    run_stage(lambda: StageProgress("train").report_step("read", rows=1234, share=0.5))


def test_default_prints_progress_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_stage("", monkeypatch)
    assert capsys.readouterr() == (
        "train     read          rows 1,234  share 0.5000  (0.0 s)\n",
        "",
    )


def test_quiet_prints_nothing_of_a_stage_that_succeeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_stage("quiet", monkeypatch)
    assert capsys.readouterr() == ("", "")


def test_verbose_adds_what_the_stage_costs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_stage("verbose", monkeypatch)
    progress, cost = capsys.readouterr().out.splitlines()
    assert progress.startswith("train     read ")
    assert cost.startswith("train     cost          wall seconds 0.0")


@pytest.mark.parametrize("level", ["", "quiet", "verbose"])
def test_every_level_reports_an_error(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, level)

    def fail() -> None:
        raise UserError("no rows", "add some")

    with pytest.raises(SystemExit) as caught:
        run_stage(fail)
    assert caught.value.code == "error: no rows\nhint: add some"


@pytest.mark.parametrize("level", ["quiet", "verbose"])
def test_option_of_command_sets_level_of_stages(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    context = typer.Context(TyperCommand("tarmac"))
    application.tarmac(context, quiet=level == "quiet", verbose=level == "verbose")
    assert os.environ[VARIABLE] == level


def test_folder_of_the_service_is_not_a_level(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TARMAC_LOG", "predictions")
    print_stage("", monkeypatch)
    assert capsys.readouterr().out.startswith("train     read ")


def test_rejects_unknown_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "quite")
    with pytest.raises(UserError, match="TARMAC_VERBOSITY is 'quite'") as caught:
        configure_logging()
    assert caught.value.hint == "did you mean `quiet`? use quiet or verbose, or unset it"
