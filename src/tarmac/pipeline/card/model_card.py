"""The model card: what the model is for, how good it is, where it fails, and from which bytes it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, Task
from tarmac.reporting.markdown import SENTENCE, code, number, percent, table, text

PART = "months" if problem.contract.DAY else "rows"  # what a part of the split consists of


class CardError(UserError):
    """A fact that the card must state is missing."""


@dataclass(frozen=True)
class Facts:
    """Everything the card states. No part of it may be empty; slices and behaviour are None where none are declared."""

    title: str
    predicts: str
    intended_use: Sequence[str]
    not_for: Sequence[str]
    data_source: str
    limits: Sequence[str]
    rows: Mapping[str, int]  # counts of the prepared data
    windows: Mapping[str, str]  # months or rows by part of the split
    model: Mapping[str, object]
    metrics: pd.DataFrame  # metric, model, low, high, baseline
    slices: pd.DataFrame | None  # slice, value, rows, the main metric, low, high
    behaviour: pd.DataFrame | None  # behaviour, expectation, value
    lineage: Mapping[str, str]  # hash by what it is of

    def __post_init__(self) -> None:
        """Raises `CardError` naming what is missing."""
        for field in fields(self):
            fact = getattr(self, field.name)
            if fact is not None or field.name not in ("slices", "behaviour"):
                _check(field.name, fact)
        for row in _rows(self.metrics):
            _check("metrics", [row["model"], row["baseline"]])


def model_card(facts: Facts, confidence: float, task: Task = TASK) -> str:
    """The card in Markdown."""
    share = percent(confidence)
    sections = [
        f"# Model card: {facts.title}",
        "Made by the pipeline from its own results; do not edit it.",
        f"**Predicts:** {facts.predicts}",
        "## Intended use\n\n" + _list(facts.intended_use),
        "## Not for\n\n" + _list(facts.not_for),
        "## Data\n\n" + facts.data_source,
        table(["what was counted", "#rows"], [(code(name), f"{count:,}") for name, count in facts.rows.items()]),
        table(["part", PART], list(facts.windows.items())),
        "## Model\n\n" + table(["", ""], [(name, code(value, SENTENCE)) for name, value in facts.model.items()]),
        f"## Metrics on the test {PART}\n\n{share} intervals, from resampled {_clusters()}.",
        table(["metric", "#model", f"#{share} interval", "#baseline"], [_metric(row) for row in _rows(facts.metrics)]),
        *_slices(facts.slices, share, task),
        *_behaviours(facts.behaviour, task),
        "## Limits\n\n" + _list(facts.limits),
        "## Lineage\n\n" + table(["of", "MD5, as DVC names it"], [(n, code(h)) for n, h in facts.lineage.items()]),
        "`dvc.lock` of the commit that holds this card names, stage by stage, every code file and parameter that made"
        " this model. `git log -1 -- models/card.md` finds that commit.",
    ]
    return "\n\n".join(sections) + "\n"


def _check(name: str, fact: Any) -> None:
    """Raises `CardError` where a fact is blank, has no entry, or has an entry that is blank."""
    if isinstance(fact, pd.DataFrame):
        missing = fact.empty
    elif isinstance(fact, Mapping):
        missing = not fact
        for key, value in fact.items():
            _check(f"{name}.{key}", value)
    elif isinstance(fact, str):
        missing = not fact.strip()
    elif isinstance(fact, Sequence):
        missing = not fact
        for entry in fact:
            _check(name, entry)
    else:
        missing = fact is None or fact != fact  # noqa: PLR0124 -- NaN
    if missing:
        raise CardError(f"the model card has no {name.replace('_', ' ')}, which is required")


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _metric(row: Mapping[str, Any]) -> tuple[str, ...]:
    return code(row["metric"]), number(row["model"]), _between(row), number(row["baseline"])


def _clusters() -> str:
    one, many = problem.contract.CLUSTERS
    return many if one == "row" else f"{many}: the rows of a {one} are alike"


def _slices(lines: pd.DataFrame | None, share: str, task: Task) -> list[str]:
    if lines is None:
        return []
    own = "" if task.kind != "regression" else " It is against the mean of the slice's own rows."
    head = ["slice", "value", "#rows", f"#{task.title}", f"#{share} interval"]
    shown = [_slice(row, task) for row in _rows(lines)]
    return [f"## Slices\n\n{task.title}; a slice with too few rows has none.{own}", table(head, shown, 100)]


def _slice(row: Mapping[str, Any], task: Task) -> tuple[str, ...]:
    return code(row["slice"]), code(row["value"]), number(row["rows"]), number(row[task.main]), _between(row)


def _behaviours(lines: pd.DataFrame | None, task: Task) -> list[str]:
    if lines is None:
        return []
    moves = "the largest move" if task.kind == "multiclass" else "the largest move; else the mean move of the answers"
    head = ["what is tried", "expected", "#measured"]
    return [
        f"## Behaviour\n\n`usable`: {task.title} that is left; `same`: {moves}.",
        table(head, [_behaviour(row) for row in _rows(lines)]),
    ]


def _behaviour(row: Mapping[str, Any]) -> tuple[str, ...]:
    return text(row["behaviour"]), text(row["expectation"]), number(row["value"])


def _between(row: Mapping[str, Any]) -> str:
    known = row["low"] == row["low"]  # not NaN
    return f"{number(row['low'])} to {number(row['high'])}" if known else "–"
