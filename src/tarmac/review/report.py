"""Render the report in Markdown that fits a comment.

The verdict comes first, in one line, then what a reviewer asks next.
"""

from collections.abc import Iterable, Mapping

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.intervals.sample import MetricEstimate
from tarmac.reporting.markdown import (
    VALUE,
    escape_text,
    format_code,
    format_number,
    format_percent,
    format_signed_number,
    render_details,
    render_table,
    truncate_report,
)
from tarmac.repository.stage_inputs import OUTSIDE
from tarmac.review.compare import MetricChange, SliceChange
from tarmac.review.cost import ResultCost
from tarmac.review.facts import Review
from tarmac.review.verdict import ReviewCheck

MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "➖"}
LEARNED = "training rows" if problem.contract.DAY else "rows"  # of which the drift is told
POLICY = ("review.", "intervals.", "evaluate.")  # parameters that the verdict goes by
FILES, LINES, COLUMNS = 20, 20, 10  # of a stage, of an error, and of the data, that are shown


def render_report(review: Review) -> str:
    """The whole report, at most `markdown.LIMIT` characters."""
    outcome = "✅ Pass" if review.is_passing else "❌ Fail"
    data = _render_data(review)
    lineage = [(name, format_code(value)) for name, value in review.lineage.items()]
    parts = [
        f"## {outcome}: {escape_text(review.headline)}",
        _render_notes(review),
        _render_metrics(review),
        _render_other_checks(review),
        "### What changed\n\n" + _render_changes(review),
        _render_slices(review),
        _render_behaviour(review),
        _render_charts(review),
        render_details("Data", data) if data else "",
        render_details("Cost", _render_cost(review)),
        render_details("Lineage", render_table(["of", "value"], lineage)),
    ]
    return truncate_report("\n\n".join(part for part in parts if part) + "\n")


def render_failure(error: str) -> str:
    """The report where there is no result to judge: the pipeline, or what it needs, failed."""
    lines = [line for line in error.splitlines() if line.strip()]
    more = [f"… and {len(lines) - LINES:,} more lines"] if len(lines) > LINES else []
    shown = "\n".join(f"- {line}" for line in [*map(escape_text, lines[:LINES]), *more])
    return truncate_report(f"## ❌ Fail: there is no result to judge\n\n{shown}\n")


def _render_notes(review: Review) -> str:
    rows = review.compared
    base = format_code(review.lineage["base"][:9])
    lines = [f"Head {format_code(review.head_name)} against base {base}."]
    if review.no_base:
        why = escape_text(review.no_base)
        lines = [f"**There is no base to compare with** ({why}): only bounds are checked."]
    else:
        where = (
            f"of {review.moved.first} to {review.moved.last}"
            if review.moved and review.moved.rows
            else "are in both"
        )
        clusters = problem.contract.CLUSTERS[1]
        resampled = f"{format_percent(review.confidence)} intervals by resampled {clusters}."
        lines += [
            f"{rows['common']:,} test rows {where}, {resampled}",
            *_render_moved_window(review),
        ]
    if not review.no_base and (rows["only_base"] or rows["only_head"]):
        lines.append(
            f"**The test sets differ**: {rows['only_base']:,} rows only in base, "
            f"{rows['only_head']:,} only in head;"
            " changes are those on the common rows, bounds are judged on all of head's."
        )
    if rows["relabelled"]:
        lines.append(
            f"**{rows['relabelled']:,} rows have another label now**; "
            "both models are judged by the new one."
        )
    return " ".join([*lines, *_render_policy_notes(review)])


def _render_policy_notes(review: Review) -> list[str]:
    """Whose code and policy the verdict is by, and whether the policy changed."""
    if review.judge:
        note = "Evaluated by the base's code and policy; head's own code ran in a sandbox alone."
        change = "**The policy changes with the merge**, not before: see the parameters."
    else:
        note = (
            "Evaluated by the working tree's own code; `make review JUDGE=base` does what CI does."
        )
        change = "**The policy itself changed**, and head's is the one that counts."
    has_changed = any(key.startswith(POLICY) for key, _, _ in review.changes.params)
    return [note, change] if has_changed else [note]


def _render_moved_window(review: Review) -> list[str]:
    """What was done because head is tested on other months than base."""
    if review.moved is None:
        return []
    changed = len(review.data.changed_values) if review.moved.rows else 0
    otherwise = (
        f"Columns of the features with other values in rows that both have: {changed}; "
        "it is judged by head's."
    )
    return [
        f"**The test months moved**: {escape_text(review.moved.summary)}.",
        *([otherwise] if changed else []),
    ]


def _render_metrics(review: Review) -> str:
    checks = {check.name: check for check in review.checks if check.kind == "metric"}
    header = [
        "metric",
        "#base",
        "#head",
        "#change",
        f"#{format_percent(review.confidence)} interval",
        "",
        "judged",
    ]
    better = {
        str(name): "↑" if policy.better == "higher" else "↓"
        for name, policy in review.policy.metrics.items()
    }
    lines = render_table(
        header,
        [_format_metric_row(change, checks[change.name], better) for change in review.metrics],
    )
    if review.row_wise:
        low, high = review.row_wise
        apart = (
            f"as if every row were independent of its {problem.contract.CLUSTERS[0]}"
            if problem.contract.CLUSTERS[0] != "row"
            else "row by row"
        )
        interval = f"{format_signed_number(low)} to {format_signed_number(high)}"
        lines += f"\n\nDeLong's interval for {TASK.title}, {apart}: {interval}."
    return lines


def _format_metric_row(
    change: MetricChange, check: ReviewCheck, better: Mapping[str, str]
) -> tuple[str, ...]:
    head = change.whole if change.head is None else change.head
    moved = format_signed_number(change.difference.value) if change.difference else "–"
    cells = (
        format_number(change.base),
        format_number(head),
        moved,
        _format_interval(change.difference),
    )
    name = f"{format_code(change.name)} {better.get(change.name, '')}".strip()
    return name, *cells, MARKS[check.outcome], escape_text(check.reason)


def _format_interval(estimate: MetricEstimate | None) -> str:
    if estimate is None or not estimate.low <= estimate.high:
        return "–"
    return f"{format_signed_number(estimate.low)} to {format_signed_number(estimate.high)}"


def _render_other_checks(review: Review) -> str:
    """Every failing check that is not of a metric, and those of the result as a whole."""
    whole = ("lineage", "baseline", "parity", "cost")
    chosen = [
        c for c in review.checks if c.kind != "metric" and (c.outcome == "fail" or c.kind in whole)
    ]
    chosen.sort(key=lambda check: check.outcome != "fail")
    return render_table(
        ["check", "", "judged"],
        [(escape_text(c.name), MARKS[c.outcome], escape_text(c.reason)) for c in chosen],
    )


def _render_changes(review: Review) -> str:
    """Parameters, data in a line, and code by stage."""
    if review.lineage["base"] == "none":
        return "There is nothing to compare with."
    changes = review.changes
    params = render_table(
        ["parameter", "base", "head"],
        [(format_code(k), *_format_differing_values(old, new)) for k, old, new in changes.params],
    )
    data = [f"{count:,} rows {what}" for what, count in review.data.rows.items() if count]
    data += [
        f"column {format_code(name)} {escape_text(what)}"
        for name, what in review.data.columns[:COLUMNS]
    ]
    more = len(review.data.columns) - COLUMNS
    data += [f"{more:,} more columns"] if more > 0 else []
    drifted = [name for name, far in review.data.drift.items() if far >= review.policy.drift]
    if drifted:
        what = "training data" if problem.contract.DAY else "rows"
        data.append(f"columns whose {what} drifted: {len(drifted)}")
    data = [f"raw files that differ: {len(review.data.raw)}", *data] if review.data.raw else data
    data += [escape_text("; ".join(review.data.unknown))] if review.data.unknown else []
    stages = [
        f"- {_format_stage(stage)}: {_format_files(files)}"
        for stage, files in changes.files.items()
    ]
    return "\n\n".join(
        [
            params if changes.params else "**Parameters:** none.",
            f"**Data:** {'; '.join(data) or 'the same'}.",
            "**Code and other files by stage:**\n\n" + "\n".join(stages)
            if stages
            else "**Code:** none.",
            *_render_additions(review),
        ]
    )


def _render_additions(review: Review) -> list[str]:
    """Return what is to be read because it could contain labels of the test rows.

    No rebuild finds such labels.
    """
    if not review.additions:
        return []
    rows = [
        (format_code(one.place), escape_text(one.what), f"{one.size:,}") for one in review.additions
    ]
    table = render_table(["where", "what", "#bytes"], rows)
    return [f"**The largest literals, data and binary files that it adds:**\n\n{table}"]


def _format_differing_values(old: str, new: str) -> tuple[str, str]:
    """Two values; those too long to be shown whole from a little before where they differ."""
    alike = next(
        (n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]),
        min(len(old), len(new)),
    )
    start = alike - VALUE // 4 if max(len(old), len(new)) > VALUE else 0
    base, head = (format_code(f"…{value[start:]}" if start > 0 else value) for value in (old, new))
    return base, head


def _format_stage(stage: str) -> str:
    return stage if stage == OUTSIDE else format_code(stage)


def _format_files(files: list[str]) -> str:
    more = f" and {len(files) - FILES:,} more" if len(files) > FILES else ""
    return ", ".join(format_code(name) for name in files[:FILES]) + more


def _render_slices(review: Review) -> str:
    checks = {check.name: check for check in review.checks if check.kind == "slice"}
    lines = [(change, checks[f"{change.slice} {change.value}"]) for change in review.slices]
    moved = [(c, k) for c, k in lines if k.outcome == "fail" or k.direction in {"better", "worse"}]
    by_chance = (1 - review.confidence) * len(lines)
    note = f"Of {len(lines)} slices, about {by_chance:.1f} seem to move by chance alone."
    shown = f"{_render_slice_table(moved, review.confidence)}\n\n{note}" if moved else "None."
    text = f"### Slices that moved\n\n{shown}"
    if not lines:
        return text
    table = _render_slice_table(lines, review.confidence)
    return f"{text}\n\n{render_details(f'All {len(lines)} slices', table)}"


def _render_slice_table(lines: Iterable[tuple[SliceChange, ReviewCheck]], confidence: float) -> str:
    short = TASK.short.upper()
    sides = (f"#base {short}", f"#head {short}")
    header = [
        "slice",
        "#rows",
        *sides,
        "#change",
        f"#{format_percent(confidence)} interval",
        "",
        "judged",
    ]
    return render_table(header, [_format_slice_row(change, check) for change, check in lines])


def _format_slice_row(change: SliceChange, check: ReviewCheck) -> tuple[str, ...]:
    moved = format_signed_number(change.difference.value) if change.difference else "–"
    cells = (
        f"{change.rows:,}",
        format_number(change.base),
        format_number(change.head.value),
        moved,
        _format_interval(change.difference),
    )
    return format_code(check.name), *cells, MARKS[check.outcome], escape_text(check.reason)


def _render_behaviour(review: Review) -> str:
    checks = [check for check in review.checks if check.kind == "behaviour"]
    rows = [
        (escape_text(check.name), MARKS[check.outcome], escape_text(check.reason))
        for check in checks
    ]
    if not rows:
        return ""
    table = render_table(["what is tried", "", "found"], rows)
    return render_details(f"Behaviour: {len(checks)} tests", table)


def _render_data(review: Review) -> str:
    if review.lineage["base"] == "none":
        return ""
    data = review.data
    parts = []
    if data.raw:
        files = [(format_code(name), escape_text(what)) for name, what in data.raw]
        parts.append(render_table(["raw file", "what happened"], files))
    if data.columns:
        columns = [(format_code(name), escape_text(what)) for name, what in data.columns]
        parts.append(render_table(["column", "what happened"], columns))
    if data.changed_values:
        by_count = sorted(data.changed_values.items(), key=lambda item: -item[1])
        changed = [(format_code(name), f"{n:,}") for name, n in by_count]
        parts.append(render_table(["column", "#rows with another value"], changed, 20))
    if data.counts:
        counted = [
            (format_code(name), format_number(old), format_number(new))
            for name, (old, new) in data.counts.items()
        ]
        parts.append(render_table(["counted by prepare", "#base", "#head"], counted))
    if data.drift:
        far = [(format_code(name), format_number(value)) for name, value in data.drift.items()]
        parts.append(
            f"Distance of the {LEARNED}, from 0 (alike) to 1 (nothing in common), "
            "the largest first:"
        )
        parts.append(render_table(["column", "#distance"], far, 15))
    same = "" if data.unknown else "Raw data and features are the same, byte for byte."
    return "\n\n".join(parts) or same


def _render_charts(review: Review) -> str:
    drawn = "\n\n".join(f"{title}\n\n{chart}" for title, chart in review.charts)
    return render_details("Charts", drawn) if drawn else ""


def _render_cost(review: Review) -> str:
    sides = [side or ResultCost(None, None, {}) for side in review.cost]
    rows = [
        ("model, bytes", *(format_number(side.model_bytes) for side in sides)),
        (
            "scoring one row, µs (both timed in turn)",
            *(format_number(side.scoring_microseconds, 1) for side in sides),
        ),
    ]
    for stage in dict.fromkeys(name for side in sides for name in side.stages):
        costs = [_format_stage_cost(side.stages.get(stage)) for side in sides]
        rows.append((format_code(stage), *costs))
    note = (
        ""
        if sides[1].stages
        else "\n\nNo stage has run on this machine: what they cost is not known here."
    )
    return render_table(["", "#base", "#head"], rows) + note


def _format_stage_cost(spent: Mapping[str, float] | None) -> str:
    if spent is None:
        return "–"
    wall, cpu, peak = spent["wall_seconds"], spent["cpu_seconds"], spent["peak_bytes"] / 1e9
    return f"{format_number(wall, 1)} s, CPU {format_number(cpu, 1)} s, {format_number(peak, 2)} GB"
