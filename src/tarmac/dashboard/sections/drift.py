"""Show where the inputs have drifted, by feature and month.

The drift is compared with how far training months differ among themselves.
"""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.page_blocks import Block, CodeCell, CommandList, PageSection, Table
from tarmac.dashboard.page_data import LAST, RECORDS, PageData
from tarmac.dashboard.records import FeatureRecord, MonthRecord
from tarmac.dashboard.vega import INK, MUTED, PAPER, Spec
from tarmac.dashboard.words import (
    WATCH,
    WATCHED,
    format_count,
    format_month,
    format_month_range,
    format_month_ticks,
    format_share,
    join_names,
)
from tarmac.reporting.markdown import format_number

NONE = "No month has been watched yet, so nothing is known of drift."
CALM = 0.1
BOUNDS = (0.05, CALM, 0.25, 0.5)
SHADES = ("below 0.05", "to 0.1", "to 0.25", "to 0.5", "above 0.5")
READS = (
    "Population stability index of a month against the training window:"
    " below 0.1 is calm, above 0.25 is a large move."
    " A frame marks a move beyond what any training month differs from the others."
)
MOST = 18  # features that are drawn: those that moved most
ROW = 24  # units of height


def build_section(known: PageData) -> PageSection:
    """A heatmap of the features that moved most, and all of the last month in a table."""
    if known.last_month is None:
        return PageSection(
            "drift", "Drift", NONE, [CommandList(f"To check the last {WATCHED}", [WATCH])]
        )
    blocks: list[Block] = [_build_feature_table(known.last_month), _build_month_table(known.months)]
    if _has_psi(known.months):
        blocks.insert(
            0,
            vega.build_chart(
                _format_title(known.months),
                READS,
                lambda width: _build_chart_spec(known.months, width),
            ),
        )
    paths = [RECORDS] if known.last_is_record else [RECORDS, LAST]
    sources = known.list_sources(*paths)
    return PageSection("drift", "Drift", _summarize_drift(known.last_month), blocks, sources)


def _format_title(months: Sequence[MonthRecord]) -> str:
    every = len(_order_features(months))
    which = f"the {MOST} of {every} features that moved most" if every > MOST else "every feature"
    names = [month.name for month in months]
    return f"PSI of {which}, {format_month_range(names)}"


def _has_psi(months: Sequence[MonthRecord]) -> bool:
    return any(one.psi is not None for month in months for one in month.features)


def _summarize_drift(last: MonthRecord) -> str:
    beyond = sorted(
        (one for one in last.features if _has_drifted(one)), key=lambda one: -(one.psi or 0)
    )
    if not beyond:
        return (
            f"In {format_month(last.name)},"
            " no feature moved further than training months differ among themselves."
        )
    names = join_names([f"{one.feature} ({format_number(one.psi, 2)})" for one in beyond])
    moved = format_count(len(beyond), "feature has", "features have")
    return (
        f"In {format_month(last.name)}, {moved}"
        f" moved further than training months differ among themselves: {names}."
    )


def _has_drifted(one: FeatureRecord) -> bool:
    """Check whether a feature moved further than the seasons of the training window explain."""
    return one.psi is not None and one.usual is not None and one.psi > max(one.usual, CALM)


def _order_features(months: Sequence[MonthRecord]) -> list[str]:
    """Features, the one that moved most first."""
    most: dict[str, float] = {}
    for month in months:
        for one in month.features:
            most[one.feature] = max(most.get(one.feature, 0.0), one.psi or 0.0)
    return sorted(most, key=lambda name: (-most[name], name))


def _build_chart_spec(months: Sequence[MonthRecord], width: int) -> Spec:
    shown, names = _order_features(months)[:MOST], [month.name for month in months]
    cells = [
        _build_cell(month, one)
        for month in months
        for one in month.features
        if one.feature in shown
    ]
    named = dict(zip(names, format_month_ticks(names), strict=True))
    above: Spec = {"title": None, "orient": "top", "labelAngle": 0, "labelOverlap": True}
    beside: Spec = {"title": None, "labelLimit": 150, "labelColor": INK}
    number_layers = [_build_number_layer()] if width // max(len(names), 1) > 44 else []
    return {
        "width": width,
        "height": ROW * len(shown) + 64,
        "padding": 2,
        "data": {"values": [cell for cell in cells if cell["psi"] is not None]},
        "encoding": {
            "x": {
                "field": "month",
                "type": "ordinal",
                "axis": {**above, "labelExpr": f"{named}[datum.value]"},
            },
            "y": {"field": "feature", "type": "ordinal", "sort": shown, "axis": beside},
        },
        "layer": [
            _build_shade_layer(width),
            _build_frame_layer(),
            *number_layers,
        ],
    }


def _build_cell(month: MonthRecord, one: FeatureRecord) -> Spec:
    shade = SHADES[sum(one.psi >= bound for bound in BOUNDS)] if one.psi is not None else None
    psi = f"PSI {format_number(one.psi, 3)}, usual {format_number(one.usual, 3)}"
    tip = f"{one.feature}, {format_month(month.name)}: {psi}"
    facts = {"month": month.name, "feature": one.feature, "psi": one.psi, "shade": shade}
    return {**facts, "beyond": _has_drifted(one), "tip": tip}


def _build_shade_layer(width: int) -> Spec:
    colours = {"domain": SHADES, "range": [f"var(--heat-{place})" for place in range(len(SHADES))]}
    squares = {
        "symbolType": "square",
        "symbolSize": 170,
        "symbolStrokeWidth": 0,
        "labelColor": MUTED,
        "labelFontSize": 12,
    }
    below = {"orient": "bottom", "title": None}
    legend = {**squares, **below, "columns": 5 if width == vega.WIDE else 2, "columnPadding": 12}
    colour = {"field": "shade", "type": "nominal", "scale": colours, "legend": legend}
    mark = {"type": "rect", "stroke": PAPER, "strokeWidth": 2, "cornerRadius": 3}
    return {"mark": mark, "encoding": {"color": colour, "description": {"field": "tip"}}}


def _build_frame_layer() -> Spec:
    """Around what lies beyond the usual."""
    mark = {"type": "rect", "filled": False, "stroke": INK, "strokeWidth": 2, "cornerRadius": 3}
    return {"mark": mark, "transform": [{"filter": "datum.beyond"}]}


def _build_number_layer() -> Spec:
    """The index in each cell that is not calm, where there is room."""
    colour = {
        "condition": {"test": f"datum.psi >= {BOUNDS[2]}", "value": "var(--heat-ink)"},
        "value": INK,
    }
    text = {"field": "psi", "type": "quantitative", "format": ".2f"}
    mark = {"type": "text", "fontSize": 11}
    return {
        "mark": mark,
        "transform": [{"filter": f"datum.psi >= {BOUNDS[1]}"}],
        "encoding": {"text": text, "color": colour},
    }


def _build_feature_table(last: MonthRecord) -> Table:
    head = (
        "feature",
        "#PSI",
        "#usual",
        "#KS or Cramér's V",
        "#missing",
        "#missing before",
        "#unknown",
    )
    ordered = sorted(last.features, key=lambda one: (-(one.psi or 0), one.feature))
    rows = [
        (
            CodeCell(one.feature),
            format_number(one.psi, 3),
            format_number(one.usual, 3),
            format_number(one.distance, 3),
            format_share(one.missing),
            format_share(one.missing_before),
            format_share(one.unknown),
        )
        for one in ordered
    ]
    return Table(f"Every feature in {format_month(last.name)}", head, rows, folded=True)


def _build_month_table(months: Sequence[MonthRecord]) -> Table:
    psi = {(month.name, one.feature): one.psi for month in months for one in month.features}
    rows = []
    for feature in _order_features(months):
        values = [format_number(psi.get((month.name, feature)), 3) for month in months]
        rows.append((CodeCell(feature), *values))
    head = ("feature", *(f"#{month.name}" for month in months))
    return Table("PSI of every feature in every month", head, rows, folded=True)
