"""Run a stage while recording it, and check the record against `dvc.yaml`.

The record is what the stage read, opened, loaded and wrote.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tarmac.repository.imports import has_code
from tarmac.testing.pipeline_file import Stage, covers
from tests.conftest import Workspace

RUNNER = Path(__file__).with_name("runner.py")
ELSEWHERE = (".git", ".dvc/tmp", ".dvc/cache")  # what Git and DVC keep for themselves
# Code is checked by its imports, parameters by their keys; the name of the problem is in each dep
# of its code.
CHECKED = ("src", "params.yaml", "pyproject.toml")
# Dvclive looks whether it is in a DVC repository.
LOOKED_UP = (".git", ".gitignore", ".dvc", ".dvcignore")


@dataclass(frozen=True)
class Trace:
    """What one run of a stage did; paths are relative to the workspace, keys are dotted."""

    keys: frozenset[str]
    opened: frozenset[str]
    modules: frozenset[str]
    packages: frozenset[str]
    written: frozenset[str]


def trace(workspace: Workspace, stage: str, forked: bool = True) -> Trace:
    """Run a stage while recording what it does.

    If outputs of an earlier run must not be there, the caller removes them. If the stage is forked,
    `packages` are also those that the fork had before.
    """
    with tempfile.TemporaryDirectory() as outside:
        report = Path(outside) / "report.json"
        before = snapshot(workspace.path)
        workspace.run(
            sys.executable,
            "-P",
            str(RUNNER),
            stage,
            str(report),
            env={"PYTHONPATH": "src"},
            forked=forked,
        )
        written = changes(before, snapshot(workspace.path))
        found = {name: frozenset(values) for name, values in json.loads(report.read_text()).items()}
    return Trace(**found, written=frozenset(written))


def snapshot(root: Path) -> dict[str, tuple[int, ...]]:
    """Every file's identity: one that is written again with the same bytes has another."""
    return {path: _identity(root / path) for path in _files(root)}


def _files(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        relative = str(path.relative_to(root))
        if (
            not path.is_dir()
            and not covers(ELSEWHERE, relative)
            and "__pycache__" not in path.parts
        ):
            yield relative


def _identity(path: Path) -> tuple[int, ...]:
    status = path.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """The files that were made, changed or removed between two snapshots."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def remove(root: Path, paths: Iterable[str]) -> None:
    """Remove files and folders, where they are."""
    for path in paths:
        if (root / path).is_dir():
            shutil.rmtree(root / path)
        else:
            (root / path).unlink(missing_ok=True)


def sandbox(workspace: Workspace, stage: Stage, target: Path) -> Workspace:
    """Return a folder with the stage's deps, the parameters and empty packages.

    Anything else that the stage needs is missing there.
    """
    packages = {
        path for dep in stage.deps if covers(["src"], dep) for path in Path(dep).parents[:-2]
    }
    empty = [
        str(path / "__init__.py")
        for path in packages
        if not has_code(workspace.path / path / "__init__.py")
    ]
    for path in (*stage.deps, *empty, "params.yaml", "pyproject.toml"):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        if (workspace.path / path).is_dir():
            shutil.copytree(
                workspace.path / path, target / path, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(workspace.path / path, target / path)
    return Workspace(target)


def leaves(tree: Mapping, prefix: str = "") -> set[str]:
    """The dotted keys of a parameter tree's values; a list is one value."""
    found = set()
    for name, value in tree.items():
        key = f"{prefix}{name}"
        found |= leaves(value, f"{key}.") if isinstance(value, Mapping) else {key}
    return found


def key_faults(stage: Stage, traces: Iterable[Trace], known: Iterable[str]) -> list[str]:
    """Return one line for each undeclared or unused key.

    The first kind is read by one of the runs and not named in `dvc.yaml`; the second is named and
    not read.
    """
    read = set[str]().union(*(run.keys for run in traces))
    lines = [
        f"{stage.name}: reads {key}, which no param covers"
        for key in read
        if not _named(stage.params, key)
    ]
    named = {key for key in known if _named(stage.params, key)}
    lines += [f"{stage.name}: {key} is in params and never read" for key in named - read]
    empty = [prefix for prefix in stage.params if not any(_named([prefix], key) for key in read)]
    return sorted(lines + [f"{stage.name}: no key of param {prefix} is read" for prefix in empty])


def _named(prefixes: Iterable[str], key: str) -> bool:
    return any(key == prefix or key.startswith(f"{prefix}.") for prefix in prefixes)


def write_faults(stage: Stage, run: Trace, root: Path) -> list[str]:
    """Return one line for each write that does not match the stage's outputs.

    It is a file changed outside the outputs, or a declared output that was not written.
    """
    lines = [
        f"{stage.name}: changed {path}, which is no output"
        for path in run.written
        if not covers(stage.writes, path)
    ]
    lines += [
        f"{stage.name}: did not write {path}" for path in stage.writes if not _has_file(root / path)
    ]
    return sorted(lines)


def _has_file(path: Path) -> bool:
    return path.is_file() or any(inner.is_file() for inner in path.rglob("*"))


def read_faults(stage: Stage, run: Trace) -> list[str]:
    """Return one line for each file that a run opened and no dep covers.

    A run may read again what it wrote itself.
    """
    outside = [path for path in run.opened if not covers((*CHECKED, *LOOKED_UP, *stage.deps), path)]
    return sorted(
        f"{stage.name}: opens {path}, which is no dep" for path in outside if not _own(stage, path)
    )


def _own(stage: Stage, path: str) -> bool:
    """Whether a path is the stage's output, or the partial one that becomes it."""
    return covers(stage.writes, path) or covers([_partial(out) for out in stage.writes], path)


def _partial(out: str) -> str:
    return str(Path(out).with_name(f".{Path(out).name}.new.partial"))


def unopened(stage: Stage, run: Trace) -> list[str]:
    """Return the data deps of which Python opened nothing.

    Such a dep is not needed, or is opened by a library written in C++.
    """
    return [dep for dep in stage.data if not any(covers([dep], path) for path in run.opened)]


def import_faults(static: set[str], stage: Stage, run: Trace) -> list[str]:
    """Return one line for each loaded file of the package that reading the code did not find."""
    return [f"{stage.name}: loads {path} unseen" for path in sorted(run.modules - static)]
