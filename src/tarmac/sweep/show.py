"""What a person sees of a study: a line while it runs, a table, and a page that opens without a network."""

import html
import time
from pathlib import Path

import optuna
import plotly.io
from optuna.importance import get_param_importances
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import plot_optimization_history, plot_parallel_coordinate, plot_param_importances

from tarmac.files.outputs import replacing
from tarmac.sweep.places import counted
from tarmac.sweep.trial import ERROR, METRICS, PARAMS, SECONDS, finished

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:1200px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;font-size:14px}"
    "th,td{padding:.3em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}.scroll{overflow-x:auto}"
)
WORDS = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def ranked(study: Study) -> list[FrozenTrial]:
    """The complete trials, the best first; of equals the earlier one."""
    sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
    complete = [trial for trial in counted(study.get_trials(deepcopy=False)) if trial.state == TrialState.COMPLETE]
    return sorted(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


class Line:
    """One line of progress for each trial that ends."""

    def __init__(self, study: Study, objective: str, total: int) -> None:
        """Starts the clock."""
        self._study, self._objective, self._total = study, objective, total
        self._started, self._before = time.monotonic(), len(finished(study.get_trials(deepcopy=False)))

    def __call__(self, trials: list[FrozenTrial]) -> None:
        """Prints how far the study is, the best so far, failures, and the time that is left."""
        ended = finished(trials)
        states = [trial.state for trial in ended]
        parts = [f"{len(ended)} of {self._total}"]
        if best := ranked(self._study)[:1]:
            parts.append(f"best {self._objective} {best[0].value:.6f} (trial {best[0].number})")
        parts += [
            f"{states.count(state)} {WORDS[state]}" for state in (TrialState.PRUNED, TrialState.FAIL) if state in states
        ]
        if left := self._left(len(ended)):
            parts.append(left)
        print(f"sweep  {'  '.join(parts)}", flush=True)

    def _left(self, ended: int) -> str:
        here = ended - self._before
        if here <= 0 or ended >= self._total:
            return ""
        seconds = round((time.monotonic() - self._started) / here * (self._total - ended))
        return f"{seconds // 60}:{seconds % 60:02d} left"


def table(study: Study, objective: str) -> str:
    """All trials as text, the best first, then those without a result."""
    rows = _rows(study)
    heads = ["trial", "state", objective, *_names(study), "rounds", "seconds"]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]]
    errors = [
        f"trial {trial.number} failed: {trial.user_attrs[ERROR]}"
        for trial in finished(study.get_trials(deepcopy=False))
        if ERROR in trial.user_attrs
    ]
    return "\n".join([*lines, *errors])


def _names(study: Study) -> list[str]:
    """Searched keys, without what they all begin with."""
    names = {name for trial in study.get_trials(deepcopy=False) for name in trial.user_attrs.get(PARAMS, {})}
    return sorted(name.removeprefix("train.") for name in names)


def _rows(study: Study) -> list[list[str]]:
    best = ranked(study)
    others = [trial for trial in counted(study.get_trials(deepcopy=False)) if trial.state != TrialState.COMPLETE]
    return [_row(trial, _names(study)) for trial in [*best, *others]]


def _row(trial: FrozenTrial, names: list[str]) -> list[str]:
    values, metrics = trial.user_attrs.get(PARAMS, {}), trial.user_attrs.get(METRICS, {})
    value = f"{trial.value:.6f}" if trial.state == TrialState.COMPLETE else "–"
    drawn = [str(values.get(f"train.{name}", "–")) for name in names]
    seconds = f"{trial.user_attrs[SECONDS]:.1f}" if SECONDS in trial.user_attrs else "–"
    return [str(trial.number), WORDS[trial.state], value, *drawn, str(metrics.get("rounds", "–")), seconds]


def write_page(study: Study, objective: str, path: Path) -> None:
    """Writes history, parallel coordinates, importance and the table as one HTML file with everything inside."""
    figures = [
        ("History", plot_optimization_history(study, target_name=objective)),
        ("Parallel coordinates", plot_parallel_coordinate(study, target_name=objective)),
    ]
    if _can_rank(study):
        figures.append(("Importance", plot_param_importances(study, target_name=objective)))
    drawn = [
        f"<h2>{title}</h2><div class=scroll>"
        + plotly.io.to_html(figure, include_plotlyjs="inline" if not number else False, full_html=False)
        + "</div>"
        for number, (title, figure) in enumerate(figures)
    ]
    name = html.escape(study.study_name)
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title><style>{STYLE}</style>"
    parts = [head, f"<h1>Sweep {name}</h1>", *drawn, _table_page(study, objective), "</html>"]
    with replacing(path) as partial:
        partial.write_text("\n".join(parts), encoding="utf-8")


def _can_rank(study: Study) -> bool:
    """Whether importance can be told: it needs trials that differ in something."""
    try:
        return bool(get_param_importances(study))
    except (ValueError, RuntimeError, optuna.exceptions.OptunaError):
        return False


def _table_page(study: Study, objective: str) -> str:
    heads = ["trial", "state", objective, *_names(study), "rounds", "seconds"]
    rows = [("th", heads), *(("td", row) for row in _rows(study))]
    body = "".join(
        f"<tr>{''.join(f'<{kind}>{html.escape(cell)}</{kind}>' for cell in cells)}</tr>" for kind, cells in rows
    )
    return f"<h2>Trials</h2><div class=scroll><table>{body}</table></div>"
