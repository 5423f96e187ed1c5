"""Which share of a stage's deps is code that the stage does not import.

Some of a folder's files may be unnecessary, if they are a small part of the lines.
"""

from collections.abc import Iterable
from pathlib import Path

from tarmac.interface.problem import SOURCE
from tarmac.repository.imports import ImportGraph, has_code
from tarmac.testing.pipeline_file import Stage, covers
from tarmac.testing.stage_deps import find_stage_files, list_python_files


def over_declared(root: Path, stage: Stage, imports: ImportGraph) -> float:
    """Return the share of unnecessary code in a stage's deps.

    It is the lines that the stage declares and does not import, divided by those that it imports.
    """
    imported = find_stage_files(stage, imports)
    code = [dep for dep in stage.deps if covers([SOURCE], dep)]
    declared = {root / path for dep in code for path in list_python_files(root, dep)}
    unused = [path for path in declared - imported if has_code(path)]
    return _lines(unused) / _lines(imported)


def _lines(paths: Iterable[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)
