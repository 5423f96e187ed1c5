"""Gathers what the page tells from the working tree, Git and DVC, before anything is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tarmac.dashboard import source_files
from tarmac.dashboard.commit_metrics import (
    CommitMetrics,
    build_estimates,
    list_commit_metrics,
    load_registry,
)
from tarmac.dashboard.dvc_experiments import Experiment, list_experiments
from tarmac.dashboard.page_blocks import DataSource
from tarmac.dashboard.records import (
    BacktestMonth,
    BacktestSummary,
    CalibrationBin,
    EstimateRecord,
    IntervalsRecord,
    MonitoringOutcome,
    MonthRecord,
    PreparedCounts,
)
from tarmac.dashboard.source_files import DashboardError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.paths import (
    CARD,
    INTERVALS,
    LOCK,
    PIPELINE,
    PREPARED_COUNTS,
    TABLES,
    TEST_METRICS,
)
from tarmac.repository import git
from tarmac.repository.dvc import commands
from tarmac.repository.lineage import Lineage, LineageError, find_output_lineage

MODEL = str(paths.MODEL)
RECORDS, LAST = Path("metrics/monitoring"), Path("monitoring/monitoring.json")
LIVED, WAYS = Path("metrics/backtest/months.csv"), Path("metrics/backtest/summary.csv")
CALIBRATION = TABLES / "calibration.csv"
READ = (
    TEST_METRICS,
    INTERVALS,
    CARD,
    RECORDS,
    LAST,
    LIVED,
    WAYS,
    PREPARED_COUNTS,
    CALIBRATION,
    PIPELINE,
    LOCK,
)


@dataclass(frozen=True)
class PageData:
    """All that sections are made of. What is not there is None or empty."""

    title: str
    commit: str
    date: str  # of the commit
    changed: list[str]  # paths that the page reads and that are not as committed
    registry: dict[str, Any] | None = None
    results: list[CommitMetrics] = field(default_factory=list)
    current: dict[str, EstimateRecord] = field(default_factory=dict)  # metrics of what is here
    intervals: IntervalsRecord = field(default_factory=IntervalsRecord)  # of the same
    card: str | None = None
    model: str | None = None  # hash of the model that the lock names
    months: list[MonthRecord] = field(default_factory=list)  # the oldest first
    last_is_record: bool = True  # whether the last month is among the committed records
    lived: list[BacktestMonth] = field(default_factory=list)
    ways: list[BacktestSummary] = field(default_factory=list)
    experiments: list[Experiment] = field(default_factory=list)
    calibration: list[CalibrationBin] = field(default_factory=list)
    pipeline: dict[str, Any] = field(default_factory=dict)
    lineage: Lineage | None = None
    prepared: PreparedCounts | None = None
    sources: Mapping[Path, DataSource] = field(default_factory=dict)

    @property
    def last_month(self) -> MonthRecord | None:
        """The last month that was watched."""
        return self.months[-1] if self.months else None

    @property
    def last_month_path(self) -> Path:
        """Where the last month was read: the committed records, or the last finding."""
        return RECORDS if self.last_is_record else LAST

    def list_sources(self, *paths: Path) -> list[DataSource]:
        """Where files stand that a section was made from."""
        return [self.sources[path] for path in paths if path in self.sources]


def load_page_data() -> PageData:
    """Read everything in the working folder.

    Raise `DashboardError` if a file is broken. The error names the first such file.
    """
    head = git.resolve_commit("HEAD")
    if head is None:
        raise DashboardError("the repository has no commit", "commit the files first: `git commit`")
    changed = git.list_changed_paths("HEAD")
    registry = load_registry()
    months, committed = _load_months()
    if LOCK in commands.find_stale_locks():
        raise source_files.build_file_error(LOCK, "the file is incomplete")
    lived, ways = _load_backtest()
    intervals = source_files.read_record(IntervalsRecord, INTERVALS) or IntervalsRecord()
    pipeline = _load_pipeline()
    model = commands.read_output_hashes().get(MODEL)
    return PageData(
        title=problem.card.TITLE,
        commit=source_files.shorten_commit(head),
        date=git.run_git("show", "--no-patch", "--format=%cs", head).strip(),
        changed=[path for path in changed if _is_shown(path)],
        registry=registry,
        results=list_commit_metrics(registry),
        current=build_estimates(source_files.read_text(TEST_METRICS), intervals, str(TEST_METRICS)),
        intervals=intervals,
        card=source_files.read_text(CARD),
        model=model,
        months=months,
        last_is_record=committed,
        lived=lived,
        ways=ways,
        experiments=list_experiments(),
        calibration=source_files.read_rows(CalibrationBin, CALIBRATION) or [],
        pipeline=pipeline,
        lineage=_find_lineage(),
        prepared=source_files.read_record(PreparedCounts, PREPARED_COUNTS),
        sources={path: source_files.find_source(path, changed) for path in READ if path.exists()},
    )


def _is_shown(path: str) -> bool:
    """Whether the page reads a file, or the folder that it lies in."""
    return any(Path(path).is_relative_to(read) for read in READ)


def _load_months() -> tuple[list[MonthRecord], bool]:
    """Return the monitored months, and whether the last one is a record.

    The months are the records of monitoring and, if it is newer, the last finding.
    """
    records = []
    for path in sorted(RECORDS.glob("*.json")):
        record = source_files.read_record(MonthRecord, path)
        if record is not None:
            records.append(record)
    records.sort(key=lambda month: (month.period.last, month.period.first))
    outcome = source_files.read_record(MonitoringOutcome, LAST)
    # Nothing had arrived, or it was refused.
    last = source_files.read_record(MonthRecord, LAST) if outcome and outcome.period else None
    if last is None or (records and last.period.last <= records[-1].period.last):
        # Whatever writes the finding on a month writes its record, and Git brings newer ones.
        return records, True
    return [*records, last], False


def _load_backtest() -> tuple[list[BacktestMonth], list[BacktestSummary]]:
    """Read both files of the backtest.

    Raise `DashboardError` if they do not contain the same ways and months.
    """
    lived = source_files.read_rows(BacktestMonth, LIVED) or []
    ways = source_files.read_rows(BacktestSummary, WAYS) or []
    if {one.way for one in lived} != {way.way for way in ways}:
        message = f"{LIVED} and {WAYS} contain different strategies"
        raise DashboardError(message, "make both files again: `make backtest`")
    spans: dict[str, list[str]] = {way.way: [] for way in ways}
    for one in lived:
        spans[one.way].append(one.month)
    if len({tuple(span) for span in spans.values()}) > 1:
        counts = ", ".join(f"{way} {len(span)}" for way, span in spans.items())
        message = f"{LIVED} does not have the same months for each strategy ({counts})"
        raise DashboardError(message, "make the file again: `make backtest`")
    return lived, ways


def _load_pipeline() -> dict[str, Any]:
    content = source_files.read_text(PIPELINE)
    try:
        stages = (yaml.safe_load(content) or {}).get("stages", {}) if content else {}
        return {str(name): dict(stage) for name, stage in stages.items()}
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        message = f"{PIPELINE}: cannot be read: {' '.join(str(error).split())}"
        raise DashboardError(message, f"restore it: `git restore {PIPELINE}`") from None


def _find_lineage() -> Lineage | None:
    """Return the lineage of the model that the lock names, or None if no commit has it.

    The file of the model need not be here.
    """
    try:
        return find_output_lineage(MODEL)
    except LineageError:
        return None
