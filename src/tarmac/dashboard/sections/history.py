"""How the metrics went, version by version."""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.commit_metrics import CommitMetrics
from tarmac.dashboard.page_blocks import (
    Block,
    CodeCell,
    CommandList,
    DataSource,
    PageSection,
    Table,
)
from tarmac.dashboard.page_data import PageData
from tarmac.dashboard.vega import ACCENT, INK, Spec, build_y_title
from tarmac.dashboard.words import (
    MAIN,
    TESTED,
    format_count,
    format_estimate,
    format_interval,
    format_metric_name,
)
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import INTERVALS, TEST_METRICS
from tarmac.reporting.markdown import format_number

NONE = "Nothing was measured yet."


def build_section(known: PageData) -> PageSection:
    """The metrics of every version or, without one, of every commit that changed them."""
    results, released = known.results, known.registry is not None
    if not results:
        return PageSection(
            "history", "History", NONE, [CommandList("The first result", ["make run"])]
        )
    kind = "version" if released else "commit"
    blocks: list[Block] = [*_build_charts(results, kind), *_build_tables(results, kind)]
    if not released:
        blocks.append(
            CommandList(
                "A version is registered by",
                ["make release", "make promote ENVIRONMENT=prod WHY='the first'"],
            )
        )
    return PageSection(
        "history",
        "History",
        _summarize_history(results, released),
        blocks,
        _list_sources(known, released),
    )


def _summarize_history(results: Sequence[CommitMetrics], released: bool) -> str:
    last = results[-1]
    if released:
        what = format_count(len(results), "version was", "versions were") + " released"
    else:
        commits = format_count(len(results), "commit")
        what = f"No version is released yet; {commits} changed the result"
    main = f"{format_metric_name(MAIN)} {format_estimate(last.metrics.get(MAIN))}"
    return f"{what}. {last.name} has {main}."


def _build_charts(results: Sequence[CommitMetrics], kind: str) -> list[Block]:
    rows = [_build_point(result) for result in results if MAIN in result.metrics]
    if len(rows) < 2:
        return []
    reads = (
        f"A dot is the {TESTED}' value,"
        " a line its 95% interval where `metrics/intervals.json` has one."
    )
    return [
        vega.build_chart(
            f"{format_metric_name(MAIN)} by {kind}",
            reads,
            lambda width: _build_chart_spec(rows, width),
        )
    ]


def _build_point(result: CommitMetrics) -> Spec:
    value = result.metrics[MAIN]
    tip = f"{result.name}, {result.date}: {format_estimate(value, 4)}"
    return {
        "name": result.name,
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "tip": tip,
    }


def _build_chart_spec(rows: Sequence[Spec], width: int) -> Spec:
    tilted: Spec = {"labelAngle": -90, "labelAlign": "right", "labelBaseline": "middle"}
    # Names would run into one another.
    many = len(rows) * max(8 * len(row["name"]) + 12 for row in rows) > width - 40
    x = {
        "field": "name",
        "type": "ordinal",
        "sort": [row["name"] for row in rows],
        "axis": {"title": None, **(tilted if many else {"labelAngle": 0})},
    }
    y = {
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {**build_y_title(format_metric_name(MAIN)), "tickCount": 5},
    }
    tip = {"description": {"field": "tip"}}
    return {
        "width": width,
        "height": 240,
        "padding": {"top": 4, "bottom": 4, "left": 6, "right": 8},
        "data": {"values": list(rows)},
        "encoding": {"x": x, **tip},
        "layer": _build_layers(y, has_numbers=len(rows) * 72 < width - 40),
    }


def _build_layers(y: Spec, has_numbers: bool) -> list[Spec]:
    """The intervals, the values as dots and, where there is space, as numbers."""
    return [
        {
            "mark": {"type": "rule", "color": ACCENT, "strokeWidth": 2, "opacity": 0.45},
            "transform": [{"filter": "isValid(datum.low)"}],
            "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "color": ACCENT, "opacity": 1},
            "encoding": {"y": {"field": "value", **y}},
        },
        {
            "mark": {"type": "text", "dx": 9, "align": "left", "color": INK},
            "transform": [{"filter": "true" if has_numbers else "false"}],
            "encoding": {
                "y": {"field": "value", **y},
                "text": {"field": "value", "format": ".4f"},
            },
        },
    ]


def _build_tables(results: Sequence[CommitMetrics], kind: str) -> list[Block]:
    """The main metric with its interval, and all the others on a click."""
    latest = list(reversed(results))
    where = ("commit", "in") if kind == "version" else ()
    head = (
        kind,
        "date",
        *where,
        f"#{format_metric_name(MAIN)}",
        "#95% interval",
        "why",
    )
    others = [name for name in TASK.metrics if name != MAIN]
    main_rows = [_build_row(result, kind) for result in latest]
    other_rows = []
    for result in latest:
        values = [_format_value(result, name) for name in others]
        other_rows.append((result.name, *values))
    other_head = (kind, *(f"#{format_metric_name(name)}" for name in others))
    return [
        Table(f"Every {kind}, the latest first", head, main_rows),
        Table("The other metrics", other_head, other_rows, folded=True),
    ]


def _build_row(result: CommitMetrics, kind: str) -> tuple[str, ...]:
    main, why = result.metrics.get(MAIN), result.why or "–"
    interval = format_interval(main.low, main.high) if main else "–"
    where = (
        (CodeCell(result.commit[:9]), ", ".join(result.environments) or "–")
        if kind == "version"
        else ()
    )
    return (CodeCell(result.name), result.date, *where, _format_value(result, MAIN), interval, why)


def _format_value(result: CommitMetrics, name: str) -> str:
    estimate = result.metrics.get(name)
    return format_number(estimate.value if estimate else None)


def _list_sources(known: PageData, released: bool) -> list[DataSource]:
    if not released:
        return known.list_sources(TEST_METRICS, INTERVALS)
    return [
        DataSource(str(path), None, "at the commit of each version")
        for path in (TEST_METRICS, INTERVALS)
    ]
