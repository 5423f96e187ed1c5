"""Request bodies: one row, rows, or columns of them.

Everything else is refused with the name of the field.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import from_json, to_json

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.interface.request import STRICT

if TYPE_CHECKING:
    from tarmac.interface.request import Row
else:
    Row = problem.request.Row

MOST_ROWS, MOST_ERRORS, LONGEST_NAME = 10_000, 20, 40


class Rows(BaseModel):
    """Many rows."""

    model_config = STRICT

    rows: Annotated[list[Row], Field(min_length=1, max_length=MOST_ROWS)]


def _build_column_field(name: str) -> Any:
    field = Row.model_fields[name]
    kind: Any = list[field.rebuild_annotation()]  # type: ignore[misc]
    values: Any = Annotated[kind, Field(min_length=1, max_length=MOST_ROWS)]
    return (values, ...) if field.is_required() else (values | None, None)


Table = create_model(
    "Table", __config__=STRICT, **{name: _build_column_field(name) for name in Row.model_fields}
)
Table.__doc__ = "The fields of a row, each a list of as many values."


class Columns(BaseModel):
    """Many rows, field by field: half the size."""

    model_config = STRICT

    columns: Table  # type: ignore[valid-type]


class ColumnLists(BaseModel):
    """The columns of a body, before their values are looked at."""

    model_config = STRICT

    columns: dict[str, list[Any] | None]


ONE, MANY, FIELDS = TypeAdapter(Row), TypeAdapter(Rows), TypeAdapter(ColumnLists)


class RequestError(UserError):
    """A body that is no valid request.

    `detail` lists the first mistakes with their place, as FastAPI does.
    """

    def __init__(self, detail: Sequence[dict[str, Any]]) -> None:
        """Take the mistakes."""
        super().__init__("the body of the request is not valid")
        self.detail = list(detail)


def parse_body(body: bytes) -> tuple[list[Row], str]:
    """The rows of a body, and its form: `row`, `rows` or `columns`. Raises `RequestError`."""
    try:
        content = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        message = f"the body is not JSON: {error}"
        raise RequestError([{"loc": [], "msg": message, "type": "json_invalid"}]) from None
    json.loads(body, object_pairs_hook=_require_unique, parse_int=str, parse_float=str)
    try:
        if isinstance(content, dict) and "rows" in content:
            return MANY.validate_json(body).rows, "rows"
        if isinstance(content, dict) and "columns" in content:
            return _parse_columns(FIELDS.validate_python(content).columns), "columns"
        return [ONE.validate_json(body)], "row"
    except ValidationError as error:
        raise RequestError(list_mistakes(error)) from None


def _require_unique(pairs: list[tuple[str, Any]]) -> None:
    """Refuse a key that an object has twice: a proxy or a log may read another of its values."""
    seen = set[str]()
    for name, _ in pairs:
        if name in seen:
            message = "this key appears twice in one object"
            raise RequestError(
                [{"loc": [_shorten_name(name)], "msg": message, "type": "json_invalid"}]
            )
        seen.add(name)


def list_mistakes(error: ValidationError) -> list[dict[str, Any]]:
    """Return the first mistakes of a validation.

    Each says where, what is expected, and which rule; never what was sent.
    """
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    return [_shorten_mistake(mistake) for mistake in mistakes[:MOST_ERRORS]]


def _shorten_mistake(mistake: Mapping[str, Any]) -> dict[str, Any]:
    loc = [_shorten_name(part) for part in mistake["loc"]]
    return {"loc": loc, "msg": mistake["msg"], "type": mistake["type"]}


def _shorten_name(part: str | int) -> str | int:
    """A place; the name of a field that there is not is the client's."""
    return part[:LONGEST_NAME] if isinstance(part, str) else part


def _parse_columns(given: dict[str, list[Any] | None]) -> list[Row]:
    """Rows of columns, checked as rows are; a mistake's place is its column, then its number."""
    columns = {name: values for name, values in given.items() if values is not None}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        message = f"columns of unequal length: {dict(list(lengths.items())[:MOST_ERRORS])}"
        raise RequestError([{"loc": ["columns"], "msg": message, "type": "value_error"}])
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    try:
        return MANY.validate_json(to_json({"rows": rows})).rows
    except ValidationError as error:
        mistakes = list_mistakes(error)
        for mistake in mistakes:
            mistake["loc"] = _to_column_location(mistake["loc"])
        raise RequestError(mistakes) from None


def _to_column_location(loc: list[str | int]) -> list[str | int]:
    """Return where in the columns a mistake of the rows stands.

    `rows, 3, origin` is `columns, origin, 3`.
    """
    return ["columns", *loc[2:3], *loc[1:2], *loc[3:]]
