"""Which stages read a file, by the pipeline's own word."""

from collections.abc import Iterable, Mapping
from typing import Any

OUTSIDE = "of no stage"


def group_paths_by_stage(
    paths: Iterable[str], *pipelines: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Group paths by the stages whose dependencies, in any of these `dvc.yaml` trees, have them.

    Other paths are under `OUTSIDE`.
    """
    deps: dict[str, set[str]] = {}
    for pipeline in pipelines:
        for name, stage in pipeline.get("stages", {}).items():
            deps.setdefault(name, set()).update(str(dep) for dep in stage.get("deps", []))
    sorted_paths: dict[str, list[str]] = {}
    for path in paths:
        stages = [name for name, paths_read in deps.items() if _is_in_any(path, paths_read)]
        for stage in stages or [OUTSIDE]:
            sorted_paths.setdefault(stage, []).append(path)
    order = [name for name in [*deps, OUTSIDE] if name in sorted_paths]
    return {name: sorted_paths[name] for name in order}


def _is_in_any(path: str, dependencies: Iterable[str]) -> bool:
    """Whether a path is one of some dependencies, lies in one, or is DVC's pointer to one."""
    for dependency in dependencies:
        if path in (dependency, f"{dependency}.dvc") or path.startswith(f"{dependency}/"):
            return True
    return False
