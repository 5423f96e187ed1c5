"""What a client says of a row of declared columns, and the prepared columns that it makes."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from tarmac.declare.columns import MISSING, PARTS, Category, Column, Columns, Date, Number, parts

STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def row_model(columns: Columns, about: str) -> type[BaseModel]:
    """The model of a row, without what may lack in it where it lacks; `about` is told to clients."""
    fields: dict[str, Any] = {name: _field(column) for name, column in columns.items()}
    made: type[BaseModel] = create_model("Row", __config__=STRICT, **fields)
    made.__doc__ = about
    return made


def _field(column: Column) -> Any:
    kind = _kind(column)
    return (kind | None, None) if column.missing else (kind, ...)


def _kind(column: Column) -> Any:
    if isinstance(column, Number):
        limits = Field(ge=column.low, le=column.high)
        return Annotated[int, limits, BeforeValidator(_whole)] if column.whole else Annotated[float, limits]
    if isinstance(column, Date):
        return Annotated[date, Field(strict=False), BeforeValidator(_written)]
    return Literal[column.levels] if column.levels else str


def _whole(number: Any) -> Any:
    """JSON makes no difference between 762 and 762.0, and tables with gaps write the latter."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _written(day: Any) -> Any:
    """The day of an instant, as `ingest` takes it; refuses a number: pydantic takes it for seconds since 1970."""
    if isinstance(day, str) and len(day) > len("2024-02-29"):
        return datetime.fromisoformat(day).date()
    if isinstance(day, date | str) and not str(day).isdigit():
        return day
    raise ValueError("a date as in ISO 8601 is expected: 2024-02-29")


def asked(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """What a client would ask about a prepared row: the fields of the model, without what is missing."""
    given = {name: row[name] for name in columns if not _absent(row[name])}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in given.items()}


def _absent(value: Any) -> bool:
    return value is None or value == MISSING or (isinstance(value, float) and math.isnan(value))


def prepared(rows: Sequence[BaseModel], columns: Columns) -> dict[str, list[Any]]:
    """The prepared columns of some rows."""
    made: dict[str, list[Any]] = {}
    for name, column in columns.items():
        values = [getattr(row, name) for row in rows]
        if isinstance(column, Date):
            made |= dict(zip(parts(name), _parts(values), strict=True))
        lacking = MISSING if isinstance(column, Category) else math.nan
        made[name] = values if isinstance(column, Date) else [lacking if value is None else value for value in values]
    return made


def _parts(days: Sequence[date | None]) -> list[list[float]]:
    found = [(day.year, day.month, day.day, day.weekday()) if day else (math.nan,) * len(PARTS) for day in days]
    return [list(part) for part in zip(*found, strict=True)] if found else [[] for _ in PARTS]
