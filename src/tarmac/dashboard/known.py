"""Gathers what the page tells from the working tree, Git and DVC, before anything is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tarmac.dashboard import reading
from tarmac.dashboard.experiments import Experiment, experiments
from tarmac.dashboard.reading import SiteError
from tarmac.dashboard.records import Bin, Estimate, Finding, Intervals, Lived, Month, Prepared, Way
from tarmac.dashboard.results import Result, estimates, registered, results
from tarmac.dashboard.section import Source
from tarmac.interface.problem import problem
from tarmac.pipeline.base import paths
from tarmac.pipeline.base.paths import CARD, INTERVALS, LOCK, PIPELINE, PREPARED_COUNTS, TABLES, TEST_METRICS
from tarmac.repository import git
from tarmac.repository.dvc import commands
from tarmac.repository.lineage import Lineage, LineageError, of_output

MODEL = str(paths.MODEL)
RECORDS, LAST = Path("metrics/monitoring"), Path("monitoring/monitoring.json")
LIVED, WAYS = Path("metrics/replay/months.csv"), Path("metrics/replay/summary.csv")
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
class Known:
    """All that sections are made of. What is not there is None or empty."""

    title: str
    commit: str
    date: str  # of the commit
    changed: list[str]  # paths that the page reads and that are not as committed
    registry: dict[str, Any] | None = None
    results: list[Result] = field(default_factory=list)
    current: dict[str, Estimate] = field(default_factory=dict)  # metrics of what is here
    intervals: Intervals = field(default_factory=Intervals)  # of the same
    card: str | None = None
    model: str | None = None  # hash of the model that the lock names
    months: list[Month] = field(default_factory=list)  # the oldest first
    last_is_record: bool = True  # whether the last month is among the committed records
    lived: list[Lived] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    experiments: list[Experiment] = field(default_factory=list)
    calibration: list[Bin] = field(default_factory=list)
    pipeline: dict[str, Any] = field(default_factory=dict)
    lineage: Lineage | None = None
    prepared: Prepared | None = None
    sources: Mapping[Path, Source] = field(default_factory=dict)

    @property
    def last(self) -> Month | None:
        """The last month that was watched."""
        return self.months[-1] if self.months else None

    def read(self, *paths: Path) -> list[Source]:
        """Where files stand that a section was made from."""
        return [self.sources[path] for path in paths if path in self.sources]


def gather() -> Known:
    """Reads everything in the working folder. Raises `SiteError` naming the first file that is broken."""
    head = git.commit("HEAD")
    if head is None:
        raise SiteError("the repository has no commit", "commit the files first: `git commit`")
    changed, registry, (months, committed) = git.changed_since("HEAD"), registered(), _months()
    if LOCK in commands.stale_locks():
        raise reading.broken(LOCK, "the file is incomplete")
    lived, ways = _replay()
    intervals, pipeline = reading.record(Intervals, INTERVALS) or Intervals(), _pipeline()
    outputs = commands.outputs()
    return Known(
        title=problem.card.TITLE,
        commit=reading.short(head),
        date=git.git("show", "--no-patch", "--format=%cs", head).strip(),
        changed=[path for path in changed if any(Path(path).is_relative_to(read) for read in READ)],
        registry=registry,
        results=results(registry),
        current=estimates(reading.text(TEST_METRICS), intervals, str(TEST_METRICS)),
        intervals=intervals,
        card=reading.text(CARD),
        model=outputs.get(MODEL),
        months=months,
        last_is_record=committed,
        lived=lived,
        ways=ways,
        experiments=experiments(),
        calibration=reading.rows(Bin, CALIBRATION) or [],
        pipeline=pipeline,
        lineage=_lineage(),
        prepared=reading.record(Prepared, PREPARED_COUNTS),
        sources={path: reading.source(path, changed) for path in READ if path.exists()},
    )


def _months() -> tuple[list[Month], bool]:
    """The records of monitoring and, where it is newer, the last finding; and whether the last one is a record."""
    records = [month for path in sorted(RECORDS.glob("*.json")) if (month := reading.record(Month, path))]
    records.sort(key=lambda month: (month.period.last, month.period.first))
    found = reading.record(Finding, LAST)
    last = reading.record(Month, LAST) if found and found.period else None  # nothing had arrived, or it was refused
    if last is None or (records and last.period.last <= records[-1].period.last):
        return records, True  # whatever writes the finding on a month writes its record, and Git brings newer ones
    return [*records, last], False


def _replay() -> tuple[list[Lived], list[Way]]:
    """Both files of the replay. Raises `SiteError` where they do not tell of the same ways and months."""
    lived, ways = reading.rows(Lived, LIVED) or [], reading.rows(Way, WAYS) or []
    if {one.way for one in lived} != {way.way for way in ways}:
        message = f"{LIVED} and {WAYS} contain different strategies"
        raise SiteError(message, "make both files again: `make replay`")
    spans = {way.way: [one.month for one in lived if one.way == way.way] for way in ways}
    if len({tuple(span) for span in spans.values()}) > 1:
        counts = ", ".join(f"{way} {len(span)}" for way, span in spans.items())
        message = f"{LIVED} does not have the same months for each strategy ({counts})"
        raise SiteError(message, "make the file again: `make replay`")
    return lived, ways


def _pipeline() -> dict[str, Any]:
    found = reading.text(PIPELINE)
    try:
        stages = (yaml.safe_load(found) or {}).get("stages", {}) if found else {}
        return {str(name): dict(stage) for name, stage in stages.items()}
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        message = f"{PIPELINE}: cannot be read: {' '.join(str(error).split())}"
        raise SiteError(message, f"restore it: `git restore {PIPELINE}`") from None


def _lineage() -> Lineage | None:
    """Of the model that the lock names, whether or not its file is here; None where no commit has it."""
    try:
        return of_output(MODEL)
    except LineageError:
        return None
