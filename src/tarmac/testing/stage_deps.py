"""Compare the deps of each stage with the code that the stage imports.

If a dep is missing, a change of that file leaves an old result behind a clean `dvc status`. If a
dep is unnecessary, a change of that file reruns what it cannot have changed.
"""

from pathlib import Path

from tarmac.interface.problem import SOURCE
from tarmac.pipeline.base.paths import WHEEL_PIN
from tarmac.repository.imports import PACKAGE, ImportGraph, find_package_folders, has_code
from tarmac.testing.pipeline_file import REQUIREMENTS, Stage, covers, stages


def list_faults(root: Path) -> list[str]:
    """Return one line for each file that a stage imports but does not declare, or the reverse."""
    imports = ImportGraph(root, find_package_folders(root))
    return [
        line for stage in stages(root).values() for line in list_stage_faults(root, stage, imports)
    ]


def list_stage_faults(root: Path, stage: Stage, imports: ImportGraph) -> list[str]:
    """Return the faults of one stage's code deps, and of its requirements."""
    imported = {
        str(path.relative_to(root))
        for path in find_stage_files(stage, imports)
        if path.is_relative_to(root)
    }
    code = [dep for dep in stage.deps if covers([SOURCE], dep)]
    declared = {path for dep in code for path in list_python_files(root, dep)}
    lines = [f"{stage.name}: {path} is imported and no dep" for path in sorted(imported - declared)]
    unused = [dep for dep in code if not list_python_files(root, dep) & imported]
    lines += [f"{stage.name}: {dep} is a dep and nothing of it is imported" for dep in unused]
    lines += [
        f"{stage.name}: dep {dep} is in another dep"
        for dep in code
        if covers(set(code) - {dep}, dep)
    ]
    required = [REQUIREMENTS]
    if not (root / SOURCE / PACKAGE).is_dir():
        required.append(str(WHEEL_PIN))
    lines += [f"{stage.name}: {name} is no dep" for name in required if name not in stage.deps]
    return lines


def find_stage_files(stage: Stage, imports: ImportGraph) -> set[Path]:
    """Return the files with code that a stage may import."""
    module = f"{PACKAGE}.pipeline.{stage.name}.stage"
    return {path for path in imports.find_imported_files([module]) if has_code(path)}


def list_python_files(root: Path, dep: str) -> set[str]:
    """Return the Python files of a dep, which is a folder or a file."""
    path = root / dep
    files = path.rglob("*.py") if path.is_dir() else [path] if path.is_file() else []
    return {str(file.relative_to(root)) for file in files}
