"""The code deps of each stage are its imports: a change of code reruns what it can change, and nothing else."""

from pathlib import Path

import pytest

from tarmac.closure import closure as imported
from tests.conftest import ROOT, copy_repository
from tests.graph import closure
from tests.graph.declared import REQUIREMENTS, stages
from tests.graph.plant import append, change_list, edit


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository's files to plant a fault in."""
    return copy_repository(tmp_path / "copy").path


def test_a_change_of_code_reruns_exactly_the_stages_that_import_it() -> None:
    assert closure.faults(ROOT) == []


def test_the_copies_that_get_a_fault_planted_have_none_before(copy: Path) -> None:
    assert closure.faults(copy) == []


@pytest.mark.parametrize("stage", stages(ROOT))
def test_the_closure_of_a_stage_begins_with_its_own_module(stage: str) -> None:
    assert f"src/tarmac/stages/{stage}.py" in imported(ROOT, f"tarmac.stages.{stage}")


SCORER = [f"src/tarmac/model/{name}.py" for name in ("__init__", "scorer", "session")]


@pytest.mark.parametrize(
    "planted",
    [
        "from tarmac.model import scorer",
        "from tarmac.model.scorer import Scorer",
        "import tarmac.model.scorer as judge",
        "from ..model import scorer",
        "from ..model.scorer import Scorer",
        "def late():\n    from tarmac.model.scorer import Scorer",
        "if False:\n    import json, tarmac.model.scorer",
        "class Late:\n    def load(self):\n        with self:\n            import tarmac.model.scorer",
    ],
)
def test_an_undeclared_import_is_found_however_it_is_written(copy: Path, planted: str) -> None:
    append(copy, "src/tarmac/stages/prepare.py", f"\n\n{planted}\n")
    assert closure.faults(copy) == [f"prepare: {path} is imported and no dep" for path in SCORER]


def test_an_undeclared_import_is_found_behind_a_declared_one(copy: Path) -> None:
    append(copy, "src/tarmac/engine/duckdb.py", "\nfrom tarmac import validation\n")
    readers = ("featurize", "state")
    assert closure.faults(copy) == [f"{stage}: src/tarmac/validation.py is imported and no dep" for stage in readers]


def test_an_import_in_the_file_of_a_parent_package_is_found(copy: Path) -> None:
    behind = imported(copy, "tarmac.problem.clean") - imported(copy, "tarmac.stages.evaluate")
    append(copy, "src/tarmac/evaluation/__init__.py", "\nfrom . import curves\nfrom tarmac.problem import clean\n")
    found = [line for line in closure.faults(copy) if line.startswith("evaluate: ")]
    assert "src/tarmac/problem/clean.py" in behind
    assert found == [f"evaluate: {path} is imported and no dep" for path in sorted(behind)]


def test_a_name_of_another_package_is_no_import_of_this_one(copy: Path) -> None:
    append(copy, "src/tarmac/stages/prepare.py", "\nimport tarmacadam.cli\nfrom other.tarmac import cli\n")
    assert closure.faults(copy) == []


def test_a_dropped_dep_is_found(copy: Path) -> None:
    change_list(copy, "evaluate", "deps", drop="src/tarmac/problem/slices.py")
    assert closure.faults(copy) == ["evaluate: src/tarmac/problem/slices.py is imported and no dep"]


@pytest.mark.parametrize("path", ["src/tarmac/cli/daily.py", "src/tarmac/model/export.py"])
def test_a_dep_that_is_not_imported_is_found(copy: Path, path: str) -> None:
    change_list(copy, "evaluate", "deps", add=path)
    assert closure.faults(copy) == [f"evaluate: {path} is a dep and not imported"]


def test_a_folder_that_covers_more_than_is_imported_is_found(copy: Path) -> None:
    change_list(copy, "train", "deps", add="src/tarmac/evaluation")
    names = sorted(path.stem for path in (copy / "src/tarmac/evaluation").glob("*.py"))
    assert len(names) > 5
    assert closure.faults(copy) == [
        f"train: src/tarmac/evaluation/{name}.py is a dep and not imported" for name in names
    ]


def test_an_import_that_is_gone_leaves_a_dep_that_is_found(copy: Path) -> None:
    edit(
        copy,
        "src/tarmac/stages/evaluate.py",
        "from tarmac.problem.slices import slices as slices_of",
        "slices_of = None",
    )
    assert closure.faults(copy) == ["evaluate: src/tarmac/problem/slices.py is a dep and not imported"]


def test_a_dep_that_does_not_exist_is_found(copy: Path) -> None:
    change_list(copy, "train", "deps", add="src/tarmac/gone.py")
    assert closure.faults(copy) == ["train: dep src/tarmac/gone.py holds no Python file"]


def test_a_dep_within_another_is_found(copy: Path) -> None:
    change_list(copy, "train", "deps", add="src/tarmac/model/scorer.py")
    assert closure.faults(copy) == ["train: dep src/tarmac/model/scorer.py is in another dep"]


def test_a_stage_without_the_locked_requirements_is_found(copy: Path) -> None:
    change_list(copy, "featurize", "deps", drop=REQUIREMENTS)
    assert closure.faults(copy) == [f"featurize: {REQUIREMENTS} is no dep"]
