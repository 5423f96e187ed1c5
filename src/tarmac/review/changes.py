"""What a change touched: parameters, code by stage, and the outputs that came out otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tarmac.reporting.trees import flatten_tree
from tarmac.repository.stage_inputs import group_paths_by_stage
from tarmac.review.result_folder import LOCK, PARAMS, PIPELINE, ResultFolder

MISSING = "(none)"


@dataclass(frozen=True)
class Changes:
    """What differs between base and head, by name."""

    params: list[tuple[str, str, str]]  # key, base's value, head's value
    files: dict[str, list[str]]  # changed files by stage; those of no stage under `OUTSIDE`
    outputs: list[tuple[str, str, str]]  # path, base's hash, head's hash


def find_changes(base: ResultFolder, head: ResultFolder, changed: Iterable[str]) -> Changes:
    """Compare parameters and locks, and sort the changed paths by the stages that need them."""
    params = _find_differences(
        flatten_tree(base.read_yaml(PARAMS)), flatten_tree(head.read_yaml(PARAMS))
    )
    shown_elsewhere = {*base.hashes, *head.hashes, LOCK, PARAMS}
    code = [
        path
        for path in changed
        if path not in shown_elsewhere
        and not path.startswith(("metrics/", "data/remote/", "models/"))
    ]
    files = group_paths_by_stage(code, base.read_yaml(PIPELINE), head.read_yaml(PIPELINE))
    return Changes(params, files, _find_differences(base.hashes, head.hashes))


def _find_differences(
    before: Mapping[str, object], after: Mapping[str, object]
) -> list[tuple[str, str, str]]:
    names = sorted({*before, *after})
    pairs = [
        (name, str(before.get(name, MISSING)), str(after.get(name, MISSING))) for name in names
    ]
    return [(name, old, new) for name, old, new in pairs if old != new]
