"""Load base's predictions of head's test rows.

Base's model predicts the rows if the test months have moved.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError, format_error_inline
from tarmac.interface.problem import problem
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import MonthWindow
from tarmac.pipeline.metrics.metrics import split_prediction_columns
from tarmac.pipeline.models.dataset import read_window, require_labeled_rows
from tarmac.pipeline.models.scorer import Scorer
from tarmac.review.compare import merge_by_key
from tarmac.review.result_folder import FEATURES, MODEL, PARAMS, PREDICTIONS, ResultFolder

COMPARE = "compare with another commit: `make review BASE=COMMIT`"


class NotComparableError(UserError):
    """Why the base's model cannot answer for head's test rows, or must not."""


@dataclass(frozen=True)
class MovedTestWindow:
    """What was done because head is tested on other months than base."""

    first: str  # of head's test months
    last: str
    rows: int  # that the base's model predicted; 0 if it did not
    summary: str  # the same in words, with the reason if it did not


def load_base_predictions(
    base: ResultFolder, head: ResultFolder, test: MonthWindow | None
) -> tuple[pd.DataFrame, MovedTestWindow | None]:
    """Return base's predictions, and what was done if the test months moved.

    The table has key, label and prediction by base's model, of its own test rows or of head's.

    A model predicts only months after all that it has learned from: elsewhere it would be evaluated
    on rows that it knows. In that case only the rows that both have predicted are left to compare.
    Without test months (None) the rows that both have predicted are compared.
    Raise `UserError` if the tables of predictions cannot be joined by their key.
    """
    known, wanted = (pd.read_parquet(side.resolve_path(PREDICTIONS)) for side in (base, head))
    if test is None:
        return known, None
    if _read_test_window(base) == (test.first, test.last) or len(
        merge_by_key(known, wanted[list(problem.contract.KEY)])
    ) == len(wanted):
        return known, None
    try:
        predictions = _score_with_base_model(base, head, test)
    except NotComparableError as error:
        return known, MovedTestWindow(
            test.first,
            test.last,
            0,
            f"the base's model did not predict them: {format_error_inline(error)}",
        )
    size = len(predictions)
    summary = f"the base's model predicted the {size:,} rows of the test months of head"
    return predictions, MovedTestWindow(test.first, test.last, size, summary)


def _read_test_window(base: ResultFolder) -> tuple[str, str]:
    window = base.read_yaml(PARAMS).get("split", {}).get("test", {})
    return str(window.get("first", "")), str(window.get("last", ""))


def _score_with_base_model(
    base: ResultFolder, head: ResultFolder, test: MonthWindow
) -> pd.DataFrame:
    if MODEL not in base.present:
        raise NotComparableError(
            f"the remote does not have {MODEL} of the base {base.commit[:7]}",
            "run `make push` in a clone that has it",
        )
    try:
        model = Scorer(base.resolve_path(MODEL))
    except UserError:
        raise NotComparableError(
            f"{MODEL} of the base {base.commit[:7]} cannot be read",
            COMPARE,
        ) from None
    require_unseen_months(model.metadata, test)
    require_model_inputs(model, head, test)
    # A part of the key may be an input.
    columns = [
        *dict.fromkeys(
            (*problem.contract.KEY, problem.contract.TARGET, *model.categories, *model.numbers)
        )
    ]
    rows, _ = require_labeled_rows(read_window(head.resolve_path(FEATURES), test, columns))
    return rows[[*problem.contract.KEY, problem.contract.TARGET]].assign(
        **split_prediction_columns(model.score(rows))
    )


def require_unseen_months(metadata: Mapping[str, str], test: MonthWindow) -> None:
    """Raise `NotComparableError` if a model learned from one of these months, or from a later one.

    Raise it, too, if the model does not name the months that it learned from.
    """
    try:
        split = json.loads(metadata["split"])
        last = max(str(split[part]["last"]) for part in ("train", "validation"))
    except (KeyError, TypeError, ValueError):
        raise NotComparableError(
            "the metadata of the model does not name the training months",
            f"make the model again (`make run`), or {COMPARE}",
        ) from None
    if test.first <= last:
        tested = f"head is tested from {test.first} on"
        raise NotComparableError(
            f"the model was trained on months up to {last}, and {tested}",
            f"set `split.test` in {PARAMS} to months after {last}",
        )


def require_model_inputs(model: Scorer, head: ResultFolder, test: MonthWindow) -> None:
    """Raise `NotComparableError` if head's features lack inputs of a model.

    Raise it, too, if they have an input as another kind of value. The error names the inputs.
    """
    kinds = dict.fromkeys(model.categories, "text") | dict.fromkeys(model.numbers, "a number")
    for month in months.list_months_between(test.first, test.last):
        schema = pq.read_schema(head.resolve_path(FEATURES) / f"{month}.parquet")
        types = {
            name: _describe_column_type(schema.field(name).type)
            for name in kinds
            if name in schema.names
        }
        if lacking := [name for name in kinds if name not in types]:
            names = ", ".join(lacking)
            raise NotComparableError(
                f"the model requires {names}, missing in head's features",
                f"add them to the features, or {COMPARE}",
            )
        if other := [f"{name} as {kind}" for name, kind in kinds.items() if types[name] != kind]:
            names = ", ".join(other)
            raise NotComparableError(
                f"the model requires {names}, of another type in head's features",
                f"write them with that type, or {COMPARE}",
            )


def _describe_column_type(kind: pa.DataType) -> str:
    return "a number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "text"
