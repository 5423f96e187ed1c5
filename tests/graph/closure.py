"""Checks that each stage's deps are the folders of the code that it imports, and little besides.

If a dep is missing, a change of that file leaves a stale result behind a clean `dvc status`. If a
dep is unnecessary, a change of that file reruns what it cannot have changed. Some of a folder's
files may be unnecessary, if they are a small part of the lines.
"""

from collections.abc import Iterable
from pathlib import Path

from tarmac.interface.problem import SOURCE
from tarmac.repository.imports import PACKAGE, ImportGraph, find_package_folders, has_code
from tests.graph.declared import REQUIREMENTS, Stage, covers, stages


def faults(root: Path) -> list[str]:
    """Return one line for each file that a stage imports but does not declare, or the reverse."""
    imports = ImportGraph(root, find_package_folders(root))
    return [line for stage in stages(root).values() for line in stage_faults(root, stage, imports)]


def stage_faults(root: Path, stage: Stage, imports: ImportGraph) -> list[str]:
    """The faults of one stage's code deps, and of its requirements."""
    imported = {str(path.relative_to(root)) for path in _imported(stage, imports)}
    code = [dep for dep in stage.deps if covers([SOURCE], dep)]
    declared = {path for dep in code for path in _python_files(root, dep)}
    lines = [f"{stage.name}: {path} is imported and no dep" for path in sorted(imported - declared)]
    unused = [dep for dep in code if not _python_files(root, dep) & imported]
    lines += [f"{stage.name}: {dep} is a dep and nothing of it is imported" for dep in unused]
    lines += [
        f"{stage.name}: dep {dep} is in another dep"
        for dep in code
        if covers(set(code) - {dep}, dep)
    ]
    if REQUIREMENTS not in stage.deps:
        lines.append(f"{stage.name}: {REQUIREMENTS} is no dep")
    return lines


def over_declared(root: Path, stage: Stage, imports: ImportGraph) -> float:
    """Return the share of unnecessary code in a stage's deps.

    It is the lines that the stage declares and does not import, divided by those that it imports.
    """
    imported = _imported(stage, imports)
    code = [dep for dep in stage.deps if covers([SOURCE], dep)]
    declared = {root / path for dep in code for path in _python_files(root, dep)}
    unused = [path for path in declared - imported if has_code(path)]
    return _lines(unused) / _lines(imported)


def _imported(stage: Stage, imports: ImportGraph) -> set[Path]:
    return {
        path
        for path in imports.find_imported_files([f"{PACKAGE}.pipeline.{stage.name}.stage"])
        if has_code(path)
    }


def _lines(paths: Iterable[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)


def _python_files(root: Path, dep: str) -> set[str]:
    path = root / dep
    files = path.rglob("*.py") if path.is_dir() else [path] if path.is_file() else []
    return {str(file.relative_to(root)) for file in files}
