"""The type checker verifies each module against the role that it implements."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tarmac.interface.problem import PROJECT
from tests.conftest import ROOT

WRONG = 'Argument "{}" to "Roles" has incompatible type Module'
FAULTS = [
    ("card/words.py", "TITLE = ", "HEADING = ", WRONG.format("card")),
    ("contract/columns.py", 'TARGET = "late"', "TARGET = 1", WRONG.format("contract")),
    ("features/table.py", "lookups(known: FeatureInputs)", "lookups()", WRONG.format("features")),
    ("roles.py", "    row=row,\n", "", 'Missing positional argument "row" in call to "Roles"'),
]


@pytest.mark.program
def test_type_checker_reports_missing_or_wrong_role(tmp_path: Path) -> None:
    copy = tmp_path / "flights"
    shutil.copytree(ROOT / "src/flights", copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path, before, after, _ in FAULTS:
        text = (copy / path).read_text()
        assert before in text
        (copy / path).write_text(text.replace(before, after, 1))
    options = [
        "--config-file",
        str(ROOT / PROJECT),
        "--cache-dir",
        str(tmp_path / "cache"),
        str(copy / "roles.py"),
    ]
    env = {"MYPYPATH": f"{tmp_path}:{ROOT / 'src'}"}
    command = [sys.executable, "-m", "mypy", *options]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    for *_, message in FAULTS:
        assert message in done.stdout, done.stdout
