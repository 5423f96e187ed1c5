"""Show where the model is weaker: the main metric by slice.

The slices are those of the test rows and of the last monitored month.
"""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.page_blocks import Block, CodeCell, CommandList, PageSection, Table
from tarmac.dashboard.page_data import PageData
from tarmac.dashboard.records import MonthRecord, SliceChangeRecord, SliceRecord
from tarmac.dashboard.vega import ACCENT, MUTED, Spec
from tarmac.dashboard.words import (
    MAIN,
    TESTED,
    format_difference,
    format_estimate,
    format_interval,
    format_metric_name,
    format_month,
)
from tarmac.pipeline.base.paths import INTERVALS
from tarmac.reporting.markdown import format_number

NONE = "No slice was measured yet: there is no `metrics/intervals.json` with slices."
READS = (
    "A dot is a slice's value and a line its 95% interval;"
    " the upright line is the model as a whole."
    " The weakest of a kind comes first."
)
MOVED = (
    f"A dot is the change against the {TESTED}, a line its 95% interval."
    " Clear of zero, it is proven."
)
ROW = 22


def build_section(known: PageData) -> PageSection:
    """Every slice with its interval; those with too few rows stand in the table only."""
    slices = known.intervals.slices
    if not slices:
        return PageSection(
            "slices",
            "Slices",
            NONE,
            [CommandList("To measure them", ["make run"])],
            known.list_sources(INTERVALS),
        )
    kinds = list(dict.fromkeys(one.slice for one in slices))
    scored = [one for one in slices if one.score.value is not None]
    scored.sort(key=lambda one: (kinds.index(one.slice), one.score.value))
    whole = known.current.get(MAIN)
    title = f"{format_metric_name(MAIN)} by slice, {TESTED}"
    overall = whole.value if whole else None
    blocks: list[Block] = [_build_table(slices), *_build_change_blocks(known.last_month)]
    if scored:
        blocks.insert(
            0,
            vega.build_chart(title, READS, lambda width: _build_chart_spec(scored, overall, width)),
        )
    paths = [INTERVALS]
    if known.last_month and known.last_month.slices:
        paths.append(known.last_month_path)
    return PageSection(
        "slices",
        "Slices",
        _summarize_slices(scored, slices),
        blocks,
        known.list_sources(*paths),
    )


def _summarize_slices(scored: Sequence[SliceRecord], slices: Sequence[SliceRecord]) -> str:
    if not scored:
        return "Every slice has too few rows for a score."
    worst = min(scored, key=lambda one: one.score.value or 0)
    few = len(slices) - len(scored)
    left = f" {few} of {len(slices)} slices have too few rows for a score." if few else ""
    score = f"{format_metric_name(MAIN)} {format_estimate(worst.score)}"
    return f"The weakest slice is {worst.slice} {worst.value}, {score}.{left}"


def _build_chart_spec(scored: Sequence[SliceRecord], whole: float | None, width: int) -> Spec:
    rows = [
        {
            "name": f"{one.slice} {one.value}",
            "value": one.score.value,
            "low": one.score.low,
            "high": one.score.high,
            "tip": f"{one.slice} {one.value}: {format_estimate(one.score, 4)}, {one.rows:,} rows",
        }
        for one in scored
    ]
    return _build_interval_spec(rows, format_metric_name(MAIN), ".2f", whole, width)


def _build_change_blocks(last: MonthRecord | None) -> list[Block]:
    """How slices changed in the last month watched; nothing while labels are missing."""
    changes = [one for one in last.slices if one.difference is not None] if last else []
    if not changes or last is None:
        return []
    title = f"Change of {format_metric_name(MAIN)} by slice, {format_month(last.name)}"
    return [
        vega.build_chart(title, MOVED, lambda width: _build_change_spec(changes, width)),
        _build_change_table(changes, last),
    ]


def _build_change_spec(changes: Sequence[SliceChangeRecord], width: int) -> Spec:
    rows = [
        {
            "name": f"{one.slice} {one.value}",
            "value": one.difference,
            "low": one.low,
            "high": one.high,
            "tip": (
                f"{one.slice} {one.value}: {format_difference(one.difference)},"
                f" {format_interval(one.low, one.high, sign=True)}"
            ),
        }
        for one in changes
    ]
    return _build_interval_spec(rows, f"change of {format_metric_name(MAIN)}", "+.2f", 0.0, width)


def _build_interval_spec(
    rows: Sequence[Spec], title: str, form: str, line: float | None, width: int
) -> Spec:
    """Dots with their intervals, a row each, and an upright line to compare with."""
    order = [row["name"] for row in rows]
    y = vega.build_name_axis(order)
    axis = {"title": title, "grid": True, "format": form, "tickCount": 5, "titleAnchor": "start"}
    x = {"type": "quantitative", "scale": {"zero": False}, "axis": axis}
    compared = {
        "mark": {"type": "rule", "strokeDash": [3, 3], "color": MUTED},
        "data": {"values": [{"at": line}]},
        "encoding": {"x": {"field": "at", **x}},
    }
    line_layers = [] if line is None else [compared]
    return {
        "width": width,
        "height": ROW * len(rows) + 50,
        "padding": {"top": 2, "bottom": 2, "left": 6, "right": 8},
        "data": {"values": list(rows)},
        "layer": [
            *line_layers,
            {
                "mark": {"type": "rule", "color": ACCENT, "strokeWidth": 2, "opacity": 0.45},
                "transform": [{"filter": "isValid(datum.low)"}],
                "encoding": {"y": y, "x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {
                    "type": "point",
                    "filled": True,
                    "color": ACCENT,
                    "size": 55,
                    "opacity": 1,
                },
                "encoding": {"y": y, "x": {"field": "value", **x}, "description": {"field": "tip"}},
            },
        ],
    }


def _build_table(slices: Sequence[SliceRecord]) -> Table:
    head = ("slice", "value", "#rows", f"#{format_metric_name(MAIN)}", "#95% interval")
    rows = [
        (
            one.slice,
            CodeCell(one.value),
            f"{one.rows:,}",
            format_number(one.score.value),
            format_interval(one.score.low, one.score.high),
        )
        for one in slices
    ]
    return Table(f"Every slice of the {TESTED}", head, rows, folded=True)


def _build_change_table(changes: Sequence[SliceChangeRecord], last: MonthRecord) -> Table:
    head = ("slice", "value", "#rows", "#before", "#now", "#change", "#95% interval")
    rows = [
        (
            one.slice,
            CodeCell(one.value),
            f"{one.rows:,}",
            format_number(one.before),
            format_number(one.score),
            format_difference(one.difference),
            format_interval(one.low, one.high, 4, sign=True),
        )
        for one in changes
    ]
    return Table(f"Every slice of {format_month(last.name)}", head, rows, folded=True)
