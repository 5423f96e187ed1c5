"""Draw the charts of the report in Mermaid.

GitHub and GitLab draw this text themselves, so that no picture needs a host.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import pandas as pd

from tarmac.pipeline.base import paths
from tarmac.pipeline.base.params import TASK, Task
from tarmac.reporting.markdown import format_label
from tarmac.review.result_folder import ResultFolder

POINTS = 20  # of a line: the names of more places run into one another
COLOURS = {
    "head": ("blue", "#3987e5"),
    "base": ("orange", "#e8871e"),
    "perfect": ("grey", "#9aa0a6"),
}
Place = str | int | float  # of an axis
TABLES, CURVES = str(paths.TABLES), str(paths.CURVES)


@dataclass(frozen=True)
class ChartSpec:
    """A chart of one column of a committed table, over another."""

    title: str
    table: str
    x: str
    y: str
    y_label: str
    diagonal: bool = False  # whether a line shows where y equals x


def list_chart_specs(task: Task = TASK) -> tuple[ChartSpec, ...]:
    """What is drawn where there is a table of it."""
    loss, observed = (
        task.loss_metric.replace("_", " "),
        "observed" if task.kind == "regression" else "observed share",
    )
    return (
        ChartSpec(
            f"{task.title} by month",
            f"{TABLES}/monthly_{task.short}.csv",
            "month",
            "model",
            task.title,
        ),
        ChartSpec(
            "Calibration",
            f"{TABLES}/calibration.csv",
            "predicted",
            "observed",
            observed,
            diagonal=True,
        ),
        ChartSpec(
            f"Validation {loss} by round",
            f"{CURVES}/{task.loss_metric}.tsv",
            "step",
            task.loss_metric,
            loss,
        ),
    )


def render_charts(
    base: ResultFolder | None, head: ResultFolder, task: Task = TASK
) -> list[tuple[str, str]]:
    """Title and Mermaid text of every chart that has its data."""
    charts = [_render_chart(spec, {"base": base, "head": head}) for spec in list_chart_specs(task)]
    return [chart for chart in charts if chart is not None]


def _render_chart(
    drawn: ChartSpec, sides: Mapping[str, ResultFolder | None]
) -> tuple[str, str] | None:
    tables = {who: _read_chart_data(side, drawn) for who, side in sides.items() if side is not None}
    places = _select_positions(tables["head"].index.tolist())
    if len(places) < 2:  # a line has two ends
        return None
    lines = {who: _compute_line(table[drawn.y], places) for who, table in tables.items()}
    lines = {who: line for who, line in lines.items() if line}
    if drawn.diagonal:
        lines["perfect"] = [float(place) for place in places]
    colours = ", ".join(f"{who} in {COLOURS[who][0]}" for who in lines)
    return f"{drawn.title}: {colours}", render_xy_chart(_format_ticks(places), lines, drawn.y_label)


def render_xy_chart(ticks: Sequence[str], lines: dict[str, list[float]], y_label: str) -> str:
    """A line chart; a line that is longer than the ticks ends with them."""
    drawn = {who: values[: len(ticks)] for who, values in lines.items()}
    known = [value for values in drawn.values() for value in values]
    low, high = min(known), max(known)
    margin = max((high - low) * 0.05, 0.001)
    palette = ", ".join(COLOURS[who][1] for who in drawn)
    theme = (
        f'{{"themeVariables": {{"xyChart": {{"plotColorPalette": "{palette}"}}}}, '
        '"xyChart": {"height": 320}}'
    )
    labels = ", ".join(_quote_label(tick) for tick in ticks)
    rows = [
        "```mermaid",
        f"%%{{init: {theme}}}%%",
        "xychart-beta",
        f"  x-axis [{labels}]",
        f"  y-axis {_quote_label(y_label)} {low - margin:.4f} --> {high + margin:.4f}",
    ]
    for values in drawn.values():
        numbers = ", ".join(f"{value:.4f}" for value in values)
        rows.append(f"  line [{numbers}]")
    return "\n".join([*rows, "```"])


def _read_chart_data(side: ResultFolder, drawn: ChartSpec) -> pd.DataFrame:
    """The known values of y by x, in the table's order; empty where there is no such table."""
    empty = pd.DataFrame({drawn.y: []}, dtype="float64")
    try:
        table = pd.read_csv(
            io.StringIO(side.read_text(drawn.table) or ""),
            sep="\t" if drawn.table.endswith(".tsv") else ",",
        )
        known = table[[drawn.x, drawn.y]].astype({drawn.y: "float64"})
    except (KeyError, ValueError):  # an older commit may have another table, or none
        return empty
    return known[np.isfinite(known[drawn.y])].dropna().drop_duplicates(drawn.x).set_index(drawn.x)


def _compute_line(values: "pd.Series[float]", places: Sequence[Place]) -> list[float]:
    """Values at the places of the axis, as far as they go: a line has no holes."""
    if not len(values):
        return []
    if pd.api.types.is_numeric_dtype(values.index):
        known = values.sort_index()
        reached = [float(place) for place in places if float(place) <= known.index[-1]]
        return [float(value) for value in np.interp(reached, known.index, known)]
    return [float(values[place]) for place in takewhile(values.index.__contains__, places)]


def _select_positions(values: list[Place]) -> list[Place]:
    step = max(-(-len(values) // POINTS), 1)
    return values[::step]


def _format_ticks(places: Sequence[Place]) -> list[str]:
    """Return the names of the places, with as many digits as distinguish them.

    What has one name is drawn at one place.
    """
    for digits in (2, 3, 4):
        names = [
            f"{place:.{digits}f}" if isinstance(place, float) else str(place) for place in places
        ]
        if len({*names}) == len(names):
            break
    return names


def _quote_label(value: object) -> str:
    return f'"{format_label(value)}"'
