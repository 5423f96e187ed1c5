"""How the metrics went, version by version."""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.known import Known
from tarmac.dashboard.results import Result
from tarmac.dashboard.section import Block, Code, Commands, Section, Source, Table
from tarmac.dashboard.vega import ACCENT, INK, Spec, y_title
from tarmac.dashboard.words import MAIN, TESTED, between, count, estimate, label
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import INTERVALS, TEST_METRICS
from tarmac.reporting.markdown import number

NONE = "Nothing was measured yet."


def section(known: Known) -> Section:
    """The metrics of every version or, without one, of every commit that changed them."""
    found, released = known.results, known.registry is not None
    if not found:
        return Section("history", "History", NONE, [Commands("The first result", ["make run"])])
    kind = "version" if released else "commit"
    blocks: list[Block] = [*_chart(found, kind), *_tables(found, kind)]
    if not released:
        blocks.append(
            Commands("A version is registered by", ["make release", "make promote STAGE=prod WHY='the first'"])
        )
    return Section("history", "History", _says(found, released), blocks, _sources(known, released))


def _says(found: Sequence[Result], released: bool) -> str:
    last = found[-1]
    what = count(len(found), "version was", "versions were") + " released"
    what = what if released else f"No version is released yet; {count(len(found), 'commit')} changed the result"
    return f"{what}. {last.name} has {label(MAIN)} {estimate(last.metrics.get(MAIN))}."


def _chart(found: Sequence[Result], kind: str) -> list[Block]:
    rows = [_point(result) for result in found if MAIN in result.metrics]
    if len(rows) < 2:
        return []
    reads = f"A dot is the {TESTED}' value, a line its 95% interval where `metrics/intervals.json` has one."
    return [vega.chart(f"{label(MAIN)} by {kind}", reads, lambda width: _drawn(rows, width))]


def _point(result: Result) -> Spec:
    value = result.metrics[MAIN]
    tip = f"{result.name}, {result.date}: {estimate(value, 4)}"
    return {"name": result.name, "value": value.value, "low": value.low, "high": value.high, "tip": tip}


def _drawn(rows: Sequence[Spec], width: int) -> Spec:
    tilted: Spec = {"labelAngle": -90, "labelAlign": "right", "labelBaseline": "middle"}
    many = len(rows) * max(8 * len(row["name"]) + 12 for row in rows) > width - 40  # names would run into one another
    x = {
        "field": "name",
        "type": "ordinal",
        "sort": [row["name"] for row in rows],
        "axis": {"title": None, **(tilted if many else {"labelAngle": 0})},
    }
    y = {
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {**y_title(label(MAIN)), "tickCount": 5},
    }
    tip = {"description": {"field": "tip"}}
    return {
        "width": width,
        "height": 240,
        "padding": {"top": 4, "bottom": 4, "left": 6, "right": 8},
        "data": {"values": list(rows)},
        "encoding": {"x": x, **tip},
        "layer": [
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
                "transform": [{"filter": "true" if len(rows) * 72 < width - 40 else "false"}],
                "encoding": {"y": {"field": "value", **y}, "text": {"field": "value", "format": ".4f"}},
            },
        ],
    }


def _tables(found: Sequence[Result], kind: str) -> list[Block]:
    """The main metric with its interval, and all the others on a click."""
    latest = list(reversed(found))
    head = (kind, "date", *(["commit", "in"] if kind == "version" else []), f"#{label(MAIN)}", "#95% interval", "why")
    others = [name for name in TASK.metrics if name != MAIN]
    rows = [(result.name, *(_value(result, name) for name in others)) for result in latest]
    return [
        Table(f"Every {kind}, the latest first", head, [_row(result, kind) for result in latest]),
        Table("The other metrics", (kind, *(f"#{label(name)}" for name in others)), rows, folded=True),
    ]


def _row(result: Result, kind: str) -> tuple[str, ...]:
    main, why = result.metrics.get(MAIN), result.why or "–"
    interval = between(main.low, main.high) if main else "–"
    where = (Code(result.commit[:9]), ", ".join(result.stages) or "–") if kind == "version" else ()
    return (Code(result.name), result.date, *where, _value(result, MAIN), interval, why)


def _value(result: Result, name: str) -> str:
    found = result.metrics.get(name)
    return number(found.value if found else None)


def _sources(known: Known, released: bool) -> list[Source]:
    if not released:
        return known.read(TEST_METRICS, INTERVALS)
    return [Source(str(path), None, "at the commit of each version") for path in (TEST_METRICS, INTERVALS)]
