"""Raw tables of declared columns: their types, and text from a file made into them.

There is a file a month, or one for all.
"""

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tarmac.interface.errors import UserError, suggest_name
from tarmac.tabular.columns import (
    Category,
    Column,
    Columns,
    Number,
    RowNumber,
    format_hour_column,
    normalize_name,
)

WHOLE = "all"  # the file of a table without months
LEFT_OUT = b"left out"  # of a schema: columns that files have, and the table has not
NUMBERED = b"row numbers"  # of a schema: columns that files may lack


def build_raw_schema(columns: Columns, left_out: Sequence[str] = ()) -> pa.Schema:
    """The Arrow types of a raw table, which knows the columns of its files that are left out."""
    schema = pa.schema([(name, _to_arrow_type(column)) for name, column in columns.items()])
    numbered = [name for name, column in columns.items() if isinstance(column, RowNumber)]
    about = {LEFT_OUT: "\n".join(left_out), NUMBERED: "\n".join(numbered)}
    return schema.with_metadata({key: names for key, names in about.items() if names} or None)


def _to_arrow_type(column: Column) -> pa.DataType:
    if isinstance(column, Number):
        return pa.int64() if column.whole else pa.float64()
    return pa.string() if isinstance(column, Category) else pa.date32()


def normalize_file_columns(frame: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """Return the columns of a file under their names for code.

    The hours of its times and the numbers of its rows are added, and the columns left out are
    dropped.
    """
    named = frame.rename(
        columns={name: normalize_name(name) for name in frame.columns if name not in schema.names}
    )
    for field in schema:
        wanted = pa.types.is_date(field.type) and format_hour_column(field.name) in schema.names
        if wanted and field.name in named and format_hour_column(field.name) not in named:
            named = named.assign(**{format_hour_column(field.name): parse_hours(named[field.name])})
    for name in _list_names(schema, NUMBERED):
        if name not in named:
            named = named.assign(**{name: [str(number) for number in range(len(named))]})
    return named.drop(columns=_list_names(schema, LEFT_OUT), errors="ignore")


def _list_names(schema: pa.Schema, key: bytes) -> list[str]:
    """Return the names that a schema's metadata has under a key."""
    names = (schema.metadata or {}).get(key, b"").decode()
    return names.split("\n") if names else []


def parse_hours(times: "pd.Series[str]") -> "pd.Series[str]":
    """The hour of each time as text; missing where only the day is told."""
    return times.str.extract(r"^\d{4}-\d{2}-\d{2}[T ](\d{2})", expand=False)


def parse_raw_table(name: str, frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Convert text columns to a raw table.

    Raise `UserError`, which names the column or value, if one does not fit.
    """
    if list(frame.columns) != schema.names:
        unknown = [column for column in frame.columns if column not in schema.names]
        raise UserError(
            f"{name} has columns {', '.join(frame.columns)}, expected {', '.join(schema.names)}",
            " ".join(filter(None, (suggest_name(column, schema.names) for column in unknown)))
            or "rename, add or remove columns in the file",
        )
    columns = []
    for field in schema:
        try:
            columns.append(_parse_column(frame[field.name], field.type))
        except (ValueError, pa.ArrowException) as error:
            first, *_ = str(error).splitlines()
            raise UserError(
                f"{name}: a value of {field.name} is not of type {field.type} ({first})",
                "correct the value in the file",
            ) from None
    return pa.table(columns, schema=schema.remove_metadata())


def _parse_column(text: "pd.Series[str]", kind: pa.DataType) -> pa.Array:
    if pa.types.is_date(kind):
        return pa.array(pd.to_datetime(text, format="ISO8601").dt.date, type=kind, from_pandas=True)
    if pa.types.is_timestamp(kind):
        return pa.array(pd.to_datetime(text, format="%Y-%m-%dT%H:%M:%SZ"), type=kind)
    if pa.types.is_string(kind):
        return pa.array(text, type=kind, from_pandas=True)
    # Refuses to lose a fraction.
    return pa.array(pd.to_numeric(text).astype("Float64"), from_pandas=True).cast(kind)


def by_file(name: str, table: pa.Table, day: str | None) -> Iterator[tuple[str, pa.Table]]:
    """Yield a raw table as the files that `data/raw` keeps of it.

    The files are by the month of its day, or one whole file if there is no `day`.
    """
    if day is None:
        yield f"{name}/{WHOLE}", table
        return
    if table[day].null_count:
        raise UserError(
            f"{table[day].null_count} rows of {name} have no {day}, so they belong to no month",
            f"fill in {day}, or remove the rows",
        )
    months = pc.strftime(table[day], format="%Y-%m")
    for month in sorted(months.unique().to_pylist()):
        yield f"{name}/{month}", table.filter(pc.equal(months, month))
