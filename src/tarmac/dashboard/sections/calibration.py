"""Show whether predictions are calibrated.

Of the rows with a prediction of 30 %, 30 % should come true.
"""

from collections.abc import Sequence

from tarmac.dashboard import vega
from tarmac.dashboard.page_blocks import Block, CommandList, DataSource, PageSection, Table
from tarmac.dashboard.page_data import CALIBRATION, PageData
from tarmac.dashboard.records import CalibrationBin
from tarmac.dashboard.vega import ACCENT, MUTED, OTHER, Spec, build_y_title
from tarmac.dashboard.words import TESTED, format_month, format_share
from tarmac.interface.task import ERROR
from tarmac.pipeline.base.params import TASK, Task
from tarmac.reporting.markdown import format_number, format_signed_number

NONE = "Calibration was not measured yet."
READS = (
    "Rows are grouped by what was predicted for them;"
    " on the diagonal, as much came true as was predicted."
)


def build_section(known: PageData) -> PageSection:
    """Show predicted against observed values on the test months.

    The last monitored month is included once it has labels.
    """
    lines = {TESTED: known.calibration} if known.calibration else {}
    if known.last_month and known.last_month.calibration:
        lines[format_month(known.last_month.name)] = known.last_month.calibration
    if not lines:
        return PageSection(
            "calibration", "Calibration", NONE, [CommandList("To measure it", ["make run"])]
        )
    blocks: list[Block] = [
        vega.build_chart(
            "Observed against predicted", READS, lambda width: _build_chart_spec(lines, width)
        )
    ]
    blocks += [_build_table(name, bins) for name, bins in lines.items()]
    return PageSection(
        "calibration", "Calibration", _summarize_calibration(known), blocks, _list_sources(known)
    )


def _summarize_calibration(known: PageData) -> str:
    error = known.current.get(ERROR)
    worst = max(known.calibration, key=lambda one: abs(one.observed - one.predicted), default=None)
    if error is None or error.value is None or worst is None:
        return "Predictions beside what came true."
    observed, predicted = format_value(worst.observed), format_value(worst.predicted)
    furthest = f"{observed} came true where {predicted} was predicted"
    average = _format_error(error.value)
    return f"Predictions are off by {average} on average; the widest gap: {furthest}."


def format_value(value: float, task: Task = TASK) -> str:
    """A probability in percent, a number as it is."""
    return format_number(value) if task.kind == "regression" else format_share(value)


def _format_error(error: float) -> str:
    return format_number(error) if TASK.kind == "regression" else f"{100 * error:.1f} points"


def compute_axis_range(bins: Sequence[CalibrationBin], task: Task = TASK) -> tuple[float, float]:
    """Where both axes begin and end: shares begin with none and end with all at most."""
    seen = [value for one in bins for value in (one.predicted, one.observed)]
    if task.kind != "regression":
        return 0, min(1.0, round(max(seen) * 1.05 + 0.005, 2))
    room = 0.05 * (max(seen) - min(seen))
    return min(seen) - room, max(seen) + room


def _build_chart_spec(lines: dict[str, list[CalibrationBin]], width: int) -> Spec:
    narrow, names = width < vega.WIDE, list(lines)
    rows = [_build_point(name, one) for name, bins in lines.items() for one in bins]
    last = [
        _build_point(name, max(bins, key=lambda one: one.predicted)) for name, bins in lines.items()
    ]
    low, high = compute_axis_range([one for bins in lines.values() for one in bins])
    colours = {"domain": names, "range": [OTHER, ACCENT][-len(names) :]}
    colour: Spec = {"field": "of", "type": "nominal", "legend": None, "scale": colours}
    diagonal = {"type": "line", "strokeDash": [3, 3], "color": MUTED, "strokeWidth": 1}
    label = {
        "type": "text",
        "align": "right" if narrow else "left",
        "dx": -10 if narrow else 10,
        "fontWeight": 600,
    }
    return {
        "width": width if narrow else 560,
        "height": 320 if narrow else 440,
        "padding": {"top": 4, "bottom": 4, "left": 6, "right": 10 if narrow else 110},
        "data": {"values": rows},
        "encoding": _build_axes(low, high),
        "layer": [
            {"mark": diagonal, "data": {"values": [{"x": low, "y": low}, {"x": high, "y": high}]}},
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"color": colour}},
            {
                "mark": {"type": "point", "filled": True, "size": 46, "opacity": 1},
                "encoding": {"color": colour, "description": {"field": "tip"}},
            },
            {
                "mark": label,
                "data": {"values": last},
                "encoding": {"text": {"field": "of"}, "color": colour},
            },
        ],
    }


def _build_axes(low: float, high: float) -> Spec:
    """Both with the same ends, so that the diagonal is one."""
    axis: Spec = {
        "format": "~g" if TASK.kind == "regression" else ".0%",
        "tickCount": 5,
        "grid": True,
    }
    place: Spec = {"type": "quantitative", "scale": {"domain": [low, high], "nice": False}}
    x = {**place, "field": "x", "axis": {**axis, "title": "predicted", "titleAnchor": "start"}}
    return {"x": x, "y": {**place, "field": "y", "axis": {**axis, **build_y_title("came true")}}}


def _build_point(name: str, one: CalibrationBin) -> Spec:
    return {"x": one.predicted, "y": one.observed, "of": name, "tip": _format_tooltip(name, one)}


def _format_tooltip(name: str, one: CalibrationBin) -> str:
    rows = f", {one.rows:,} rows" if one.rows is not None else ""
    values = f"{format_value(one.predicted)} predicted, {format_value(one.observed)} came true"
    return f"{name}: {values}{rows}"


def _build_table(name: str, bins: Sequence[CalibrationBin]) -> Table:
    rows = [_build_row(one) for one in bins]
    gap = "#gap" if TASK.kind == "regression" else "#gap, points"
    return Table(
        f"Every group, {name}", ("#predicted", "#came true", gap, "#rows"), rows, folded=True
    )


def _build_row(one: CalibrationBin) -> tuple[str, ...]:
    gap = one.observed - one.predicted
    if TASK.kind == "regression":
        shown_gap = format_signed_number(gap)
    else:
        shown_gap = f"{100 * gap:+.1f}".replace("-", "−")
    rows = f"{one.rows:,}" if one.rows is not None else "–"
    return format_value(one.predicted), format_value(one.observed), shown_gap, rows


def _list_sources(known: PageData) -> list[DataSource]:
    paths = [CALIBRATION]
    if known.last_month and known.last_month.calibration:
        paths.append(known.last_month_path)
    return known.list_sources(*paths)
