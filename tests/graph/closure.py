"""Checks that each stage's deps are exactly the code that it imports: no more, no less.

A dep too few, and a change of that file leaves a stale result behind a clean `dvc status`. A dep too many, and a change
of that file reruns what it cannot have changed.
"""

from pathlib import Path

from tarmac.closure import PACKAGE, SOURCE, Imports
from tests.graph.declared import REQUIREMENTS, Stage, covers, stages


def faults(root: Path) -> list[str]:
    """One line for each file that a stage imports and does not declare, or declares and does not import."""
    imports = Imports(root)
    return [line for stage in stages(root).values() for line in stage_faults(root, stage, imports)]


def stage_faults(root: Path, stage: Stage, imports: Imports) -> list[str]:
    """The faults of one stage's code deps, and of its requirements."""
    files = imports.closure([f"{PACKAGE}.stages.{stage.name}"])
    imported = {str(path.relative_to(root)) for path in files}
    code = [dep for dep in stage.deps if covers([SOURCE], dep)]
    declared = {path for dep in code for path in _python_files(root, dep)}
    lines = [f"{stage.name}: {path} is imported and no dep" for path in sorted(imported - declared)]
    lines += [f"{stage.name}: {path} is a dep and not imported" for path in sorted(declared - imported)]
    lines += [f"{stage.name}: dep {dep} holds no Python file" for dep in code if not _python_files(root, dep)]
    lines += [f"{stage.name}: dep {dep} is in another dep" for dep in code if covers(set(code) - {dep}, dep)]
    if REQUIREMENTS not in stage.deps:
        lines.append(f"{stage.name}: {REQUIREMENTS} is no dep")
    return lines


def _python_files(root: Path, dep: str) -> set[str]:
    path = root / dep
    files = path.rglob("*.py") if path.is_dir() else [path] if path.is_file() else []
    return {str(file.relative_to(root)) for file in files}
