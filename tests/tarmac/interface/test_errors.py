"""An error that the user can fix is a message with a hint.

Any other exception keeps its traceback.
"""

import ast
import subprocess
import sys

import pytest

from tarmac.interface.errors import DEBUG, UserError, exit_on_user_error, format_error
from tests.conftest import ROOT

TARMAC = [sys.executable, "-c", "from tarmac.cli import app; app()"]


def test_formats_each_mistake_and_then_the_hints() -> None:
    error = UserError("a.csv: no column x\n  y, z\nb.csv: empty", "make ingest\nmake run")
    assert format_error(error).splitlines() == [
        "error: a.csv: no column x",
        "  y, z",
        "error: b.csv: empty",
        "hint: make ingest",
        "hint: make run",
    ]
    assert str(error) == "a.csv: no column x\n  y, z\nb.csv: empty"
    assert format_error(UserError()) == "error:"


def test_exits_with_the_message_of_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEBUG, raising=False)
    with pytest.raises(SystemExit) as caught, exit_on_user_error():
        raise UserError("no column x", "name another")
    assert caught.value.code == "error: no column x\nhint: name another"


def test_keeps_the_traceback_of_a_user_error_in_debug_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(UserError, match="no column x"), exit_on_user_error():
        raise UserError("no column x")


@pytest.mark.parametrize("error", [ValueError, KeyError, OSError, RuntimeError])
def test_does_not_catch_a_bug(error: type[Exception]) -> None:
    with pytest.raises(error), exit_on_user_error():
        raise error("bug")


def test_every_error_class_of_the_source_is_a_user_error() -> None:
    """`ValueError` is what a bug of NumPy or pandas raises, and is the base of none of ours."""
    bases = {}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                bases[node.name] = {ast.unparse(base) for base in node.bases}
    assert len(bases) > 40
    others = {
        name for name, names in bases.items() if not names & {"UserError", "Exception", *bases}
    }
    assert others == set()
    assert {name for name, names in bases.items() if names == {"Exception"}} <= {
        "UserError",
        "SurplusError",
        "BadObjectError",
    }


@pytest.mark.program
@pytest.mark.parametrize(("options", "traceback"), [([], False), (["--debug"], True)])
def test_command_shows_a_traceback_only_on_request(options: list[str], traceback: bool) -> None:
    done = subprocess.run(
        [*TARMAC, *options, "review", "--base", "nonsense"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) is traceback
    assert traceback or done.stderr.startswith("error: ")
