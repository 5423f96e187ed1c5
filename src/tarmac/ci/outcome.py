"""Read what a run left: the decision of monitoring, the verdict of the review, both reports."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tarmac.ci.github_api import (
    FIND_WRITER,
    READ_LOG,
    ReportError,
    neutralize_text,
    read_report,
)
from tarmac.interface.errors import format_error_inline

MONITORED, REVIEWED = Path("monitoring/monitoring.json"), Path("review/verdict.json")
MONITORING, REVIEW = Path("monitoring/report.md"), Path("review/report.md")
MOST = 10_000_000  # bytes of a JSON file that is read
VERDICTS, DECISIONS, AUTOMATIC = (
    ("ok", "warning", "critical"),
    ("none", "retrain", "block"),
    "automatic",
)


@dataclass(frozen=True)
class RunOutcome:
    """The run in the words that decide what is done."""

    verdict: str  # of the monitoring: ok, warning or critical
    decision: str  # none, retrain or block
    summary: str  # of the monitoring, in a line
    made: str  # what there is to offer, in a line; empty where there is nothing
    review: str  # pass or fail; empty where there is nothing to offer
    headline: str  # of the review, in a line
    acting: tuple[str, ...]  # the checks for which somebody is told
    automatic: bool  # whether what passes may be merged and released

    @property
    def alert(self) -> str:
        """Why somebody has to be told, in a line; empty where nobody has."""
        if self.decision == "block":
            return self.summary
        return (
            f"what was made did not pass its review: {self.headline}"
            if self.review == "fail"
            else ""
        )

    @property
    def reason(self) -> str:
        """The same for as long as the reason is the same, whatever numbers the words hold."""
        kind = f"{self.decision} {self.review} {' '.join(self.acting) or self.alert}"
        return hashlib.sha256(kind.encode()).hexdigest()[:16]


def read_run_outcome(outcome: str = "success") -> RunOutcome:
    """Return the outcome of the run from the files in the working tree.

    `outcome` is how the step of the run ended. The decision is `block` if the run failed or if its
    files cannot be read.
    """
    try:
        monitored, reviewed = (
            _read_json(MONITORED),
            _read_json(REVIEWED) if REVIEWED.exists() else {},
        )
        read_ = _parse_outcome(monitored, reviewed)
    except ReportError as error:
        return _build_broken_outcome(f"the run failed: {format_error_inline(error)}")
    if outcome != "success" and read_.decision != "block":
        return _build_broken_outcome("the run failed after monitoring")
    return read_


def render_report(path: Path) -> str:
    """The text of a report, or why there is none to show."""
    try:
        return read_report(path)
    except ReportError as error:
        return f"There is no report to show: {format_error_inline(error)}."


def _parse_outcome(monitored: Mapping[str, Any], reviewed: Mapping[str, Any]) -> RunOutcome:
    decision = monitored.get("decision")
    if decision not in DECISIONS:
        raise ReportError(f"{MONITORED} has no valid decision", READ_LOG)
    if monitored.get("verdict") not in VERDICTS:
        raise ReportError(f"{MONITORED} has no valid verdict", READ_LOG)
    made = "" if decision == "block" else _format_line(monitored.get("made", ""))
    review = reviewed.get("verdict", "") if made else ""
    if made and review not in ("pass", "fail"):
        message = f"retraining made a result, but {REVIEWED} is missing or has no verdict"
        raise ReportError(message, READ_LOG)
    failing = _list_checks(MONITORED, monitored, "critical")
    if review == "fail":
        failing = _list_checks(REVIEWED, reviewed, "fail")
    return RunOutcome(
        verdict=str(monitored["verdict"]),
        decision=decision,
        summary=_format_line(monitored.get("summary", "")),
        made=made,
        review=review,
        headline=_format_line(reviewed.get("summary", "")),
        acting=failing,
        automatic=monitored.get("release") == AUTOMATIC,
    )


def _build_broken_outcome(why: str) -> RunOutcome:
    return RunOutcome("critical", "block", _format_line(why), "", "", "", (), automatic=False)


def _list_checks(path: Path, tree: Mapping[str, Any], outcome: str) -> tuple[str, ...]:
    checks = tree.get("checks") or []
    if not isinstance(checks, list) or not all(isinstance(check, dict) for check in checks):
        raise ReportError(f"`checks` in {path} is not a list of objects", READ_LOG)
    return tuple(
        sorted(
            f"{check.get('kind')}:{check.get('name')}"
            for check in checks
            if check.get("outcome") == outcome
        )
    )


def _format_line(value: object) -> str:
    return neutralize_text(" ".join(str(value).split()))[:300]


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a small, regular file. Raises `ReportError` where it is none."""
    if path.is_symlink() or path.parent.is_symlink():
        raise ReportError(f"{path} is behind a symbolic link", FIND_WRITER)
    if not path.exists():
        raise ReportError(f"{path} is missing", READ_LOG)
    if not path.is_file():
        raise ReportError(f"{path} is not a regular file", FIND_WRITER)
    if path.stat().st_size > MOST:
        raise ReportError(f"{path} is larger than {MOST:,} bytes", FIND_WRITER)
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror}", READ_LOG) from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not valid JSON: {_locate_fault(error)}", READ_LOG) from None
    if not isinstance(tree, dict):
        raise ReportError(f"{path} is not a JSON object", READ_LOG)
    return tree


def _locate_fault(error: Exception) -> str:
    """Where the text of a JSON file is wrong, and what is."""
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    return str(error)
