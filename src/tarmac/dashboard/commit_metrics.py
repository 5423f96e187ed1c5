"""What was measured, version by version or, where nothing is released yet, commit by commit."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from tarmac.dashboard.records import EstimateRecord, IntervalsRecord
from tarmac.dashboard.source_files import DashboardError, build_file_error, shorten_commit
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import INTERVALS, TEST_METRICS
from tarmac.registry.history import RegistryError
from tarmac.registry.show import read_registry
from tarmac.repository import git

ROUNDED = 0.51e-6  # what a number there may be off
MOST = 24  # results that are shown


@dataclass(frozen=True)
class CommitMetrics:
    """The metrics of a commit, with their intervals where it has them: older commits do not."""

    name: str  # of the version; else the short commit
    commit: str
    date: str
    why: str
    environments: tuple[str, ...]
    metrics: dict[str, EstimateRecord]


def load_registry() -> dict[str, Any] | None:
    """What the tags say; None where no version is registered."""
    try:
        return read_registry()
    except RegistryError:
        return None


def list_commit_metrics(known: dict[str, Any] | None) -> list[CommitMetrics]:
    """Return the results, the oldest first.

    There is one for every version. Without a version, there is one for every commit that changed
    the metrics.
    """
    if known:
        return [_build_version_metrics(version) for version in reversed(known["versions"][:MOST])]
    listed = git.run_git(
        "log", f"--max-count={MOST}", "--format=%H%x00%cs%x00%s", "--", TEST_METRICS.as_posix()
    ).splitlines()
    return [_build_commit_metrics(*line.split("\0", 2)) for line in reversed(listed)]


def build_estimates(
    metrics: str | None, intervals: IntervalsRecord, where: str
) -> dict[str, EstimateRecord]:
    """The metrics of the test months; an interval only where it is of this very number."""
    values, known = _parse_metrics(metrics, where), intervals.metrics
    return {name: _add_interval(value, known.get(name)) for name, value in values.items()}


def _build_version_metrics(version: dict[str, Any]) -> CommitMetrics:
    commit, environments = version["commit"], tuple(version["environments"])
    return CommitMetrics(
        version["version"],
        commit,
        version["when"][:10],
        version["why"],
        environments,
        _read_estimates(commit),
    )


def _build_commit_metrics(commit: str, date: str, subject: str) -> CommitMetrics:
    return CommitMetrics(shorten_commit(commit), commit, date, subject, (), _read_estimates(commit))


def _read_estimates(commit: str) -> dict[str, EstimateRecord]:
    stored = git.read_text_at(commit, INTERVALS)
    try:
        intervals = IntervalsRecord.model_validate_json(stored or "{}")
    except ValidationError:
        message = f"{INTERVALS} of commit {shorten_commit(commit)} is damaged"
        raise DashboardError(message, "make it again (`make run`), and commit the result") from None
    return build_estimates(
        git.read_text_at(commit, TEST_METRICS),
        intervals,
        f"{TEST_METRICS} of {shorten_commit(commit)}",
    )


def _parse_metrics(content: str | None, where: str) -> dict[str, float]:
    try:
        parsed = json.loads(content or "{}")
        return {name: float(parsed[name]) for name in TASK.metrics if parsed.get(name) is not None}
    except (ValueError, TypeError, AttributeError) as error:
        raise build_file_error(TEST_METRICS, str(error), where) from None


def _add_interval(value: float, known: EstimateRecord | None) -> EstimateRecord:
    """An interval of another result is none."""
    if (
        known is None
        or known.value is None
        or abs(known.value - value) > ROUNDED + 1e-9 * abs(value)
    ):
        return EstimateRecord(value)
    return EstimateRecord(value, known.low, known.high)
