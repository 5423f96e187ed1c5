"""Mermaid charts of the report: text that GitHub and GitLab draw themselves, so that no picture needs a host."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tarmac.markdown import label
from tarmac.review.results import Result

POINTS = 40  # of a line: more are not told apart
COLOURS = {"head": ("blue", "#3987e5"), "base": ("orange", "#e8871e"), "perfect": ("grey", "#9aa0a6")}
TABLES, CURVES = "metrics/tables", "metrics/train/plots/metrics/validation"


@dataclass(frozen=True)
class Drawn:
    """A chart of one column of a committed table, over another."""

    title: str
    table: str
    x: str
    y: str
    y_label: str
    diagonal: bool = False  # whether a line shows where y equals x


DRAWN = (
    Drawn("ROC-AUC by month", f"{TABLES}/monthly_auc.csv", "month", "model", "ROC-AUC"),
    Drawn("Calibration", f"{TABLES}/calibration.csv", "predicted", "observed", "observed share", diagonal=True),
    Drawn("Validation log loss by round", f"{CURVES}/log_loss.tsv", "step", "log_loss", "log loss"),
)


def charts(base: Result | None, head: Result) -> list[tuple[str, str]]:
    """Title and Mermaid text of every chart that has its data."""
    return [made for drawn in DRAWN if (made := _chart(drawn, {"base": base, "head": head}))]


def _chart(drawn: Drawn, sides: Mapping[str, Result | None]) -> tuple[str, str] | None:
    tables = {who: _read(side, drawn.table) for who, side in sides.items() if side is not None}
    found = {who: table for who, table in tables.items() if {drawn.x, drawn.y} <= set(table) and len(table)}
    if "head" not in found:
        return None
    ticks = _thin(found["head"][drawn.x].tolist())
    lines = {who: _thin(table[drawn.y].astype(float).tolist()) for who, table in found.items()}
    if drawn.diagonal:
        lines["perfect"] = [float(tick) for tick in ticks]
    colours = ", ".join(f"{who} in {COLOURS[who][0]}" for who in lines)
    return f"{drawn.title}: {colours}", xy_chart([_tick(tick) for tick in ticks], lines, drawn.y_label)


def xy_chart(ticks: Sequence[str], lines: dict[str, list[float]], y_label: str) -> str:
    """A line chart; a line that is longer than the ticks ends with them."""
    drawn = {who: values[: len(ticks)] for who, values in lines.items()}
    low, high = (bound(value for values in drawn.values() for value in values) for bound in (min, max))
    margin = (high - low) * 0.05 or 0.01
    palette = ", ".join(COLOURS[who][1] for who in drawn)
    theme = f'{{"themeVariables": {{"xyChart": {{"plotColorPalette": "{palette}"}}}}, "xyChart": {{"height": 320}}}}'
    return "\n".join(
        [
            "```mermaid",
            f"%%{{init: {theme}}}%%",
            "xychart-beta",
            f"  x-axis [{', '.join(_quoted(tick) for tick in ticks)}]",
            f"  y-axis {_quoted(y_label)} {low - margin:.4f} --> {high + margin:.4f}",
            *(f"  line [{', '.join(f'{value:.4f}' for value in values)}]" for values in drawn.values()),
            "```",
        ]
    )


def _read(side: Result, name: str) -> pd.DataFrame:
    found = side.text(name)
    return pd.read_csv(io.StringIO(found), sep="\t" if name.endswith(".tsv") else ",") if found else pd.DataFrame()


def _thin(values: list[float]) -> list[float]:
    step = -(-len(values) // POINTS)
    return values[::step]


def _tick(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _quoted(value: object) -> str:
    return f'"{label(value)}"'
