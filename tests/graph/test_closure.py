"""Code deps of each stage match its imports.

So a code change reruns exactly the affected stages.
"""

from pathlib import Path

import pytest

from tarmac.interface.problem import problem
from tarmac.repository.imports import ImportGraph, find_package_folders
from tarmac.repository.imports import find_imported_files as imported
from tarmac.testing import stage_deps
from tarmac.testing.pipeline_file import REQUIREMENTS, stages
from tests.conftest import ROOT, copy_repository
from tests.graph import closure
from tests.graph.plant import append, change_list, edit

PROBLEM = f"src/{problem.name}"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository's files to plant a fault in."""
    return copy_repository(tmp_path / "copy").path


def test_declared_code_deps_match_imports() -> None:
    assert stage_deps.list_faults(ROOT) == []


def test_unmodified_copy_has_no_faults(copy: Path) -> None:
    assert stage_deps.list_faults(copy) == []


@pytest.mark.parametrize("stage", stages(ROOT))
def test_closure_of_stage_includes_its_own_module(stage: str) -> None:
    assert f"src/tarmac/pipeline/{stage}/stage.py" in imported(
        ROOT, f"tarmac.pipeline.{stage}.stage"
    )


SCORER = [f"src/tarmac/pipeline/models/{name}.py" for name in ("scorer", "session")]


@pytest.mark.parametrize(
    "planted",
    [
        "from tarmac.pipeline.models import scorer",
        "from tarmac.pipeline.models.scorer import Scorer",
        "import tarmac.pipeline.models.scorer as judge",
        "from ..models import scorer",
        "from ..models.scorer import Scorer",
        "def late():\n    from tarmac.pipeline.models.scorer import Scorer",
        "if False:\n    import json, tarmac.pipeline.models.scorer",
        (
            "class Late:\n    def load(self):\n        with self:\n"
            "            import tarmac.pipeline.models.scorer"
        ),
    ],
)
def test_reports_undeclared_import_in_any_syntax(copy: Path, planted: str) -> None:
    append(copy, "src/tarmac/pipeline/prepare/stage.py", f"\n\n{planted}\n")
    assert stage_deps.list_faults(copy) == [
        f"prepare: {path} is imported and no dep" for path in SCORER
    ]


def test_reports_undeclared_transitive_import(copy: Path) -> None:
    append(
        copy, "src/tarmac/pipeline/engine/duckdb.py", "\nfrom tarmac.reporting import markdown\n"
    )
    readers = ("prepare", "featurize", "online")
    path = "src/tarmac/reporting/markdown.py"
    assert stage_deps.list_faults(copy) == [
        f"{stage}: {path} is imported and no dep" for stage in readers
    ]


def test_reports_undeclared_import_in_parent_package_init(copy: Path) -> None:
    path = "src/tarmac/pipeline/metrics/__init__.py"
    append(
        copy, path, "\nfrom tarmac.interface.problem import problem\nTITLE = problem.card.TITLE\n"
    )
    found = [line for line in stage_deps.list_faults(copy) if line.startswith("evaluate: ")]
    assert found == [f"evaluate: {PROBLEM}/card/words.py is imported and no dep"]


def test_reports_undeclared_parent_package_that_has_code(copy: Path) -> None:
    append(copy, "src/tarmac/pipeline/__init__.py", "\nSEED = 3\n")
    path = "src/tarmac/pipeline/__init__.py"
    assert stage_deps.list_faults(copy) == [
        f"{stage}: {path} is imported and no dep" for stage in stages(copy)
    ]


def test_ignores_imports_of_similarly_named_packages(copy: Path) -> None:
    append(
        copy,
        "src/tarmac/pipeline/prepare/stage.py",
        "\nimport tarmacadam.cli\nfrom other.tarmac import cli\n",
    )
    assert stage_deps.list_faults(copy) == []


def test_reports_removed_dep(copy: Path) -> None:
    change_list(copy, "evaluate", "deps", drop=f"{PROBLEM}/evaluation")
    files = [f"{PROBLEM}/evaluation/{name}.py" for name in ("behaviour", "slices")]
    assert stage_deps.list_faults(copy) == [
        f"evaluate: {file} is imported and no dep" for file in files
    ]


@pytest.mark.parametrize(
    "path",
    ["src/tarmac/cli/run_and_compare.py", "src/tarmac/pipeline/training", "src/tarmac/review"],
)
def test_reports_dep_that_is_never_imported(copy: Path, path: str) -> None:
    change_list(copy, "evaluate", "deps", add=path)
    assert f"evaluate: {path} is a dep and nothing of it is imported" in stage_deps.list_faults(
        copy
    )


@pytest.mark.parametrize("stage", stages(ROOT))
def test_stage_declares_little_code_that_it_does_not_import(stage: str) -> None:
    share = closure.over_declared(
        ROOT, stages(ROOT)[stage], ImportGraph(ROOT, find_package_folders(ROOT))
    )
    print(f"{stage}: {share:.1%} of the lines that it imports are declared beside them")
    assert share < 0.15


def test_unimported_code_in_dep_raises_over_declared_share(copy: Path) -> None:
    train = stages(copy)["train"]
    before = closure.over_declared(copy, train, ImportGraph(copy, find_package_folders(copy)))
    (copy / "src/tarmac/pipeline/models/more.py").write_text("x = 0\n" * 400)
    assert (
        closure.over_declared(copy, train, ImportGraph(copy, find_package_folders(copy)))
        > before + 0.1
    )


def test_reports_dep_whose_import_was_removed(copy: Path) -> None:
    stage = copy / "src/tarmac/pipeline/evaluate/stage.py"
    stage.write_text(
        stage.read_text().replace("problem.slices", "none").replace("problem.behaviour", "none")
    )
    assert stage_deps.list_faults(copy) == [
        f"evaluate: {PROBLEM}/evaluation is a dep and nothing of it is imported"
    ]


def test_role_access_counts_as_import_of_its_module(copy: Path) -> None:
    append(
        copy,
        "src/tarmac/pipeline/prepare/stage.py",
        "\n\ndef late():\n    return problem.card.TITLE\n",
    )
    assert stage_deps.list_faults(copy) == [
        f"prepare: {PROBLEM}/card/words.py is imported and no dep"
    ]


def test_reports_old_and_new_deps_after_problem_is_renamed(copy: Path) -> None:
    (copy / PROBLEM).rename(copy / "src/elsewhere")
    edit(copy, "pyproject.toml", f'problem = "{problem.name}"', 'problem = "elsewhere"')
    found = stage_deps.list_faults(copy)
    assert "prepare: src/elsewhere/contract/columns.py is imported and no dep" in found
    assert f"prepare: {PROBLEM}/contract is a dep and nothing of it is imported" in found


def test_reports_nonexistent_dep(copy: Path) -> None:
    change_list(copy, "train", "deps", add="src/tarmac/gone.py")
    assert stage_deps.list_faults(copy) == [
        "train: src/tarmac/gone.py is a dep and nothing of it is imported"
    ]


def test_reports_dep_nested_in_another_dep(copy: Path) -> None:
    change_list(copy, "train", "deps", add="src/tarmac/pipeline/models/scorer.py")
    assert stage_deps.list_faults(copy) == [
        "train: dep src/tarmac/pipeline/models/scorer.py is in another dep"
    ]


def test_reports_stage_without_locked_requirements(copy: Path) -> None:
    change_list(copy, "featurize", "deps", drop=REQUIREMENTS)
    assert stage_deps.list_faults(copy) == [f"featurize: {REQUIREMENTS} is no dep"]
