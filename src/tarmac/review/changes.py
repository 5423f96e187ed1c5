"""What a change touched: parameters, code by stage, and the outputs that came out otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tarmac.review.results import Result

MISSING = "(none)"
OUTSIDE = "of no stage"


@dataclass(frozen=True)
class Changes:
    """What differs between base and head, by name."""

    params: list[tuple[str, str, str]]  # key, base's value, head's value
    files: dict[str, list[str]]  # changed files by stage; those of no stage under `OUTSIDE`
    outputs: list[tuple[str, str, str]]  # path, base's hash, head's hash


def changes(base: Result, head: Result, changed: Iterable[str]) -> Changes:
    """Compares parameters and locks, and sorts the changed paths by the stages that depend on them."""
    params = _different(_flat(base.yaml("params.yaml")), _flat(head.yaml("params.yaml")))
    made = {*base.hashes, *head.hashes, "dvc.lock", "params.yaml"}  # shown otherwise
    code = [
        path for path in changed if path not in made and not path.startswith(("metrics/", "data/remote/", "models/"))
    ]
    return Changes(params, by_stage(code, base, head), _different(base.hashes, head.hashes))


def by_stage(paths: Iterable[str], base: Result, head: Result) -> dict[str, list[str]]:
    """Paths by the stages whose declared dependencies, in base or head, hold them."""
    deps: dict[str, set[str]] = {}
    for side in (base, head):
        for name, stage in side.yaml("dvc.yaml").get("stages", {}).items():
            deps.setdefault(name, set()).update(str(dep) for dep in stage.get("deps", []))
    sorted_paths: dict[str, list[str]] = {}
    for path in paths:
        stages = [name for name, held in deps.items() if any(_is_of(path, dep) for dep in held)]
        for stage in stages or [OUTSIDE]:
            sorted_paths.setdefault(stage, []).append(path)
    order = [name for name in [*deps, OUTSIDE] if name in sorted_paths]
    return {name: sorted_paths[name] for name in order}


def _is_of(path: str, dependency: str) -> bool:
    """Whether a path is a dependency, lies in it, or is DVC's pointer to it."""
    return path in (dependency, f"{dependency}.dvc") or path.startswith(f"{dependency}/")


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> list[tuple[str, str, str]]:
    names = sorted({*before, *after})
    pairs = [(name, str(before.get(name, MISSING)), str(after.get(name, MISSING))) for name in names]
    return [(name, old, new) for name, old, new in pairs if old != new]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
