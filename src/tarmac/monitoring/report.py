"""The report on new rows, for a person: what is wrong first, then everything that was looked at."""

from collections.abc import Iterable, Mapping
from typing import Any

from tarmac.monitoring.checks import STRETCH
from tarmac.pipeline.base.params import TASK
from tarmac.reporting.markdown import code, details, number, percent, signed, table, text

MARKS = {"ok": "✅", "watch": "👀", "act": "🔔"}
DECISIONS = {
    "none": "nothing follows",
    "retrain": "a new model is made",
    "hold": "nothing is trained on these rows, and the live model stays",
}
SHOWN = 15  # inputs, the furthest first


def report(found: Mapping[str, Any]) -> str:
    """Markdown of what `monitoring.json` holds."""
    period, model, known = found["period"], found["model"], found["reference"]
    months = f" ({known['first']} to {known['last']})" if "first" in known else ""
    head = [
        f"## {MARKS[found['verdict']]} {found['verdict']}: {DECISIONS[found['decision']]}",
        text(found["summary"]),
        f"{found['rows']:,} rows of {period['first']} to {period['last']}, {found['labelled']:,} with a label, as"
        f" {code(model['version'])} answers them; beside its {known['rows']:,} training rows{months}.",
    ]
    parts = [*head, *([f"> {text(found['note'])}"] if found.get("note") else []), _pointed_out(found["checks"])]
    if found.get("arrived"):
        parts.append(details("What arrived", "\n".join(f"- {text(line)}" for line in found["arrived"])))
    parts += [part for part in (_metrics(found["metrics"]), _features(found["features"])) if part]
    parts += [part for part in (_slices(found["slices"]), _calibration(found["calibration"])) if part]
    return "\n\n".join(parts) + "\n"


def told(verdict: str, decision: str, message: str) -> str:
    """The report where no row was judged."""
    return f"## {MARKS[verdict]} {verdict}: {DECISIONS[decision]}\n\n{text(message)}\n"


def _pointed_out(checks: Iterable[Mapping[str, str]]) -> str:
    checks = list(checks)
    told = [check for outcome in ("act", "watch") for check in checks if check["outcome"] == outcome]
    rows = [[MARKS[c["outcome"]], c["kind"], code(c["name"]), text(c["reason"])] for c in told]
    return table(["", "kind", "what", "why"], rows) if rows else "No check found anything."


def _metrics(metrics: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [c["metric"], number(c["before"]), number(c["value"]), signed(c["difference"]), _interval(c)] for c in metrics
    ]
    return table(["metric", "#before", "#now", "#change", "#interval"], rows) if rows else ""


def _features(features: Iterable[Mapping[str, Any]]) -> str:
    furthest = sorted(features, key=lambda feature: (-feature["psi"], feature["feature"]))
    rows = [
        [
            code(feature["feature"]),
            number(feature["psi"], 2),
            number(feature["usual"], 2),
            number(feature["distance"], 2),
            percent(round(feature["missing"], 4)),
            percent(round(feature["unknown"], 4)),
        ]
        for feature in furthest[:SHOWN]
    ]
    header = ["input", "#PSI", f"#of a training {STRETCH}, at most", "#KS or Cramér's V", "#missing", "#unknown"]
    summary = f"Drift of the inputs, the {len(rows)} furthest of {len(furthest)}"
    return details(summary, table(header, rows)) if rows else ""


def _slices(slices: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        [
            c["slice"], code(c["value"]), number(c["rows"]), number(c["before"]),
            number(c[TASK.main]), signed(c["difference"]), _interval(c),
        ]
        for c in slices
    ]  # fmt: skip
    header = ["slice", "value", "#rows", f"#{TASK.title} before", "#now", "#change", "#interval"]
    return details("Slices", table(header, rows)) if rows else ""


def _calibration(bins: Iterable[Mapping[str, float]]) -> str:
    rows = [[number(b["predicted"]), number(b["observed"]), number(int(b["rows"]))] for b in bins]
    return details("Calibration", table(["#predicted", "#observed", "#rows"], rows)) if rows else ""


def _interval(change: Mapping[str, float | None]) -> str:
    low, high = change["low"], change["high"]
    return "–" if low is None or high is None else f"{signed(low)} to {signed(high)}"
