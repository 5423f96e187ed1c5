"""Load a mutated module in place of the original, in every process that knows `VARIABLE`.

Only the standard library is imported: Python imports this file at its start, before anything else.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path

VARIABLE = "TARMAC_MUTANT"  # names a file with the module's name, its original and mutated source
Paths = Sequence[str] | None


def write_mutant(path: Path, module: str, original: bytes, mutated: bytes) -> None:
    """Write the file that `VARIABLE` names."""
    path.write_text(json.dumps([module, original.decode(), mutated.decode()]), encoding="utf-8")


def install_loader() -> None:
    """Load the mutant that the environment names from now on, if it names one."""
    if path := os.environ.get(VARIABLE):
        sys.meta_path.insert(0, _Finder(*json.loads(Path(path).read_text(encoding="utf-8"))))


class _Finder:
    def __init__(self, module: str, original: str, mutated: str) -> None:
        self.module, self.original, self.mutated = module, original.encode(), mutated.encode()

    def find_spec(self, name: str, path: Paths, _target: object = None) -> ModuleSpec | None:
        """Return where Python finds the module, with another loader; None for other modules."""
        spec = PathFinder.find_spec(name, path) if name == self.module else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path, self)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, mutant: _Finder) -> None:
        super().__init__(name, path)
        self.mutant = mutant

    def get_data(self, path: str) -> bytes:
        """Return the mutated source if the file holds the original."""
        content = super().get_data(path)
        return self.mutant.mutated if content == self.mutant.original else content

    def path_stats(self, path: str) -> dict[str, float]:
        """Raise `OSError`: Python then neither reads nor writes bytecode."""
        raise OSError(path)
