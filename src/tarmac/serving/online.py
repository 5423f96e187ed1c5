"""What the pipeline exported for the service to look up, and the model's inputs made from it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import parquet

FACTS = "facts.json"
MAKE_AGAIN = "make the bundle again: `make bundle`"
OTHER_CODE = "serve the bundle with its own code, or make a new model: `make run bundle`"
FEW = 8  # rows up to which plain Python is faster than arrays


@dataclass(frozen=True)
class InputArrays:
    """Inputs of a model.

    Texts are objects of shape (rows, categories). Numbers are float32 of shape (rows, numbers).
    """

    categories: np.ndarray
    numbers: np.ndarray


class LookupTable:
    """One exported table: rows found by the values of some columns."""

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        """Read the file. Raises `UserError` where it is missing or damaged."""
        table = _read_table(path)
        self.keys = tuple(keys)
        self.values = tuple(name for name in table.column_names if name not in self.keys)
        columns = [table[name].to_pylist() for name in self.keys]
        row_keys = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
        self._place = {key: number for number, key in enumerate(row_keys)}
        missing = np.full((1, len(self.values)), np.nan, dtype=np.float32)
        values = [table[name].to_numpy().astype(np.float32) for name in self.values]
        self._array = np.concatenate([np.stack(values, axis=1), missing])
        self._key = itemgetter(*self.keys)

    def look_up_row(self, row: dict[str, Any]) -> list[float]:
        """The values for one row; NaN where its key is unknown."""
        place = self._place.get(self._key(row), -1)
        return self._array[place].tolist()  # type: ignore[no-any-return]

    def look_up_columns(self, columns: Sequence[Sequence[Any]]) -> np.ndarray:
        """The values of many keys, given column by column; shape (rows, values)."""
        keys = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
        places = map(self._place.get, keys, repeat(-1))
        return self._array[np.fromiter(places, dtype=np.intp, count=len(columns[0]))]


class OnlineFeatures:
    """All lookups, the categories that training saw, and the rows that explanations start from."""

    def __init__(self, folder: Path) -> None:
        """Read the folder. Raises `UserError` where a file of it is missing or damaged."""
        self.facts = read_json(folder / FACTS, "lookups", "categories", "problem")
        self.lookups = [
            LookupTable(folder / f"{name}.parquet", keys)
            for name, keys in self.facts["lookups"].items()
        ]
        self.categories = {
            name: frozenset(known) for name, known in self.facts["categories"].items()
        }
        self.background: pa.Table = _read_table(folder / "background.parquet")
        try:
            self._params = problem.params.Params.model_validate(self.facts["problem"])
        except ValidationError as error:
            mistakes = format_mistakes(error)
            message = f"{folder / FACTS} has other parameters than this code: {mistakes}"
            raise UserError(message, OTHER_CODE) from None

    def build_inputs(
        self, columns: dict[str, list[Any]], categories: Sequence[str], numbers: Sequence[str]
    ) -> InputArrays:
        """Return the inputs of a model, in their order, for rows given column by column."""
        rows = len(next(iter(columns.values())))
        if rows <= FEW:
            return self._build_few_inputs(columns, rows, categories, numbers)
        features = self._compute_columns(columns)
        texts = np.array([features[name] for name in categories], dtype=object)
        values = np.stack(
            [features[name] for name in numbers], axis=1, dtype=np.float32, casting="unsafe"
        )
        # A model may have no category.
        return InputArrays(texts.reshape(len(categories), rows).T, values)

    def _build_few_inputs(
        self,
        columns: dict[str, list[Any]],
        rows: int,
        categories: Sequence[str],
        numbers: Sequence[str],
    ) -> InputArrays:
        texts, values = [], []
        for row in range(rows):
            features = self._compute_row({name: column[row] for name, column in columns.items()})
            texts.append([features[name] for name in categories])
            values.append([features[name] for name in numbers])
        return InputArrays(np.array(texts, dtype=object), np.array(values, dtype=np.float32))

    def _compute_row(self, row: dict[str, Any]) -> dict[str, Any]:
        row.update(problem.row.own(SimpleNamespace(**row), self._params))
        for lookup in self.lookups:
            row.update(zip(lookup.values, lookup.look_up_row(row), strict=True))
        row.update(problem.row.derived(SimpleNamespace(**row)))
        return row

    def _compute_columns(self, columns: dict[str, list[Any]]) -> dict[str, Any]:
        known = {
            name: np.array(values) for name, values in columns.items() if isinstance(values[0], int)
        }
        features = problem.row.own(SimpleNamespace(**known), self._params)
        lists = columns | {name: values.tolist() for name, values in features.items()}
        for lookup in self.lookups:
            values = lookup.look_up_columns([lists[name] for name in lookup.keys])
            features.update(zip(lookup.values, values.T, strict=True))
        features.update(problem.row.derived(SimpleNamespace(**known, **features)))
        return columns | features


def _read_table(path: Path) -> pa.Table:
    try:
        return parquet.read_table(path)
    except UserError as error:
        raise UserError(str(error), MAKE_AGAIN) from None


def format_mistakes(error: ValidationError) -> str:
    """Return every mistake of a validation, with its field, in a line."""
    return "; ".join(
        f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors()
    )


def read_json(path: Path, *keys: str) -> dict[str, Any]:
    """Return the content of a file of the online features.

    Raise `UserError` if the file is missing or damaged, or lacks one of the keys.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}", MAKE_AGAIN) from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a JSON object", MAKE_AGAIN)
    if missing := [key for key in keys if key not in content]:
        raise UserError(f"{path} has no {', '.join(missing)}", MAKE_AGAIN)
    return content
