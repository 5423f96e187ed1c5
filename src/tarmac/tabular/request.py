"""What a client says of a row of declared columns, and the prepared columns that it makes."""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, create_model, model_validator

from tarmac.interface.request import STRICT
from tarmac.tabular.columns import (
    MISSING,
    PARTS,
    Category,
    Column,
    Columns,
    Date,
    Number,
    RowNumber,
    format_hour_column,
    list_date_columns,
    normalize_name,
)

TIMED = re.compile(r"\d{4}-\d{2}-\d{2}[T ](\d{2})")  # as `ingest` reads an hour


def build_row_model(columns: Columns, about: str) -> type[BaseModel]:
    """The model of a row, without what may lack in it where it lacks; `about` is told to clients.

    The hour of a date may lack where the date comes with its time.
    """
    hours = {
        name: format_hour_column(name)
        for name, kind in columns.items()
        if isinstance(kind, Date) and format_hour_column(name) in columns
    }
    fields: dict[str, Any] = {
        name: _build_field(column, name in hours.values()) for name, column in columns.items()
    }
    wanted = {name: own for name, own in hours.items() if not columns[own].missing}
    rules: dict[str, Any] = {
        "hours": model_validator(mode="before")(_build_hour_filler(hours, wanted))
    }
    model: type[BaseModel] = create_model(
        "Row", __config__=STRICT, __validators__=rules if hours else {}, **fields
    )
    model.__doc__ = about
    return model


def _build_hour_filler(hours: Mapping[str, str], wanted: Mapping[str, str]) -> Callable[[Any], Any]:
    """Return a function that adds to a row the hours that its dates contain.

    It raises `ValueError` if an hour is `wanted` and missing.
    """

    def add_hours(row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        whole = dict(row)
        for name, own in hours.items():
            timed = TIMED.match(str(row.get(name)))
            if timed and row.get(own) is None:
                whole[own] = int(timed[1])
        for name, own in wanted.items():
            if whole.get(own) is None:
                raise ValueError(f"{own} is missing, and {name} has no time of day")
        return whole

    return add_hours


def _build_field(column: Column, may_lack: bool) -> Any:
    kind = _build_field_type(column)
    return (kind | None, None) if column.missing or may_lack else (kind, ...)


def _build_field_type(column: Column) -> Any:
    if isinstance(column, RowNumber):
        # The column itself, by which a batch finds the field.
        return Annotated[int, BeforeValidator(_to_whole_number), column]
    if isinstance(column, Number):
        limits = Field(ge=column.low, le=column.high)
        return (
            Annotated[int, limits, BeforeValidator(_to_whole_number)]
            if column.whole
            else Annotated[float, limits]
        )
    if isinstance(column, Date):
        return Annotated[date, Field(strict=False), BeforeValidator(_parse_date)]
    return Literal[column.levels] if column.levels else str


def _to_whole_number(number: Any) -> Any:
    """JSON makes no difference between 762 and 762.0, and tables with gaps write the latter."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _parse_date(day: Any) -> Any:
    """Return the day of an instant, as `ingest` takes it.

    A number is refused: pydantic takes it for seconds since 1970.
    """
    if isinstance(day, str) and len(day) > len("2024-02-29"):
        return datetime.fromisoformat(day).date()
    if isinstance(day, date | str) and not str(day).isdigit():
        return day
    raise ValueError("a date in ISO 8601 is expected, such as 2024-02-29")


def field_of(column: str, columns: Columns, useless: Collection[str]) -> str | None:
    """Return the field that a file's column fills, or None if nobody needs it.

    The column has its name in the file or in the code.
    """
    name = column if column in columns else normalize_name(column)
    return None if name in useless else name


def asked(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Return what a client would send of a prepared row.

    These are the fields of the model, without what is missing.
    """
    given = {name: row[name] for name in columns if not _is_missing(row[name])}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in given.items()
    }


def _is_missing(value: Any) -> bool:
    return value is None or value == MISSING or (isinstance(value, float) and math.isnan(value))


def build_prepared_columns(rows: Sequence[BaseModel], columns: Columns) -> dict[str, list[Any]]:
    """The prepared columns of some rows."""
    prepared: dict[str, list[Any]] = {}
    for name, column in columns.items():
        values = [getattr(row, name) for row in rows]
        if isinstance(column, Date):
            prepared |= dict(zip(list_date_columns(name), _split_dates(values), strict=True))
        lacking = MISSING if isinstance(column, Category) else math.nan
        prepared[name] = (
            values
            if isinstance(column, Date)
            else [lacking if value is None else value for value in values]
        )
    return prepared


def _split_dates(days: Sequence[date | None]) -> list[list[float]]:
    parts_by_day = [
        (day.year, day.month, day.day, day.weekday()) if day else (math.nan,) * len(PARTS)
        for day in days
    ]
    return (
        [list(part) for part in zip(*parts_by_day, strict=True)]
        if parts_by_day
        else [[] for _ in PARTS]
    )
