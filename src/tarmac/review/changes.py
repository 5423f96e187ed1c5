"""What a change touched: parameters, code by stage, and the outputs that came out otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tarmac.reporting.trees import flatten
from tarmac.repository.stage_inputs import by_stage
from tarmac.review.results import LOCK, PARAMS, PIPELINE, Result

MISSING = "(none)"


@dataclass(frozen=True)
class Changes:
    """What differs between base and head, by name."""

    params: list[tuple[str, str, str]]  # key, base's value, head's value
    files: dict[str, list[str]]  # changed files by stage; those of no stage under `OUTSIDE`
    outputs: list[tuple[str, str, str]]  # path, base's hash, head's hash


def changes(base: Result, head: Result, changed: Iterable[str]) -> Changes:
    """Compares parameters and locks, and sorts the changed paths by the stages that depend on them."""
    params = _different(flatten(base.yaml(PARAMS)), flatten(head.yaml(PARAMS)))
    made = {*base.hashes, *head.hashes, LOCK, PARAMS}  # shown otherwise
    code = [
        path for path in changed if path not in made and not path.startswith(("metrics/", "data/remote/", "models/"))
    ]
    files = by_stage(code, base.yaml(PIPELINE), head.yaml(PIPELINE))
    return Changes(params, files, _different(base.hashes, head.hashes))


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> list[tuple[str, str, str]]:
    names = sorted({*before, *after})
    pairs = [(name, str(before.get(name, MISSING)), str(after.get(name, MISSING))) for name in names]
    return [(name, old, new) for name, old, new in pairs if old != new]
