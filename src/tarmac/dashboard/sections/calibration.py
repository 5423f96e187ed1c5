"""Whether an answer can be taken at its word: of the rows that were given 30 %, 30 % should come true."""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.known import CALIBRATION, LAST, RECORDS, Known
from tarmac.dashboard.records import Bin
from tarmac.dashboard.section import Block, Commands, Section, Source, Table
from tarmac.dashboard.vega import ACCENT, MUTED, OTHER, Spec, y_title
from tarmac.dashboard.words import TESTED, month, share
from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.base.params.task import ERROR
from tarmac.reporting.markdown import number, signed

NONE = "Calibration was not measured yet."
READS = "Rows are grouped by what was predicted for them; on the diagonal, as much came true as was predicted."


def section(known: Known) -> Section:
    """Predicted against observed on the test months and, once it has labels, in the last month watched."""
    lines = {TESTED: known.calibration} if known.calibration else {}
    if known.last and known.last.calibration:
        lines[month(known.last.name)] = known.last.calibration
    if not lines:
        return Section("calibration", "Calibration", NONE, [Commands("To measure it", ["make run"])])
    blocks: list[Block] = [vega.chart("Observed against predicted", READS, lambda width: _drawn(lines, width))]
    blocks += [_table(name, bins) for name, bins in lines.items()]
    return Section("calibration", "Calibration", _says(known), blocks, _sources(known))


def _says(known: Known) -> str:
    error = known.current.get(ERROR)
    worst = max(known.calibration, key=lambda one: abs(one.observed - one.predicted), default=None)
    if error is None or error.value is None or worst is None:
        return "Predictions beside what came true."
    furthest = f"{told(worst.observed)} came true where {told(worst.predicted)} was predicted"
    return f"Predictions are off by {_gap(error.value)} on average; the widest gap: {furthest}."


def told(value: float, task: Task = TASK) -> str:
    """A probability in percent, a number as it is."""
    return number(value) if task.kind == "regression" else share(value)


def _gap(error: float) -> str:
    return number(error) if TASK.kind == "regression" else f"{100 * error:.1f} points"


def ends(bins: Sequence[Bin], task: Task = TASK) -> tuple[float, float]:
    """Where both axes begin and end: shares begin with none and end with all at most."""
    seen = [value for one in bins for value in (one.predicted, one.observed)]
    if task.kind != "regression":
        return 0, min(1.0, round(max(seen) * 1.05 + 0.005, 2))
    room = 0.05 * (max(seen) - min(seen))
    return min(seen) - room, max(seen) + room


def _drawn(lines: dict[str, list[Bin]], width: int) -> Spec:
    narrow, names = width < vega.WIDE, list(lines)
    rows = [_point(name, one) for name, bins in lines.items() for one in bins]
    last = [_point(name, max(bins, key=lambda one: one.predicted)) for name, bins in lines.items()]
    low, high = ends([one for bins in lines.values() for one in bins])
    colours = {"domain": names, "range": [OTHER, ACCENT][-len(names) :]}
    colour: Spec = {"field": "of", "type": "nominal", "legend": None, "scale": colours}
    diagonal = {"type": "line", "strokeDash": [3, 3], "color": MUTED, "strokeWidth": 1}
    label = {"type": "text", "align": "right" if narrow else "left", "dx": -10 if narrow else 10, "fontWeight": 600}
    return {
        "width": width if narrow else 560,
        "height": 320 if narrow else 440,
        "padding": {"top": 4, "bottom": 4, "left": 6, "right": 10 if narrow else 110},
        "data": {"values": rows},
        "encoding": _axes(low, high),
        "layer": [
            {"mark": diagonal, "data": {"values": [{"x": low, "y": low}, {"x": high, "y": high}]}},
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"color": colour}},
            {
                "mark": {"type": "point", "filled": True, "size": 46, "opacity": 1},
                "encoding": {"color": colour, "description": {"field": "tip"}},
            },
            {"mark": label, "data": {"values": last}, "encoding": {"text": {"field": "of"}, "color": colour}},
        ],
    }


def _axes(low: float, high: float) -> Spec:
    """Both with the same ends, so that the diagonal is one."""
    axis: Spec = {"format": "~g" if TASK.kind == "regression" else ".0%", "tickCount": 5, "grid": True}
    place: Spec = {"type": "quantitative", "scale": {"domain": [low, high], "nice": False}}
    x = {**place, "field": "x", "axis": {**axis, "title": "predicted", "titleAnchor": "start"}}
    return {"x": x, "y": {**place, "field": "y", "axis": {**axis, **y_title("came true")}}}


def _point(name: str, one: Bin) -> Spec:
    return {"x": one.predicted, "y": one.observed, "of": name, "tip": _tip(name, one)}


def _tip(name: str, one: Bin) -> str:
    rows = f", {one.rows:,} rows" if one.rows is not None else ""
    return f"{name}: {told(one.predicted)} predicted, {told(one.observed)} came true{rows}"


def _table(name: str, bins: Sequence[Bin]) -> Table:
    rows = [
        (
            told(one.predicted),
            told(one.observed),
            signed(one.observed - one.predicted)
            if TASK.kind == "regression"
            else f"{100 * (one.observed - one.predicted):+.1f}".replace("-", "−"),
            f"{one.rows:,}" if one.rows is not None else "–",
        )
        for one in bins
    ]
    gap = "#gap" if TASK.kind == "regression" else "#gap, points"
    return Table(f"Every group, {name}", ("#predicted", "#came true", gap, "#rows"), rows, folded=True)


def _sources(known: Known) -> list[Source]:
    monitored = [RECORDS if known.last_is_record else LAST] if known.last and known.last.calibration else []
    return known.read(CALIBRATION, *monitored)
