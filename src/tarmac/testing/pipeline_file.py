"""What a repository's `dvc.yaml` and `dvc.lock` declare, as plain values for checks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tarmac.interface.problem import SOURCE
from tarmac.pipeline.base.paths import LOCK, PINS, PIPELINE, WHEEL_PIN

REQUIREMENTS = str(PINS)
# Files that stand for code which is not in the repository.
INSTALLED = (REQUIREMENTS, str(WHEEL_PIN))


@dataclass(frozen=True)
class Stage:
    """One stage's declaration.

    Every path is relative to the repository, and every list has the order of `dvc.yaml`.
    """

    name: str
    desc: str
    cmd: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]

    @property
    def writes(self) -> tuple[str, ...]:
        """Everything that the stage may write."""
        return self.outs + self.metrics

    @property
    def data(self) -> tuple[str, ...]:
        """The deps that are neither code nor requirements."""
        return tuple(dep for dep in self.deps if dep not in INSTALLED and not covers([SOURCE], dep))


def stages(root: Path) -> dict[str, Stage]:
    """Return the stages by name, in the order of the file."""
    tree = yaml.safe_load((root / PIPELINE).read_text(encoding="utf-8"))
    return {name: _parse_stage(name, body) for name, body in tree["stages"].items()}


def _parse_stage(name: str, body: Mapping[str, Any]) -> Stage:
    known = {"desc", "cmd", "deps", "params", "outs", "metrics", "plots"}
    unknown = sorted(body.keys() - known)
    if unknown:
        raise AssertionError(f"stage {name}: its keys {unknown} are not checked by any test")
    paths = {
        key: tuple(_parse_path(entry) for entry in body.get(key, []))
        for key in known - {"desc", "cmd"}
    }
    return Stage(
        name=name,
        desc=body.get("desc", ""),
        cmd=body["cmd"],
        deps=paths["deps"],
        params=paths["params"],
        outs=paths["outs"] + paths["plots"],
        metrics=paths["metrics"],
    )


def _parse_path(entry: str | Mapping[str, Any]) -> str:
    """Return the path of an entry: a plain path, or one with options such as `cache: false`."""
    if isinstance(entry, str):
        return entry
    (path,) = entry
    return path


def plots(root: Path) -> dict[str, dict[str, Any]]:
    """Return the bodies of the plots as `dvc.yaml` has them, by name.

    A stage's own plots are included, each under its path.
    """
    tree = yaml.safe_load((root / PIPELINE).read_text(encoding="utf-8"))
    named = {name: body for plot in tree["plots"] for name, body in plot.items()}
    own = [plot for stage in tree["stages"].values() for plot in stage.get("plots", [])]
    return named | {
        path: {**body, "y": {path: body["y"]}} for plot in own for path, body in plot.items()
    }


def locked(root: Path) -> dict[str, dict[str, Any]]:
    """Return the stages as `dvc.lock` has them."""
    return dict(yaml.safe_load((root / LOCK).read_text(encoding="utf-8"))["stages"])


def covers(declared: Iterable[str], path: str) -> bool:
    """Return whether a path is one of the declared ones, or in a folder that is."""
    return any(path == one or path.startswith(f"{one}/") for one in declared)


def downstream(root: Path, changed: Iterable[str]) -> set[str]:
    """Return the stages that run when the named ones do.

    These are the named stages, and all that read what such a stage writes.
    """
    declared, found = stages(root), set(changed)
    while True:
        written = [path for name in found for path in declared[name].writes]
        more = {
            name
            for name, stage in declared.items()
            if any(covers(written, dep) for dep in stage.data)
        } - found
        if not more:
            return found
        found |= more
