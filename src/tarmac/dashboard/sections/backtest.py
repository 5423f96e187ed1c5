"""Show what retraining is worth, from a backtest of the year.

The year runs once without retraining, once with retraining every month, and once by the policy.
"""

from collections.abc import Mapping, Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.page_blocks import (
    Block,
    CodeCell,
    CommandList,
    PageSection,
    Table,
    VerdictCell,
)
from tarmac.dashboard.page_data import LIVED, WAYS, PageData
from tarmac.dashboard.records import WAYS as NAMES
from tarmac.dashboard.records import BacktestMonth, BacktestSummary
from tarmac.dashboard.vega import ACCENT, INK, OTHER, PAPER, Spec, build_y_title
from tarmac.dashboard.words import (
    MAIN,
    format_count,
    format_difference,
    format_interval,
    format_metric_name,
    format_month,
    format_month_range,
    format_month_ticks,
)
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK
from tarmac.reporting.markdown import format_number, format_signed_number

NONE = "There is no backtest yet, so the gain of retraining is not known."
READS = (
    "A dot is a month's value and a thin line its 95% interval,"
    f" from resampled {problem.contract.CLUSTERS[1]};"
    " after a filled dot a new model was live, after a hollow one the same."
)
SUBJECTS = {"monthly": "Retraining monthly", "policy": "Retraining by policy"}
COLOURS = {"never": OTHER, "monthly": INK, "policy": ACCENT}
APART = 0.16  # of a month, between the ways: their intervals would hide one another


def build_section(known: PageData) -> PageSection:
    """The metric by month for every way, and what each cost and gained."""
    if not known.ways:
        return PageSection(
            "backtest",
            "Is retraining worth it?",
            NONE,
            [CommandList("To backtest month by month", ["make backtest"])],
        )
    lived = list(known.lived)
    months = format_month_range(sorted({one.month for one in lived}))
    title = f"{format_metric_name(MAIN)} by month, {months}"
    draw = vega.build_chart(title, READS, lambda width: _build_chart_spec(lived, width))
    blocks: list[Block] = [draw, _build_cost_table(known.ways), _build_month_table(lived)]
    return PageSection(
        "backtest",
        "Is retraining worth it?",
        _summarize_backtest(known.ways),
        blocks,
        known.list_sources(LIVED, WAYS),
    )


def _summarize_backtest(ways: Sequence[BacktestSummary]) -> str:
    return " ".join(_describe_gain(way) for way in ways if way.way != "never")


def _describe_gain(way: BacktestSummary) -> str:
    """What a way brought over never retraining, and whether that is proven."""
    trainings = f"{format_count(way.trainings, 'training')} ({way.released} released)"
    cost = f"takes {trainings} and {format_number(way.minutes, 1)} minutes"
    name = SUBJECTS.get(way.way, way.way)
    if way.over_never is None or way.over_never_low is None or way.over_never_high is None:
        return f"What {name[0].lower()}{name[1:]} gains is not known; it {cost}."
    interval = format_interval(way.over_never_low, way.over_never_high, 4, sign=True)
    ends = f"{format_metric_name(MAIN)} over never ({interval})"
    if way.over_never_low <= 0 <= way.over_never_high:
        gain = f"{format_signed_number(way.over_never)} {ends}"
        return f"{name} gains nothing that is proven: {gain}; it {cost}."
    verb = "gains" if way.over_never > 0 else "loses"
    return f"{name} {verb} {format_number(abs(way.over_never))} {ends} and {cost}."


def _build_chart_spec(lived: Sequence[BacktestMonth], width: int) -> Spec:
    months = sorted({one.month for one in lived})
    known = [one for one in lived if one.score is not None]
    rows = [_build_point(one, months) for one in known]
    narrow = width < vega.WIDE
    labels = {
        "labelExpr": f"{format_month_ticks(months)}[datum.value]",
        "values": list(range(0, len(months), 2 if narrow else 1)),
    }
    axis = {"title": None, "grid": False, **labels}
    scale = {"domain": [-0.4, len(months) - 0.6], "nice": False}
    x = {"field": "x", "type": "quantitative", "axis": axis, "scale": scale}
    y = {
        "type": "quantitative",
        "scale": {"zero": False},
        "axis": {**build_y_title(format_metric_name(MAIN)), "tickCount": 5},
    }
    colour: Spec = {
        "field": "way",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(COLOURS), "range": list(COLOURS.values())},
    }
    return {
        "width": width,
        "height": 300,
        "padding": {"top": 4, "bottom": 4, "left": 6, "right": 60 if narrow else 126},
        "data": {"values": rows},
        "encoding": {"x": x, "color": colour},
        "layer": [
            _build_interval_layer(y),
            {
                "mark": {"type": "line", "strokeWidth": 1.5},
                "encoding": {"y": {"field": "value", **y}},
            },
            _build_dot_layer(y, colour),
            _build_label_layer(y, _build_line_labels(known, months, narrow)),
        ],
    }


def _build_interval_layer(y: Spec) -> Spec:
    """A thin line from the low end of each interval to its high end."""
    mark = {"type": "rule", "strokeWidth": 1.5, "opacity": 0.4}
    return {"mark": mark, "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}}}


def _build_dot_layer(y: Spec, colour: Spec) -> Spec:
    """A dot for each month, filled where a new model was released."""
    released = {"condition": {"test": "datum.released", **colour}, "value": PAPER}
    mark = {"type": "point", "filled": True, "size": 46, "opacity": 1, "strokeWidth": 1.5}
    return {
        "mark": mark,
        "encoding": {
            "y": {"field": "value", **y},
            "description": {"field": "tip"},
            "fill": released,
            "stroke": colour,
        },
    }


def _build_label_layer(y: Spec, labels: list[Spec]) -> Spec:
    """The name of each way at the end of its line."""
    mark = {"type": "text", "align": "left", "dx": 10, "fontWeight": 600, "fontSize": 12}
    return {
        "mark": mark,
        "data": {"values": labels},
        "encoding": {"y": {"field": "y", **y}, "text": {"field": "label"}},
    }


def _build_point(one: BacktestMonth, months: Sequence[str]) -> Spec:
    place = months.index(one.month) + APART * (
        list(COLOURS).index(one.way) - 1 if one.way in COLOURS else 2
    )
    ends = f", 95% interval {format_interval(one.low, one.high)}" if one.low is not None else ""
    name = f"{NAMES.get(one.way, one.way)}, {format_month(one.month)}"
    tip = f"{name}: {format_number(one.score)}{ends}"
    facts = {"x": place, "way": one.way, "value": one.score, "low": one.low, "high": one.high}
    return {
        **facts,
        "released": one.released,
        "tip": tip + ("; then a new model" if one.released else ""),
    }


def _build_line_labels(
    known: Sequence[BacktestMonth], months: Sequence[str], narrow: bool
) -> list[Spec]:
    """Return a name for the end of every line, moved up until it is clear of the one below."""
    ends = {one.way: float(one.score or 0) for one in sorted(known, key=lambda one: one.month)}
    seen = [bound for one in known for bound in (one.low, one.high, one.score) if bound is not None]
    step = (max(seen) - min(seen)) * 18 / 250  # a line of text, in units of the axis
    names: Mapping[str, str] = {way: way for way in NAMES} if narrow else NAMES
    labels, above = [], float("-inf")
    for way, value in sorted(ends.items(), key=lambda end: end[1]):
        above = max(value, above + step)
        labels.append(
            {"x": len(months) - 1 + APART, "y": above, "way": way, "label": names.get(way, way)}
        )
    return labels


def _build_cost_table(ways: Sequence[BacktestSummary]) -> Table:
    head = (
        "way",
        "#trainings",
        "#minutes",
        "#over never",
        "#95% interval",
        f"#{format_metric_name(MAIN)}",
        "#95% interval",
        "#released",
    )
    rows = [_build_cost_row(way) for way in ways]
    return Table("What each way cost, and what it gained", head, rows)


def _build_cost_row(way: BacktestSummary) -> tuple[str, ...]:
    gain, interval = "–", "–"
    if way.way != "never":
        gain = format_difference(way.over_never)
        interval = format_interval(way.over_never_low, way.over_never_high, sign=True)
    return (
        way.way,
        f"{way.trainings:,}",
        format_number(way.minutes, 1),
        gain,
        interval,
        format_number(way.score),
        format_interval(way.low, way.high),
        f"{way.released:,}",
    )


def _build_month_table(lived: Sequence[BacktestMonth]) -> Table:
    head = (
        "month",
        "way",
        "trained on",
        f"#{format_metric_name(MAIN)}",
        "#95% interval",
        f"#{format_metric_name(TASK.loss_metric)}",
        "verdict",
        "retrained",
        "released",
    )
    order = {way: place for place, way in enumerate(COLOURS)}
    ordered = sorted(lived, key=lambda one: (one.month, order.get(one.way, len(order))))
    return Table("Every month", head, [_build_month_row(one) for one in ordered], folded=True)


def _build_month_row(one: BacktestMonth) -> tuple[str, ...]:
    return (
        one.month,
        one.way,
        CodeCell(f"{one.train_first} to {one.train_last}") if one.train_first else "–",
        format_number(one.score),
        format_interval(one.low, one.high),
        format_number(one.loss),
        VerdictCell(one.verdict) if one.verdict else "–",
        "yes" if one.retrained else "–",
        "yes" if one.released else "–",
    )
