"""Where the model is weaker: the main metric by slice, on the test rows and in the last month watched."""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.known import LAST, RECORDS, Known
from tarmac.dashboard.records import Month, Part, Slice
from tarmac.dashboard.section import Block, Code, Commands, Section, Table
from tarmac.dashboard.vega import ACCENT, MUTED, Spec
from tarmac.dashboard.words import MAIN, TESTED, between, difference, estimate, label, month
from tarmac.pipeline.base.paths import INTERVALS
from tarmac.reporting.markdown import number

NONE = "No slice was measured yet: there is no `metrics/intervals.json` with slices."
READS = (
    "A dot is a slice's value and a line its 95% interval; the upright line is the model as a whole."
    " The weakest of a kind comes first."
)
MOVED = f"A dot is the change against the {TESTED}, a line its 95% interval. Clear of zero, it is proven."
ROW = 22


def section(known: Known) -> Section:
    """Every slice with its interval; those with too few rows stand in the table only."""
    found = known.intervals.slices
    if not found:
        return Section("slices", "Slices", NONE, [Commands("To measure them", ["make run"])], known.read(INTERVALS))
    kinds = list(dict.fromkeys(one.slice for one in found))
    judged = [one for one in found if one.score.value is not None]
    judged.sort(key=lambda one: (kinds.index(one.slice), one.score.value))
    whole = known.current.get(MAIN)
    title = f"{label(MAIN)} by slice, {TESTED}"
    overall = whole.value if whole else None
    blocks: list[Block] = [_table(found), *_moved(known.last)]
    if judged:
        blocks.insert(0, vega.chart(title, READS, lambda width: _drawn(judged, overall, width)))
    monitoring = [RECORDS if known.last_is_record else LAST] if known.last and known.last.slices else []
    return Section("slices", "Slices", _says(judged, found), blocks, known.read(INTERVALS, *monitoring))


def _says(judged: Sequence[Slice], found: Sequence[Slice]) -> str:
    if not judged:
        return "Every slice has too few rows to be judged."
    worst = min(judged, key=lambda one: one.score.value or 0)
    few = len(found) - len(judged)
    left = f" {few} of {len(found)} slices have too few rows to be judged." if few else ""
    return f"The weakest slice is {worst.slice} {worst.value}, {label(MAIN)} {estimate(worst.score)}.{left}"


def _drawn(judged: Sequence[Slice], whole: float | None, width: int) -> Spec:
    rows = [
        {
            "name": f"{one.slice} {one.value}",
            "value": one.score.value,
            "low": one.score.low,
            "high": one.score.high,
            "tip": f"{one.slice} {one.value}: {estimate(one.score, 4)}, {one.rows:,} rows",
        }
        for one in judged
    ]
    return _intervals(rows, label(MAIN), ".2f", whole, width)


def _moved(last: Month | None) -> list[Block]:
    """How slices changed in the last month watched; nothing while labels are missing."""
    found = [one for one in last.slices if one.difference is not None] if last else []
    if not found or last is None:
        return []
    title = f"Change of {label(MAIN)} by slice, {month(last.name)}"
    return [vega.chart(title, MOVED, lambda width: _drawn_change(found, width)), _table_change(found, last)]


def _drawn_change(found: Sequence[Part], width: int) -> Spec:
    rows = [
        {
            "name": f"{one.slice} {one.value}",
            "value": one.difference,
            "low": one.low,
            "high": one.high,
            "tip": f"{one.slice} {one.value}: {difference(one.difference)}, {between(one.low, one.high, sign=True)}",
        }
        for one in found
    ]
    return _intervals(rows, f"change of {label(MAIN)}", "+.2f", 0.0, width)


def _intervals(rows: Sequence[Spec], title: str, form: str, line: float | None, width: int) -> Spec:
    """Dots with their intervals, a row each, and an upright line to compare with."""
    order = [row["name"] for row in rows]
    y = vega.named(order)
    axis = {"title": title, "grid": True, "format": form, "tickCount": 5, "titleAnchor": "start"}
    x = {"type": "quantitative", "scale": {"zero": False}, "axis": axis}
    compared = {"mark": {"type": "rule", "strokeDash": [3, 3], "color": MUTED}, "data": {"values": [{"at": line}]}}
    return {
        "width": width,
        "height": ROW * len(rows) + 50,
        "padding": {"top": 2, "bottom": 2, "left": 6, "right": 8},
        "data": {"values": list(rows)},
        "layer": [
            *([{**compared, "encoding": {"x": {"field": "at", **x}}}] if line is not None else []),
            {
                "mark": {"type": "rule", "color": ACCENT, "strokeWidth": 2, "opacity": 0.45},
                "transform": [{"filter": "isValid(datum.low)"}],
                "encoding": {"y": y, "x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "color": ACCENT, "size": 55, "opacity": 1},
                "encoding": {"y": y, "x": {"field": "value", **x}, "description": {"field": "tip"}},
            },
        ],
    }


def _table(found: Sequence[Slice]) -> Table:
    head = ("slice", "value", "#rows", f"#{label(MAIN)}", "#95% interval")
    rows = [
        (
            one.slice,
            Code(one.value),
            f"{one.rows:,}",
            number(one.score.value),
            between(one.score.low, one.score.high),
        )
        for one in found
    ]
    return Table(f"Every slice of the {TESTED}", head, rows, folded=True)


def _table_change(found: Sequence[Part], last: Month) -> Table:
    head = ("slice", "value", "#rows", "#before", "#now", "#change", "#95% interval")
    rows = [
        (
            one.slice,
            Code(one.value),
            f"{one.rows:,}",
            number(one.before),
            number(one.score),
            difference(one.difference),
            between(one.low, one.high, 4, sign=True),
        )
        for one in found
    ]
    return Table(f"Every slice of {month(last.name)}", head, rows, folded=True)
