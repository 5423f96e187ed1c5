"""The report: the verdict in one line, then what a reviewer asks next, in Markdown that fits a comment."""

from collections.abc import Iterable, Mapping

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.intervals.sample import Estimate
from tarmac.reporting.markdown import VALUE, code, details, fit, number, percent, signed, table, text
from tarmac.repository.stage_inputs import OUTSIDE
from tarmac.review.compare import MetricChange, SliceChange
from tarmac.review.cost import Cost
from tarmac.review.facts import Review
from tarmac.review.verdict import Check

MARKS = {"pass": "✅", "fail": "❌", "not proven": "➖"}
LEARNED = "training rows" if problem.contract.DAY else "rows"  # of which the drift is told
POLICY = ("review.", "intervals.", "evaluate.")  # parameters that the verdict goes by
FILES, LINES, COLUMNS = 20, 20, 10  # of a stage, of an error, and of the data, that are shown


def report(review: Review) -> str:
    """The whole report, at most `markdown.LIMIT` characters."""
    word = "✅ Pass" if review.passed else "❌ Fail"
    parts = [
        f"## {word}: {text(review.headline)}",
        _notes(review),
        _metrics(review),
        _other_checks(review),
        "### What changed\n\n" + _changed(review),
        _slices(review),
        _behaviour(review),
        _charts(review),
        details("Data", found) if (found := _data(review)) else "",
        details("Cost", _cost(review)),
        details("Lineage", table(["of", "value"], [(name, code(value)) for name, value in review.lineage.items()])),
    ]
    return fit("\n\n".join(part for part in parts if part) + "\n")


def failure(error: str) -> str:
    """The report where there is no result to judge: the pipeline, or what it needs, failed."""
    lines = [line for line in error.splitlines() if line.strip()]
    more = [f"… and {len(lines) - LINES:,} more lines"] if len(lines) > LINES else []
    shown = "\n".join(f"- {line}" for line in [*map(text, lines[:LINES]), *more])
    return fit(f"## ❌ Fail: there is no result to judge\n\n{shown}\n")


def _notes(review: Review) -> str:
    rows = review.compared
    lines = [f"Head {code(review.head)} against base {code(review.lineage['base'][:9])}."]
    if review.no_base:
        lines = [f"**There is no base to compare with** ({text(review.no_base)}): only bounds are judged."]
    else:
        where = (
            f"of {review.moved.first} to {review.moved.last}" if review.moved and review.moved.asked else "are in both"
        )
        resampled = f"{percent(review.confidence)} intervals by resampled {problem.contract.CLUSTERS[1]}."
        lines += [f"{rows['common']:,} test rows {where}, {resampled}", *_moved(review)]
    if not review.no_base and (rows["only_base"] or rows["only_head"]):
        lines.append(
            f"**The test sets differ**: {rows['only_base']:,} rows only in base, {rows['only_head']:,} only in head;"
            " changes are those on the common rows, bounds are judged on all of head's."
        )
    if rows["relabelled"]:
        lines.append(f"**{rows['relabelled']:,} rows have another label now**; both models are judged by the new one.")
    policy = any(key.startswith(POLICY) for key, _, _ in review.changes.params)
    if review.judge:
        lines.append("Judged by the base's code and policy; head's own code ran in a sandbox alone.")
        lines += ["**The policy changes with the merge**, not before: see the parameters."] if policy else []
    else:
        lines.append("Judged by the working tree's own code; `make review JUDGE=base` does what CI does.")
        lines += ["**The policy itself changed**, and head's is the one that judged."] if policy else []
    return " ".join(lines)


def _moved(review: Review) -> list[str]:
    """What was done because head is tested on other months than base."""
    if review.moved is None:
        return []
    changed = len(review.data.changed_values) if review.moved.asked else 0
    otherwise = f"Columns of the features with other values in rows that both have: {changed}; it is judged by head's."
    return [f"**The test months moved**: {text(review.moved.told)}.", *([otherwise] if changed else [])]


def _metrics(review: Review) -> str:
    checks = {check.name: check for check in review.checks if check.kind == "metric"}
    header = ["metric", "#base", "#head", "#change", f"#{percent(review.confidence)} interval", "", "judged"]
    better = {str(name): "↑" if policy.better == "higher" else "↓" for name, policy in review.policy.metrics.items()}
    lines = table(header, [_metric(change, checks[change.name], better) for change in review.metrics])
    if review.row_wise:
        low, high = review.row_wise
        apart = (
            f"as if every row were independent of its {problem.contract.CLUSTERS[0]}"
            if problem.contract.CLUSTERS[0] != "row"
            else "row by row"
        )
        lines += f"\n\nDeLong's interval for {TASK.title}, {apart}: {signed(low)} to {signed(high)}."
    return lines


def _metric(change: MetricChange, check: Check, better: Mapping[str, str]) -> tuple[str, ...]:
    head = change.whole if change.head is None else change.head
    moved = signed(change.difference.value) if change.difference else "–"
    cells = (number(change.base), number(head), moved, _between(change.difference))
    name = f"{code(change.name)} {better.get(change.name, '')}".strip()
    return name, *cells, MARKS[check.outcome], text(check.reason)


def _between(estimate: Estimate | None) -> str:
    if estimate is None or not estimate.low <= estimate.high:
        return "–"
    return f"{signed(estimate.low)} to {signed(estimate.high)}"


def _other_checks(review: Review) -> str:
    """Every failing check that is not of a metric, and those of the result as a whole."""
    whole = ("lineage", "baseline", "parity", "cost")
    chosen = [c for c in review.checks if c.kind != "metric" and (c.outcome == "fail" or c.kind in whole)]
    chosen.sort(key=lambda check: check.outcome != "fail")
    return table(["check", "", "judged"], [(text(c.name), MARKS[c.outcome], text(c.reason)) for c in chosen])


def _changed(review: Review) -> str:
    """Parameters, data in a line, and code by stage."""
    if review.lineage["base"] == "none":
        return "There is nothing to compare with."
    found = review.changes
    params = table(["parameter", "base", "head"], [(code(k), *_differing(old, new)) for k, old, new in found.params])
    data = [f"{count:,} rows {what}" for what, count in review.data.rows.items() if count]
    data += [f"column {code(name)} {text(what)}" for name, what in review.data.columns[:COLUMNS]]
    more = len(review.data.columns) - COLUMNS
    data += [f"{more:,} more columns"] if more > 0 else []
    drifted = [name for name, far in review.data.drift.items() if far >= review.policy.drift]
    data += (
        [f"columns whose {'training data' if problem.contract.DAY else 'rows'} drifted: {len(drifted)}"]
        if drifted
        else []
    )
    data = [f"raw files that differ: {len(review.data.raw)}", *data] if review.data.raw else data
    data += [text("; ".join(review.data.unknown))] if review.data.unknown else []
    stages = [f"- {_stage(stage)}: {_files(files)}" for stage, files in found.files.items()]
    return "\n\n".join(
        [
            params if found.params else "**Parameters:** none.",
            f"**Data:** {'; '.join(data) or 'the same'}.",
            "**Code and other files by stage:**\n\n" + "\n".join(stages) if stages else "**Code:** none.",
            *_additions(review),
        ]
    )


def _additions(review: Review) -> list[str]:
    """Return what is to be read because it could hold labels of the test rows, which no rebuild finds."""
    if not review.additions:
        return []
    rows = [(code(one.place), text(one.what), f"{one.size:,}") for one in review.additions]
    return [
        f"**The largest literals, data and binary files that it adds:**\n\n{table(['where', 'what', '#bytes'], rows)}"
    ]


def _differing(old: str, new: str) -> tuple[str, str]:
    """Two values; those too long to be shown whole from a little before where they differ."""
    alike = next(
        (n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new))
    )
    start = alike - VALUE // 4 if max(len(old), len(new)) > VALUE else 0
    base, head = (code(f"…{value[start:]}" if start > 0 else value) for value in (old, new))
    return base, head


def _stage(stage: str) -> str:
    return stage if stage == OUTSIDE else code(stage)


def _files(files: list[str]) -> str:
    more = f" and {len(files) - FILES:,} more" if len(files) > FILES else ""
    return ", ".join(code(name) for name in files[:FILES]) + more


def _slices(review: Review) -> str:
    checks = {check.name: check for check in review.checks if check.kind == "slice"}
    lines = [(change, checks[f"{change.slice} {change.value}"]) for change in review.slices]
    moved = [(c, k) for c, k in lines if k.outcome == "fail" or k.direction in {"better", "worse"}]
    by_chance = (1 - review.confidence) * len(lines)
    note = f"Of {len(lines)} slices, about {by_chance:.1f} seem to move by chance alone."
    shown = f"{_slice_table(moved, review.confidence)}\n\n{note}" if moved else "None."
    every = "\n\n" + details(f"All {len(lines)} slices", _slice_table(lines, review.confidence)) if lines else ""
    return f"### Slices that moved\n\n{shown}" + every


def _slice_table(lines: Iterable[tuple[SliceChange, Check]], confidence: float) -> str:
    short = TASK.short.upper()
    sides = (f"#base {short}", f"#head {short}")
    header = ["slice", "#rows", *sides, "#change", f"#{percent(confidence)} interval", "", "judged"]
    return table(header, [_slice(change, check) for change, check in lines])


def _slice(change: SliceChange, check: Check) -> tuple[str, ...]:
    moved = signed(change.difference.value) if change.difference else "–"
    cells = (f"{change.rows:,}", number(change.base), number(change.head.value), moved, _between(change.difference))
    return code(check.name), *cells, MARKS[check.outcome], text(check.reason)


def _behaviour(review: Review) -> str:
    checks = [check for check in review.checks if check.kind == "behaviour"]
    rows = [(text(check.name), MARKS[check.outcome], text(check.reason)) for check in checks]
    return details(f"Behaviour: {len(checks)} tests", table(["what is tried", "", "found"], rows)) if rows else ""


def _data(review: Review) -> str:
    if review.lineage["base"] == "none":
        return ""
    data = review.data
    parts = []
    if data.raw:
        parts.append(table(["raw file", "what happened"], [(code(name), text(what)) for name, what in data.raw]))
    if data.columns:
        parts.append(table(["column", "what happened"], [(code(name), text(what)) for name, what in data.columns]))
    if data.changed_values:
        changed = sorted(data.changed_values.items(), key=lambda item: -item[1])
        parts.append(table(["column", "#rows with another value"], [(code(name), f"{n:,}") for name, n in changed], 20))
    if data.counts:
        counted = [(code(name), number(old), number(new)) for name, (old, new) in data.counts.items()]
        parts.append(table(["counted by prepare", "#base", "#head"], counted))
    if data.drift:
        far = [(code(name), number(value)) for name, value in data.drift.items()]
        parts.append(f"Distance of the {LEARNED}, from 0 (alike) to 1 (nothing in common), the largest first:")
        parts.append(table(["column", "#distance"], far, 15))
    same = "" if data.unknown else "Raw data and features are the same, byte for byte."
    return "\n\n".join(parts) or same


def _charts(review: Review) -> str:
    drawn = "\n\n".join(f"{title}\n\n{chart}" for title, chart in review.charts)
    return details("Charts", drawn) if drawn else ""


def _cost(review: Review) -> str:
    sides = [side or Cost(None, None, {}) for side in review.cost]
    rows = [
        ("model, bytes", *(number(side.model_bytes) for side in sides)),
        ("scoring one row, µs (both timed in turn)", *(number(side.scoring_microseconds, 1) for side in sides)),
    ]
    stages = dict.fromkeys(name for side in sides for name in side.stages)
    rows += [(code(stage), *(_spent(side.stages.get(stage)) for side in sides)) for stage in stages]
    note = "" if sides[1].stages else "\n\nNo stage has run on this machine: what they cost is not known here."
    return table(["", "#base", "#head"], rows) + note


def _spent(spent: Mapping[str, float] | None) -> str:
    if spent is None:
        return "–"
    wall, cpu, peak = spent["wall_seconds"], spent["cpu_seconds"], spent["peak_bytes"] / 1e9
    return f"{number(wall, 1)} s, CPU {number(cpu, 1)} s, {number(peak, 2)} GB"
