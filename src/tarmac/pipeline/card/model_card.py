"""Render the model card.

It states what the model is for, how good it is, where it fails, and from which bytes it was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK, Task
from tarmac.reporting.markdown import (
    SENTENCE,
    escape_text,
    format_code,
    format_number,
    format_percent,
    render_table,
)

PART = "months" if problem.contract.DAY else "rows"  # what a part of the split consists of


class CardError(UserError):
    """A fact that the card must state is missing."""


@dataclass(frozen=True)
class CardContent:
    """Everything that the card states.

    No part of it may be empty; slices and behaviour are None if none are declared.
    """

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
        """Raise `CardError` naming what is missing."""
        for field in fields(self):
            fact = getattr(self, field.name)
            if fact is not None or field.name not in ("slices", "behaviour"):
                _check_fact(field.name, fact)
        for row in _list_records(self.metrics):
            _check_fact("metrics", [row["model"], row["baseline"]])


def render_model_card(facts: CardContent, confidence: float, task: Task = TASK) -> str:
    """The card in Markdown."""
    share, clusters = format_percent(confidence), _describe_clusters()
    sections = [
        f"# Model card: {facts.title}",
        "Made by the pipeline from its own results; do not edit it.",
        f"**Predicts:** {facts.predicts}",
        "## Intended use\n\n" + _render_list(facts.intended_use),
        "## Not for\n\n" + _render_list(facts.not_for),
        "## Data\n\n" + facts.data_source,
        render_table(
            ["what was counted", "#rows"],
            [(format_code(name), f"{count:,}") for name, count in facts.rows.items()],
        ),
        render_table(["part", PART], list(facts.windows.items())),
        "## Model\n\n"
        + render_table(
            ["", ""], [(name, format_code(value, SENTENCE)) for name, value in facts.model.items()]
        ),
        f"## Metrics on the test {PART}\n\n{share} intervals, from resampled {clusters}.",
        render_table(
            ["metric", "#model", f"#{share} interval", "#baseline"],
            [_format_metric_row(row) for row in _list_records(facts.metrics)],
        ),
        *_render_slices(facts.slices, share, task),
        *_render_behaviours(facts.behaviour, task),
        "## Limits\n\n" + _render_list(facts.limits),
        "## Lineage\n\n"
        + render_table(
            ["of", "MD5, as DVC names it"], [(n, format_code(h)) for n, h in facts.lineage.items()]
        ),
        "`dvc.lock` of the commit that holds this card names, stage by stage, every code file and"
        " parameter that made this model. `git log -1 -- models/card.md` finds that commit.",
    ]
    return "\n\n".join(sections) + "\n"


def _check_fact(name: str, fact: Any) -> None:
    """Raise `CardError` where a fact is blank, has no entry, or has an entry that is blank."""
    if isinstance(fact, pd.DataFrame):
        missing = fact.empty
    elif isinstance(fact, Mapping):
        missing = not fact
        for key, value in fact.items():
            _check_fact(f"{name}.{key}", value)
    elif isinstance(fact, str):
        missing = not fact.strip()
    elif isinstance(fact, Sequence):
        missing = not fact
        for entry in fact:
            _check_fact(name, entry)
    else:
        missing = fact is None or fact != fact  # noqa: PLR0124 -- NaN
    if missing:
        raise CardError(
            f"the model card has no {name.replace('_', ' ')}, which is required",
            "complete `card` in the package of the problem, then run `make run`",
        )


def _render_list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _list_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _format_metric_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        format_code(row["metric"]),
        format_number(row["model"]),
        _format_interval(row),
        format_number(row["baseline"]),
    )


def _describe_clusters() -> str:
    one, many = problem.contract.CLUSTERS
    return many if one == "row" else f"{many}: the rows of a {one} are alike"


def _render_slices(lines: pd.DataFrame | None, share: str, task: Task) -> list[str]:
    if lines is None:
        return []
    own = "" if task.kind != "regression" else " It is against the mean of the slice's own rows."
    head = ["slice", "value", "#rows", f"#{task.title}", f"#{share} interval"]
    shown = [_format_slice_row(row, task) for row in _list_records(lines)]
    return [
        f"## Slices\n\n{task.title}; a slice with too few rows has none.{own}",
        render_table(head, shown, 100),
    ]


def _format_slice_row(row: Mapping[str, Any], task: Task) -> tuple[str, ...]:
    return (
        format_code(row["slice"]),
        format_code(row["value"]),
        format_number(row["rows"]),
        format_number(row[task.main_metric]),
        _format_interval(row),
    )


def _render_behaviours(lines: pd.DataFrame | None, task: Task) -> list[str]:
    if lines is None:
        return []
    moves = (
        "the largest move"
        if task.kind == "multiclass"
        else "the largest move; else the mean move of the answers"
    )
    head = ["what is tried", "expected", "#measured"]
    return [
        f"## Behaviour\n\n`usable`: {task.title} that is left; `same`: {moves}.",
        render_table(head, [_format_behaviour_row(row) for row in _list_records(lines)]),
    ]


def _format_behaviour_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        escape_text(row["behaviour"]),
        escape_text(row["expectation"]),
        format_number(row["value"]),
    )


def _format_interval(row: Mapping[str, Any]) -> str:
    known = row["low"] == row["low"]  # not NaN
    return f"{format_number(row['low'])} to {format_number(row['high'])}" if known else "–"
