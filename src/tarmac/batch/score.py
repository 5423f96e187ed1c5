"""Some rows of a batch: validated as the service does it, and scored together.

Rows that are not valid get the reason instead of a score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from tarmac.batch.source import Given
from tarmac.interface.problem import problem
from tarmac.interface.request import Row
from tarmac.serving.bundle import Bundle
from tarmac.serving.form import FORM
from tarmac.serving.online import InputArrays

ROWS = TypeAdapter(list[problem.request.Row])  # type: ignore[name-defined]
# Number of the row, its wrong fields, what is wrong with them, the row as JSON.
Reject = tuple[int, str, str, str]


def _build_schema() -> pa.Schema:
    """What is written of a row: its number in the input, its key, and the answer."""
    key = problem.request.columns(
        [
            problem.request.Row.model_validate_json(
                to_json(next(iter(problem.request.EXAMPLES.values())))
            )
        ]
    )
    answer = [
        *((name, pa.float32()) for name in FORM.stored),
        ("missing", pa.int16()),
        ("unknown", pa.int16()),
    ]
    return pa.schema(
        [
            ("row", pa.int64()),
            *((name, pa.array(key[name]).type) for name in problem.contract.KEY),
            *answer,
        ]
    )


SCHEMA = _build_schema()


@dataclass(frozen=True)
class PreparedRows:
    """Rows with their inputs, and those that have none."""

    given: int  # rows of both
    numbers: list[int]  # of the valid rows, in the input
    known: dict[str, list[Any]]  # what follows from them
    inputs: InputArrays | None
    rejected: list[Reject]


@dataclass(frozen=True)
class ScoredRows:
    """Rows with their scores, by `SCHEMA`, and those that have none."""

    given: int  # rows that were read
    batch: pa.RecordBatch
    rejected: list[Reject]


def prepare_rows(bundle: Bundle, given: Sequence[Given], first: int) -> PreparedRows:
    """Validate rows and look up their inputs; `first` is the number of the first one."""
    rows, wrong = _validate_rows(given)
    numbers = [first + place for place in range(len(given)) if place not in wrong]
    rejected = [
        (first + place, *_format_mistakes(wrong[place]), to_json(given[place]).decode())
        for place in sorted(wrong)
    ]
    known = problem.request.columns(rows)
    return PreparedRows(
        len(given), numbers, known, bundle.build_inputs(rows, known) if rows else None, rejected
    )


def score_rows(bundle: Bundle, rows: PreparedRows) -> ScoredRows:
    """Ask the model."""
    if rows.inputs is None:
        return ScoredRows(rows.given, pa.RecordBatch.from_pylist([], SCHEMA), rows.rejected)
    missing = np.isnan(rows.inputs.numbers).sum(axis=1)
    unknown = [len(names) for names in bundle.list_unknown_categories(rows.inputs)]
    key = [rows.known[name] for name in problem.contract.KEY]
    columns = [
        rows.numbers,
        *key,
        *FORM.to_stored_columns(bundle.score(rows.inputs)).values(),
        missing,
        unknown,
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return ScoredRows(rows.given, pa.RecordBatch.from_arrays(arrays, schema=SCHEMA), rows.rejected)


def _validate_rows(given: Sequence[Given]) -> tuple[list[Row], dict[int, list[Any]]]:
    """The valid rows in their order, and the mistakes of the others by their place."""
    wrong: dict[int, list[Any]] = {}
    try:
        return ROWS.validate_json(to_json(given)), wrong
    except ValidationError as error:
        for mistake in error.errors(include_url=False, include_context=False, include_input=False):
            wrong.setdefault(int(mistake["loc"][0]), []).append(mistake)
    valid = [row for place, row in enumerate(given) if place not in wrong]
    return ROWS.validate_json(to_json(valid)), wrong


def _format_mistakes(mistakes: Sequence[Any]) -> tuple[str, str]:
    """Return the fields of a row's mistakes, and the messages in the same order.

    A rule of the whole row names no field.
    """
    fields = (".".join(map(str, mistake["loc"][1:])) for mistake in mistakes)
    return "; ".join(fields), "; ".join(mistake["msg"] for mistake in mistakes)
