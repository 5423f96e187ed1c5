"""Find the code that a module may load, by reading it alone.

A stage of `dvc.yaml` has to declare this code.
"""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from tarmac.interface.problem import ROLES, SOURCE, read_problem_name

PACKAGE = "tarmac"
INSTALLED = Path(__file__).resolve().parents[2]  # the folder of the package that runs
INTERFACE = "tarmac.interface.problem"  # whose `problem` loads a role on first use


def find_package_folders(root: Path) -> dict[str, Path]:
    """Return the folder of each package that is followed: Tarmac, and the problem.

    A repository without Tarmac's source runs the installed package.
    """
    source = root / SOURCE
    folders = {PACKAGE: source if (source / PACKAGE).is_dir() else INSTALLED}
    name = read_problem_name(root)
    return {**folders, name: source} if name else folders


def find_imported_files(root: Path, *modules: str) -> set[str]:
    """Return the files of a repository that importing some modules may load.

    A module may load them at once or later. The code is read, not run.
    """
    imports = ImportGraph(root, find_package_folders(root))
    return {
        str(path.relative_to(root))
        for path in imports.find_imported_files(modules)
        if path.is_relative_to(root)
    }


class ImportGraph:
    """Which files of some packages import which others, each file read once."""

    def __init__(self, root: Path, sources: Mapping[str, Path]) -> None:
        """Take the repository, and for each package the folder that it is in."""
        self._sources, self._problem = sources, read_problem_name(root)
        self._known: dict[Path, list[str]] = {}

    def find_imported_files(self, modules: Iterable[str]) -> set[Path]:
        """Return the files that importing the modules may load."""
        waiting, files = list(modules), set[Path]()
        while waiting:
            path = self._find_module_file(waiting.pop())
            if path is None or path in files:
                continue
            files.add(path)
            if path not in self._known:
                self._known[path] = list(self._iter_imports(path))
            waiting += self._known[path]
        return files

    def _find_module_file(self, module: str) -> Path | None:
        """Return the file of a module or package, or None for another name.

        Another name comes from `from tarmac.review.run import review_working_tree`, for example.
        """
        source = self._sources.get(module.partition(".")[0])
        if source is None:
            return None
        stem = source / module.replace(".", "/")
        return next(
            (path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()),
            None,
        )

    def _iter_imports(self, path: Path) -> Iterator[str]:
        """Yield names that may be modules of the packages.

        They are what a file imports anywhere in it, and its own parents.
        """
        name = self._find_module_name(path)
        yield from self._iter_with_parents(name)
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        tree = ast.parse(path.read_text())
        for role in _find_used_roles(tree):
            yield from self._iter_with_parents(f"{self._problem}.{ROLES[role]}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = _resolve_import(node, package)
                names = [f"{base}.{alias.name}" for alias in node.names]
            else:
                continue
            for imported in names:
                yield from self._iter_with_parents(imported)

    def _find_module_name(self, path: Path) -> str:
        """The dotted name of a file."""
        root = next(
            source
            for package, source in self._sources.items()
            if path.is_relative_to(source / package)
        )
        parts = path.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _iter_with_parents(self, module: str) -> Iterator[str]:
        """Yield a name of a package and its parents, whose `__init__.py` Python runs first.

        Yield nothing of other packages.
        """
        parts = module.split(".")
        if parts[0] in self._sources:
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def has_code(path: Path) -> bool:
    """Whether a file says more than a docstring: one that does not can change nothing."""
    body = ast.parse(path.read_text()).body
    return len(body) > 1 or not all(isinstance(node, ast.Expr) for node in body)


def list_dependency_folders(root: Path, files: Collection[str]) -> list[str]:
    """Return the paths that `dvc.yaml` names for some files: their folders."""
    folders = {str(Path(file).parent) for file in files if has_code(root / file)}
    return sorted(folder for folder in folders if not _is_below_any(folder, folders))


def _is_below_any(folder: str, folders: Collection[str]) -> bool:
    return any(folder.startswith(f"{other}/") for other in folders)


def _find_used_roles(tree: ast.AST) -> set[str]:
    """Return the roles of the problem that a module uses.

    A use is `problem.contract`, for example, in a module that imports `problem`.
    """
    loads = any(
        isinstance(node, ast.ImportFrom) and node.module == INTERFACE for node in ast.walk(tree)
    )
    attributes = (node for node in ast.walk(tree) if loads and isinstance(node, ast.Attribute))
    named = {
        node.attr
        for node in attributes
        if isinstance(node.value, ast.Name) and node.value.id == "problem"
    }
    return named & ROLES.keys()


def _resolve_import(node: ast.ImportFrom, package: str) -> str:
    """The module that a `from` import names, also where it is relative to the file's package."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])
