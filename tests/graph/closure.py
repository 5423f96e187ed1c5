"""Checks that each stage's deps are exactly the code that it imports: no more, no less.

A dep too few, and a change of that file leaves a stale result behind a clean `dvc status`. A dep too many, and a change
of that file reruns what it cannot have changed.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.graph.declared import REQUIREMENTS, Stage, covers, stages

SOURCE = "src"
PACKAGE = "tarmac"


def faults(root: Path) -> list[str]:
    """One line for each file that a stage imports and does not declare, or declares and does not import."""
    return [line for stage in stages(root).values() for line in stage_faults(root, stage)]


def stage_faults(root: Path, stage: Stage) -> list[str]:
    """The faults of one stage's code deps, and of its requirements."""
    imported = closure(root, f"{PACKAGE}.stages.{stage.name}")
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


def closure(root: Path, module: str) -> set[str]:
    """The files of the package that importing a module may load, at once or later, by reading the code alone."""
    waiting, found = [module], set()
    while waiting:
        path = _file(root, waiting.pop())
        if path is None or path in found:
            continue
        found.add(path)
        waiting += _imports(root, path)
    return {str(path.relative_to(root)) for path in found}


def _file(root: Path, module: str) -> Path | None:
    """The file of a module or package; None where the name is no module: `from tarmac.params import load`."""
    stem = root / SOURCE / module.replace(".", "/")
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def _imports(root: Path, path: Path) -> Iterator[str]:
    """Names that may be modules of the package: whatever a file imports anywhere in it, and its own parents."""
    parts = path.relative_to(root / SOURCE).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    yield from _with_parents(name)
    package = name if parts[-1] == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for imported in names:
            yield from _with_parents(imported)


def _base(node: ast.ImportFrom, package: str) -> str:
    """The module that a `from` import names, also where it is relative to the file's package."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _with_parents(module: str) -> Iterator[str]:
    """A name of the package and its parents, whose `__init__.py` Python runs first; nothing of other packages."""
    parts = module.split(".")
    if parts[0] == PACKAGE:
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))
