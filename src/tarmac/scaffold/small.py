"""Write what the tests of the pipeline must know of a problem.

This is its small workspace, which is all of its data.
"""

import shutil
from pathlib import Path

from tarmac.scaffold.infer import InferredProblem

TESTS = Path("tests")
TEXT = '''"""Data and settings of the small workspace that the tests of this problem use."""

import shutil
from pathlib import Path

SHIPPED = False  # tests that speak of what the repository came with are left out
# Settings of the small workspace, another value of each, the stages that read it,
# and all that its change reruns.
CHANGES: list[tuple[str, object, set[str], set[str]]] = [
{changes}
]


def write_raw(whole: Path, target: Path) -> None:
    """Write a small `data/raw` of the whole one: all of it. \
Take fewer rows where the tests take long."""
    shutil.copytree(whole, target, dirs_exist_ok=True)


def quicker(params: dict) -> None:
    """Change the parameters to ones that run in seconds, and that no test changes to."""
    params["train"].update(max_rounds=30, early_stopping_rounds=10)
    params["train"]["xgboost"].update(learning_rate=0.3, max_depth=6)
    params["evaluate"].update(importance_rows=200)
'''
STAGES = ("baseline", "train", "evaluate", "online", "card")  # in the order of the pipeline


def replace_tests(inferred: InferredProblem, old: str, new: str) -> None:
    """Replace the tests of the old problem. Does nothing where the repository has no tests."""
    if not (TESTS / old).is_dir():
        return
    shutil.rmtree(TESTS / old)
    folder = TESTS / new
    folder.mkdir(exist_ok=True)  # bytecode of another try
    name, value = (
        ("split.train.first", _find_second_month(inferred)) if inferred.day else ("split.seed", 8)
    )
    read = {"baseline", "train", "online", "card" if inferred.day else "evaluate"}
    sets = f"{_format_set(read)}, {_format_set(set(STAGES))}"
    change = f"    ({_format_literal(name)}, {_format_literal(value)}, {sets}),"
    (folder / "__init__.py").write_text('"""Tests of the problem."""\n', encoding="utf-8")
    (folder / "small.py").write_text(TEXT.replace("{changes}", change), encoding="utf-8")


def _find_second_month(inferred: InferredProblem) -> str:
    return str(sorted(inferred.rows[inferred.day].str[:7].unique())[1])


def _format_literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _format_set(names: set[str]) -> str:
    return "{" + ", ".join(f'"{name}"' for name in STAGES if name in names) + "}"
