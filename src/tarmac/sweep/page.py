"""A study as one HTML page with everything inside: it opens without a network."""

import html
import warnings
from pathlib import Path
from typing import Any

import optuna
import plotly.io
from optuna.importance import get_param_importances
from optuna.study import Study
from optuna.visualization import (
    plot_optimization_history,
    plot_parallel_coordinate,
    plot_param_importances,
)

from tarmac.pipeline.base.outputs import replace_output
from tarmac.sweep.show import build_rows, rank_trials, shorten_keys

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:1200px;margin:2em auto;"
    "padding:0 1em;color:#222}"
    "table{border-collapse:collapse;font-size:14px}.scroll{overflow-x:auto}"
    "th,td{padding:.3em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}"
)


def write_page(study: Study, objective: str, path: Path) -> None:
    """Write history, parallel coordinates, importance and the table.

    Charts need a trial that has a result.
    """
    sections: list[str] = []
    for title, figure in _build_figures(study, objective).items():
        # The first figure brings the script for all.
        content = _render_figure(figure, study, with_script=not sections)
        sections.append(f"<h2>{title}</h2><div class=scroll>{content}</div>")
    name = html.escape(study.study_name)
    head = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{name}</title><style>{STYLE}</style>"
    )
    parts = [
        head,
        f"<h1>Sweep {name}</h1>",
        *sections,
        _render_table(build_rows(study, objective)),
        "</html>",
    ]
    with replace_output(path) as partial:
        partial.write_text("\n".join(parts), encoding="utf-8")


def _build_figures(study: Study, objective: str) -> dict[str, Any]:
    if not rank_trials(study):
        return {}
    figures = {
        "History": plot_optimization_history(study, target_name=objective),
        "Parallel coordinates": plot_parallel_coordinate(study, target_name=objective),
    }
    if _has_importances(study):
        figures["Importance"] = plot_param_importances(study)
    return figures


def _render_figure(figure: Any, study: Study, with_script: bool) -> str:
    """A figure as HTML, its keys without the sections that all of them are in."""
    figure.update_layout(title=None)
    text = str(plotly.io.to_json(figure))
    for key, short in shorten_keys(study).items():
        text = text.replace(f'"{key}"', f'"{short}"')
        text = text.replace(f'"{key[:17]}..."', f'"{short}"')  # as Optuna cuts a long one
    return str(
        plotly.io.to_html(plotly.io.from_json(text), include_plotlyjs=with_script, full_html=False)
    )


def _has_importances(study: Study) -> bool:
    """Return whether importances can be computed.

    That needs enough trials, and some that are better than others.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return bool(get_param_importances(study))
        except (UserWarning, ValueError, RuntimeError, optuna.exceptions.OptunaError):
            return False


def _render_table(lines: list[list[str]]) -> str:
    kinds = ["th", *["td"] * (len(lines) - 1)]
    body = "".join(_render_row(kind, line) for kind, line in zip(kinds, lines, strict=True))
    return f"<h2>Trials</h2><div class=scroll><table>{body}</table></div>"


def _render_row(kind: str, cells: list[str]) -> str:
    content = "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells)
    return f"<tr>{content}</tr>"
