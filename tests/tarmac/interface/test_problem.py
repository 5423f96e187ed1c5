"""The problem is found by the name in `pyproject.toml`, and loaded role by role."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tarmac.interface import problem as module
from tarmac.interface.problem import (
    PROJECT,
    ROLES,
    Problem,
    ProblemError,
    parse_problem_name,
    problem,
    read_problem_name,
)
from tests.conftest import ROOT

NAMED = '[tool.tarmac]\nproblem = "{}"\n'
CODE = """
import sys
from tarmac.interface.problem import problem
{}
print(*sorted(name for name in sys.modules if "found" in name))
"""


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """A repository whose problem is called `found`, with two roles."""
    for path in ("contract/columns.py", "card/words.py"):
        (tmp_path / "src/found" / path).parent.mkdir(parents=True)
        (tmp_path / "src/found" / path).write_text("NAME = __name__\n")
    (tmp_path / PROJECT).write_text(NAMED.format("found"))
    return tmp_path


def loaded(folder: Path, code: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run code with this machinery, and a problem elsewhere."""
    env = {"PYTHONPATH": f"{folder / 'src'}:{ROOT / 'src'}"}
    command = [sys.executable, "-c", CODE.format(code)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_shipped_problem_has_every_role() -> None:
    for role in ROLES:
        assert getattr(problem, role).__name__ == f"{problem.name}.{ROLES[role]}"


@pytest.mark.program
def test_a_role_is_loaded_when_it_is_first_used(found: Path) -> None:
    assert loaded(found, "problem.name").stdout == "\n"
    done = loaded(found, "assert problem.card.NAME == 'found.card.words'")
    assert done.stdout == "found found.card found.card.words\n", done.stderr


@pytest.mark.program
def test_import_path_takes_precedence_over_working_directory(found: Path) -> None:
    assert "found.card" in loaded(found, "problem.card", cwd=ROOT).stdout
    assert "found.card" not in loaded(ROOT, "problem.card", cwd=found).stdout


def test_is_found_above_the_working_directory(found: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(found / "deep/er")
    monkeypatch.setattr(module.sys, "path", ["/nowhere/lib"])
    assert Problem().name == "found"
    assert module.sys.path == ["/nowhere/lib", str(found / "src")]


@pytest.mark.program
def test_error_of_missing_role_names_its_module(found: Path) -> None:
    done = loaded(found, "problem.raw")
    assert done.stderr.splitlines()[-1].endswith(
        "ProblemError: the problem has no module found.tables.raw, which is its role raw"
    )


@pytest.mark.program
def test_reports_package_that_role_fails_to_import(found: Path) -> None:
    (found / "src/found/card/words.py").write_text("import nowhere\n")
    assert (
        loaded(found, "problem.card").stderr.splitlines()[-1]
        == "ModuleNotFoundError: No module named 'nowhere'"
    )


def test_rejects_unknown_role() -> None:
    with pytest.raises(
        AttributeError, match="a problem has no role cards: the roles are contract, "
    ):
        problem.cards  # noqa: B018


def test_error_of_missing_problem_name_says_where_to_set_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module.sys, "path", [])
    with pytest.raises(ProblemError, match=r"no pyproject\.toml .* names the problem") as caught:
        Problem().name  # noqa: B018
    assert '[tool.tarmac] problem = "..."' in caught.value.hint


NAMELESS = ["", "[tool]\n", "[tool.tarmac]\nproblem = 1\n", *map(NAMED.format, ("", "../x", "a.b"))]


@pytest.mark.parametrize("text", NAMELESS)
def test_name_is_none_unless_it_is_valid_package_name(text: str) -> None:
    assert parse_problem_name(text) is None


ALLOWED = ("tarmac.interface", "tarmac.tabular")


def foreign(path: Path) -> list[str]:
    """What a module of a problem imports of the machinery beyond what it may."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    found = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    found += [
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    return [name for name in found if name.startswith("tarmac") and not name.startswith(ALLOWED)]


def test_problem_imports_only_interface_and_tabular_package() -> None:
    files = sorted(problem.folder.rglob("*.py"))
    assert len(files) > len(ROLES)
    assert {file.name: foreign(file) for file in files if foreign(file)} == {}


@pytest.mark.parametrize(
    "line",
    ["import tarmac.policy", "from tarmac import review", "from tarmac.pipeline.base import x"],
)
def test_import_check_detects_other_framework_modules(tmp_path: Path, line: str) -> None:
    (tmp_path / "module.py").write_text(f"def late():\n    {line}\n")
    assert len(foreign(tmp_path / "module.py")) == 1


def test_reports_pyproject_with_merge_conflict_markers() -> None:
    with pytest.raises(ProblemError, match=r"^pyproject\.toml cannot be read: .*line 1"):
        parse_problem_name("<<<<<<< HEAD\n")


def test_rejects_pyproject_that_is_no_text(found: Path) -> None:
    (found / PROJECT).write_bytes(b'[tool.tarmac]\nproblem = "f\xe9"\n')
    with pytest.raises(ProblemError, match=r"pyproject\.toml cannot be read: .+") as caught:
        read_problem_name(found)
    assert "`git restore pyproject.toml`" in caught.value.hint


@pytest.mark.program
def test_reports_missing_package_named_in_pyproject(found: Path) -> None:
    (found / PROJECT).write_text(NAMED.format("gone"))
    done = loaded(found, "problem.folder")
    error = "ProblemError: src has no package gone, which pyproject.toml names as the problem"
    assert done.stderr.splitlines()[-1].endswith(error)
