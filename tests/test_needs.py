"""Tests declare what they need, and a test without a declared need starts no program but Git."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.needs import LONG

pytestmark = pytest.mark.program

TESTS = """
import subprocess
import pytest

def test_plain():
    pass

def test_asks_git():
    subprocess.run(["git", "--version"], check=True)

def test_starts_a_program():
    subprocess.run(["true"], check=True)

@pytest.fixture
def started():
    subprocess.run(["true"], check=True)

def test_starts_a_program_in_a_fixture(started):
    pass

@pytest.mark.program
def test_says_that_it_starts_one():
    subprocess.run(["true"], check=True)

@pytest.fixture
def github():
    pass

def test_needs_a_server_by_its_fixture(github):
    subprocess.run(["true"], check=True)

@pytest.mark.misspelt
def test_has_a_marker_that_nobody_knows():
    pass
"""


def outcomes(folder: Path, *options: str, text: str = TESTS) -> dict[str, str]:
    (folder / "test_some.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.needs",
        "--disable-plugin-autoload",
        "-v",
        *options,
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("test_some.py::")]
    return {line[0].partition("::")[2].removeprefix("test_"): line[1] for line in lines}


def test_quick_tests_have_no_need_and_start_only_git(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "-m", "quick", "-k", "not nobody") == {
        "plain": "PASSED",
        "asks_git": "PASSED",
        "starts_a_program": "FAILED",
        "starts_a_program_in_a_fixture": "FAILED",
    }


def test_declared_tests_may_start_programs(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "-m", "not quick") == {
        "says_that_it_starts_one": "PASSED",
        "needs_a_server_by_its_fixture": "PASSED",
    }


def test_unknown_marker_stops_the_run(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "--strict-markers") == {}


def test_files_that_are_started_first_exist():
    names = LONG.split()
    assert [name for name in names if not (ROOT / "tests" / f"{name}.py").is_file()] == []
    assert len(set(names)) == len(names) > 10
