"""The report on new rows, for a person: what is wrong first, then everything that was looked at."""

from collections.abc import Iterable, Mapping
from typing import Any

from tarmac.monitoring.checks import STRETCH
from tarmac.pipeline.base.params import TASK
from tarmac.reporting.markdown import (
    escape_text,
    format_code,
    format_number,
    format_percent,
    format_signed_number,
    render_details,
    render_table,
)

MARKS = {"ok": "✅", "warning": "👀", "critical": "🔔"}
DECISIONS = {
    "none": "nothing follows",
    "retrain": "a new model is made",
    "block": "nothing is trained on these rows, and the live model stays",
}
SHOWN = 15  # inputs, the furthest first


def render_report(record: Mapping[str, Any]) -> str:
    """Markdown of what `monitoring.json` holds."""
    period, model, known = record["period"], record["model"], record["reference"]
    months = f" ({known['first']} to {known['last']})" if "first" in known else ""
    head = [
        f"## {MARKS[record['verdict']]} {record['verdict']}: {DECISIONS[record['decision']]}",
        escape_text(record["summary"]),
        f"{record['rows']:,} rows of {period['first']} to {period['last']},"
        f" {record['labelled']:,} with a label, as {format_code(model['version'])} answers them;"
        f" beside its {known['rows']:,} training rows{months}.",
    ]
    parts = [
        *head,
        *([f"> {escape_text(record['note'])}"] if record.get("note") else []),
        _render_findings(record["checks"]),
    ]
    if record.get("arrived"):
        arrived = "\n".join(f"- {escape_text(line)}" for line in record["arrived"])
        parts.append(render_details("What arrived", arrived))
    tables = (
        _render_metrics(record["metrics"]),
        _render_features(record["features"]),
        _render_slices(record["slices"]),
        _render_calibration(record["calibration"]),
    )
    parts += [table for table in tables if table]
    return "\n\n".join(parts) + "\n"


def render_report_without_rows(verdict: str, decision: str, message: str) -> str:
    """The report if no row was evaluated."""
    return f"## {MARKS[verdict]} {verdict}: {DECISIONS[decision]}\n\n{escape_text(message)}\n"


def _render_findings(checks: Iterable[Mapping[str, str]]) -> str:
    checks = list(checks)
    raised = [
        check
        for outcome in ("critical", "warning")
        for check in checks
        if check["outcome"] == outcome
    ]
    rows = [
        [MARKS[c["outcome"]], c["kind"], format_code(c["name"]), escape_text(c["reason"])]
        for c in raised
    ]
    return render_table(["", "kind", "what", "why"], rows) if rows else "No check found anything."


def _render_metrics(metrics: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [
            c["metric"],
            format_number(c["before"]),
            format_number(c["value"]),
            format_signed_number(c["difference"]),
            _format_interval(c),
        ]
        for c in metrics
    ]
    return render_table(["metric", "#before", "#now", "#change", "#interval"], rows) if rows else ""


def _render_features(features: Iterable[Mapping[str, Any]]) -> str:
    furthest = sorted(features, key=lambda feature: (-feature["psi"], feature["feature"]))
    rows = [
        [
            format_code(feature["feature"]),
            format_number(feature["psi"], 2),
            format_number(feature["usual"], 2),
            format_number(feature["distance"], 2),
            format_percent(round(feature["missing"], 4)),
            format_percent(round(feature["unknown"], 4)),
        ]
        for feature in furthest[:SHOWN]
    ]
    header = [
        "input",
        "#PSI",
        f"#of a training {STRETCH}, at most",
        "#KS or Cramér's V",
        "#missing",
        "#unknown",
    ]
    summary = f"Drift of the inputs, the {len(rows)} furthest of {len(furthest)}"
    return render_details(summary, render_table(header, rows)) if rows else ""


def _render_slices(slices: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [
            c["slice"], format_code(c["value"]), format_number(c["rows"]),
            format_number(c["before"]), format_number(c[TASK.main_metric]),
            format_signed_number(c["difference"]), _format_interval(c),
        ]
        for c in slices
    ]  # fmt: skip
    header = ["slice", "value", "#rows", f"#{TASK.title} before", "#now", "#change", "#interval"]
    return render_details("Slices", render_table(header, rows)) if rows else ""


def _render_calibration(bins: Iterable[Mapping[str, float]]) -> str:
    rows = [
        [format_number(b["predicted"]), format_number(b["observed"]), format_number(int(b["rows"]))]
        for b in bins
    ]
    return (
        render_details("Calibration", render_table(["#predicted", "#observed", "#rows"], rows))
        if rows
        else ""
    )


def _format_interval(change: Mapping[str, float | None]) -> str:
    low, high = change["low"], change["high"]
    return (
        "–"
        if low is None or high is None
        else f"{format_signed_number(low)} to {format_signed_number(high)}"
    )
