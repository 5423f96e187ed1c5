"""What was measured, version by version or, where nothing is released yet, commit by commit."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tarmac.dashboard.reading import SiteError, broken, short
from tarmac.dashboard.records import Estimate, Intervals
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import INTERVALS, TEST_METRICS
from tarmac.registry.history import RegistryError
from tarmac.registry.show import registry
from tarmac.repository import git

ROUNDED = 0.51e-6  # what a number there may be off
MOST = 24  # results that are shown


@dataclass(frozen=True)
class Result:
    """The metrics of a commit, with their intervals where it has them: older commits do not."""

    name: str  # of the version; else the short commit
    commit: str
    date: str
    why: str
    stages: tuple[str, ...]
    metrics: dict[str, Estimate]


def registered() -> dict[str, Any] | None:
    """What the tags say; None where no version is registered."""
    try:
        return registry()
    except RegistryError:
        return None


def results(known: dict[str, Any] | None) -> list[Result]:
    """The result of every version or, without one, of every commit that changed the metrics; the oldest first."""
    if known:
        return [_of_version(version) for version in reversed(known["versions"][:MOST])]
    listed = git.git(
        "log", f"--max-count={MOST}", "--format=%H%x00%cs%x00%s", "--", TEST_METRICS.as_posix()
    ).splitlines()
    return [_of_commit(*line.split("\0", 2)) for line in reversed(listed)]


def estimates(metrics: str | None, intervals: Intervals, where: str) -> dict[str, Estimate]:
    """The metrics of the test months; an interval only where it is of this very number."""
    found, known = _metrics(metrics, where), intervals.metrics
    return {name: _with_interval(found[name], known.get(name)) for name in TASK.metrics if name in found}


def _of_version(version: dict[str, Any]) -> Result:
    commit, stages = version["commit"], tuple(version["stages"])
    return Result(version["version"], commit, version["when"][:10], version["why"], stages, _at(commit))


def _of_commit(commit: str, date: str, subject: str) -> Result:
    return Result(short(commit), commit, date, subject, (), _at(commit))


def _at(commit: str) -> dict[str, Estimate]:
    stored = git.text_at(commit, INTERVALS)
    try:
        intervals = Intervals.model_validate_json(stored or "{}")
    except ValidationError:
        raise SiteError(f"{INTERVALS} of commit {short(commit)} is damaged") from None
    return estimates(git.text_at(commit, TEST_METRICS), intervals, f"{TEST_METRICS} of {short(commit)}")


def _metrics(content: str | None, where: str) -> dict[str, float]:
    try:
        found = json.loads(content or "{}")
        return {name: float(found[name]) for name in TASK.metrics if found.get(name) is not None}
    except (ValueError, TypeError, AttributeError) as error:
        raise broken(TEST_METRICS, str(error), where) from None


def _with_interval(value: float, known: Estimate | None) -> Estimate:
    """An interval of another result is none."""
    if known is None or known.value is None or abs(known.value - value) > ROUNDED + 1e-9 * abs(value):
        return Estimate(value)
    return Estimate(value, known.low, known.high)
