"""Print the test files that the changes since the merge base can affect: `python -m tests.changed`.

A test is affected by the modules that it imports, directly or not, by the conftest files above it,
and by files whose name, or whose folder's name, stands quoted in the code of the tests. Programs
that a test starts are not followed.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tarmac.interface.problem import read_problem_name
from tarmac.repository import git
from tarmac.repository.imports import ImportGraph, find_package_folders

ROOT = Path(__file__).resolve().parents[1]
EVERYTHING = (
    "pyproject.toml",
    "requirements/",
    "tests/conftest.py",
    "tests/__init__.py",
    "tests/needs.py",
)


def affected(root: Path, changed: Iterable[str]) -> list[str]:
    """Return the test files of a repository that some changed paths can affect, sorted."""
    changed = set(changed)
    imports = ImportGraph(root, {**find_package_folders(root), "tests": root})
    whole = (*EVERYTHING, f"{small(root).replace('.', '/')}.py")
    paths = root.glob("tests/**/test_*.py")
    tests = {str(path.relative_to(root)): imported(imports, root, path) for path in paths}
    if any(path.startswith(whole) for path in changed):
        return sorted(tests)
    code = {file for files in tests.values() for file in files if file.startswith("tests/")}
    texts = {file: (root / file).read_text() for file in code}

    def is_affected(files: set[str]) -> bool:
        return bool(files & changed) or mentions(files, texts, changed)

    return sorted(test for test, files in tests.items() if is_affected(files))


def imported(imports: ImportGraph, root: Path, test: Path) -> set[str]:
    """Return the files that a test file imports, and those of the conftest files above it."""
    folders = [parent for parent in test.parents if (root / "tests") in (parent, *parent.parents)]
    names = [".".join(folder.relative_to(root).parts) for folder in folders]
    module = ".".join(test.relative_to(root).with_suffix("").parts)
    files = imports.find_imported_files(
        [module, small(root), *(f"{name}.conftest" for name in names)]
    )
    return {str(path.relative_to(root)) for path in files}


def small(root: Path) -> str:
    """Return the name of the module that describes the problem to the tests.

    `tests/conftest.py` imports it by its name.
    """
    return f"tests.{read_problem_name(root)}.small"


def mentions(files: Iterable[str], texts: Mapping[str, str], changed: Iterable[str]) -> bool:
    """Return whether test code names a changed file outside the tests, or a folder of it."""
    code = "\n".join(texts[file] for file in files if file in texts and file != "tests/conftest.py")
    others = [Path(path) for path in changed if not path.startswith("tests/")]
    return any(f'"{part}' in code or f'{part}"' in code for path in others for part in path.parts)


if __name__ == "__main__":
    base = git.find_merge_base()
    print("\n".join(affected(ROOT, git.list_changed_paths(base or "HEAD"))), file=sys.stdout)
