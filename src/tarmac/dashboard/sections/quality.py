"""What came in: rows, what was set aside and why, and inputs that are missing or unknown."""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.page_blocks import Block, CodeCell, CommandList, PageSection, Table
from tarmac.dashboard.page_data import PageData
from tarmac.dashboard.records import FeatureRecord, MonthRecord, PreparedCounts
from tarmac.dashboard.vega import ACCENT, OTHER, Spec
from tarmac.dashboard.words import format_count, format_month, format_share
from tarmac.pipeline.base.paths import PREPARED_COUNTS

NONE = "The data were not prepared yet."
READS = (
    "Share of rows without the input:"
    " a hollow dot in the training window, a filled one in the month."
)
ROW, MOST = 22, 16


def build_section(known: PageData) -> PageSection:
    """Counts of the preparation, then the inputs of the last month watched."""
    if known.prepared is None:
        return PageSection(
            "quality", "Data quality", NONE, [CommandList("To check and count them", ["make run"])]
        )
    blocks: list[Block] = [
        _build_counts_table(known.prepared),
        _build_rules_table(known.prepared),
        *_build_missing_blocks(known.last_month),
    ]
    monitored = [known.last_month_path] if known.last_month else []
    return PageSection(
        "quality",
        "Data quality",
        _summarize_quality(known.prepared, known.last_month),
        blocks,
        known.list_sources(PREPARED_COUNTS, *monitored),
    )


def _summarize_quality(prepared: PreparedCounts, last: MonthRecord | None) -> str:
    aside = (
        format_count(prepared.set_aside, "row was", "rows were")
        if prepared.set_aside
        else "No row was"
    )
    broken = sum(prepared.broken_rules.values())
    values = f"; {format_count(broken, 'value')} broke a rule" if broken else ""
    unknown = [one.feature for one in last.features if one.unknown] if last else []
    unknown_note = (
        f" In {format_month(last.name)}, {format_count(len(unknown), 'input')}"
        " had values never seen in training."
        if last
        else ""
    )
    return f"{aside} set aside as invalid{values}.{unknown_note}"


def _build_counts_table(prepared: PreparedCounts) -> Table:
    rows = [(name.replace("_", " "), f"{size:,}") for name, size in sorted(prepared.rows.items())]
    return Table(
        "What was counted while preparing",
        ("of", "#rows"),
        [*rows, ("set aside", f"{prepared.set_aside:,}")],
        folded=True,
    )


def _build_rules_table(prepared: PreparedCounts) -> Table:
    rows = [(CodeCell(rule), f"{size:,}") for rule, size in sorted(prepared.broken_rules.items())]
    return Table(
        "Rules that were broken", ("table, column and rule", "#values"), rows or [("none", "0")]
    )


def _build_missing_blocks(last: MonthRecord | None) -> list[Block]:
    """Return a chart and a table of the inputs that are not complete.

    Return an empty list if no input is known to be missing.
    """
    incomplete = (
        [one for one in last.features if one.missing or one.missing_before or one.unknown]
        if last
        else []
    )
    if last is None or not incomplete:
        return []
    incomplete.sort(key=lambda one: (-(one.missing or 0), one.feature))
    gaps = [one for one in incomplete if one.missing or one.missing_before][:MOST]
    title = f"Missing inputs, {format_month(last.name)}"
    head = ("input", "#missing", "#in training", "#unknown")
    rows = [
        (
            CodeCell(one.feature),
            format_share(one.missing),
            format_share(one.missing_before),
            format_share(one.unknown),
        )
        for one in incomplete
    ]
    blocks: list[Block] = [
        Table(f"Inputs that are not complete, {format_month(last.name)}", head, rows, folded=True)
    ]
    if gaps:
        blocks.insert(
            0, vega.build_chart(title, READS, lambda width: _build_chart_spec(gaps, width))
        )
    return blocks


def _build_chart_spec(features: Sequence[FeatureRecord], width: int) -> Spec:
    rows = [
        {
            "name": one.feature,
            "before": one.missing_before or 0,
            "now": one.missing or 0,
            "tip": (
                f"{one.feature}: {format_share(one.missing)} missing,"
                f" {format_share(one.missing_before)} in training"
            ),
        }
        for one in features
    ]
    order = [row["name"] for row in rows]
    y = vega.build_name_axis(order)
    axis = {
        "title": "share of rows without it",
        "format": ".0%",
        "grid": True,
        "tickCount": 5,
        "titleAnchor": "start",
    }
    x = {"type": "quantitative", "axis": axis, "scale": {"domainMin": 0}}
    return {
        "width": width,
        "height": ROW * len(rows) + 50,
        "padding": {"top": 2, "bottom": 2, "left": 6, "right": 8},
        "data": {"values": rows},
        "encoding": {"y": y},
        "layer": _build_layers(x),
    }


def _build_layers(x: Spec) -> list[Spec]:
    """A line from the share in training, a hollow dot, to the share now, a filled one."""
    dot = {"type": "point", "size": 55, "opacity": 1, "filled": True}
    hollow = {"fill": "var(--paper)", "stroke": OTHER, "strokeWidth": 1.5}
    return [
        {
            "mark": {"type": "rule", "color": OTHER, "strokeWidth": 1.5},
            "encoding": {"x": {"field": "before", **x}, "x2": {"field": "now"}},
        },
        {"mark": {**dot, **hollow}, "encoding": {"x": {"field": "before", **x}}},
        {
            "mark": {**dot, "color": ACCENT},
            "encoding": {"x": {"field": "now", **x}, "description": {"field": "tip"}},
        },
    ]
