"""The code that a module may load, by reading it alone: what a stage of `dvc.yaml` has to declare."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

PACKAGE, SOURCE = "tarmac", "src"


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


def covered(root: Path, files: Collection[str]) -> list[str]:
    """The same files in fewer words: a folder stands for all of its code, where all of it is among them."""
    own = {parent for file in files for parent in Path(file).parents if len(parent.parts) > 2}
    full = {
        folder for folder in own if {str(path.relative_to(root)) for path in (root / folder).rglob("*.py")} <= {*files}
    }
    folders = {str(folder) for folder in full if not full & {*folder.parents}}
    return sorted(folders | {file for file in files if not any(file.startswith(f"{folder}/") for folder in folders)})


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
