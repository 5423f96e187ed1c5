"""What a person sees of a study on the terminal: a line for each trial that ends, and a table."""

import time
from itertools import takewhile

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tarmac.sweep.slots import select_effective_trials
from tarmac.sweep.trial import ERROR, METRICS, PARAMS, SECONDS, select_finished_trials

WORDS = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def rank_trials(study: Study) -> list[FrozenTrial]:
    """The complete trials, the best first; of equals the earlier one."""
    sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
    complete = [
        trial
        for trial in select_effective_trials(study.get_trials(deepcopy=False))
        if trial.state == TrialState.COMPLETE
    ]
    return sorted(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


class ProgressLine:
    """One line of progress for each trial that ends."""

    def __init__(self, study: Study, objective: str, total: int) -> None:
        """Start the clock."""
        self._study, self._objective, self._total = study, objective, total
        self._started, self._before = (
            time.monotonic(),
            len(select_finished_trials(study.get_trials(deepcopy=False))),
        )

    def __call__(self, trials: list[FrozenTrial]) -> None:
        """Print how far the study is, the best so far, failures, and the time that is left."""
        ended = select_finished_trials(trials)
        states = [trial.state for trial in ended]
        parts = [f"{len(ended)} of {self._total}"]
        if best := rank_trials(self._study)[:1]:
            parts.append(f"best {self._objective} {best[0].value:.6f} (trial {best[0].number})")
        parts += [
            f"{states.count(state)} {WORDS[state]}"
            for state in (TrialState.PRUNED, TrialState.FAIL)
            if state in states
        ]
        if left := self._format_time_left(len(ended)):
            parts.append(left)
        print(f"sweep  {'  '.join(parts)}", flush=True)

    def _format_time_left(self, ended: int) -> str:
        ended_since_start = ended - self._before
        if ended_since_start <= 0 or ended >= self._total:
            return ""
        seconds = round(
            (time.monotonic() - self._started) / ended_since_start * (self._total - ended)
        )
        return f"{seconds // 60}:{seconds % 60:02d} left"


def format_table(study: Study, objective: str) -> str:
    """All trials as text, the best first, then those without a result."""
    lines = build_rows(study, objective)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [_align_cells(line, widths) for line in lines]
    errors = [
        f"trial {trial.number} failed: {trial.user_attrs[ERROR]}"
        for trial in select_finished_trials(study.get_trials(deepcopy=False))
        if ERROR in trial.user_attrs
    ]
    return "\n".join([*shown, *errors])


def _align_cells(cells: list[str], widths: list[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))


def build_rows(study: Study, objective: str) -> list[list[str]]:
    """The cells of that table, headings first."""
    known = shorten_keys(study)
    heads = ["trial", "state", objective, *known.values(), "rounds", "seconds"]
    others = [
        trial
        for trial in select_effective_trials(study.get_trials(deepcopy=False))
        if trial.state != TrialState.COMPLETE
    ]
    return [heads, *(_format_row(trial, list(known)) for trial in [*rank_trials(study), *others])]


def shorten_keys(study: Study) -> dict[str, str]:
    """Searched keys, and what is left of each without the sections that all of them are in."""
    drawn = set[str]()
    for trial in study.get_trials(deepcopy=False):
        drawn.update(trial.user_attrs.get(PARAMS, {}))
    keys = sorted(drawn)
    sections = zip(*(key.split(".")[:-1] for key in keys), strict=False)
    shared = len(list(takewhile(lambda names: len(set(names)) == 1, sections)))
    return {key: ".".join(key.split(".")[shared:]) for key in keys}


def _format_row(trial: FrozenTrial, keys: list[str]) -> list[str]:
    values, metrics = trial.user_attrs.get(PARAMS, {}), trial.user_attrs.get(METRICS, {})
    value = f"{trial.value:.6f}" if trial.state == TrialState.COMPLETE else "–"
    drawn = [str(values.get(key, "–")) for key in keys]
    seconds = f"{trial.user_attrs[SECONDS]:.1f}" if SECONDS in trial.user_attrs else "–"
    return [
        str(trial.number),
        WORDS[trial.state],
        value,
        *drawn,
        str(metrics.get("rounds", "–")),
        seconds,
    ]
