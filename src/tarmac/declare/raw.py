"""Raw tables of declared columns: their types, and text from a file made into them, a file a month or one for all."""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tarmac.declare.columns import Category, Column, Columns, Number

WHOLE = "all"  # the file of a table without months


def types(columns: Columns) -> pa.Schema:
    """The Arrow types of a raw table."""
    return pa.schema([(name, _type(column)) for name, column in columns.items()])


def _type(column: Column) -> pa.DataType:
    if isinstance(column, Number):
        return pa.int64() if column.whole else pa.float64()
    return pa.string() if isinstance(column, Category) else pa.date32()


def typed(name: str, frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Text columns as a raw table. Raises `ValueError` or an Arrow error where a column or a value does not fit."""
    if list(frame.columns) != schema.names:
        raise ValueError(f"{name} has columns {list(frame.columns)}, expected {schema.names}")
    return pa.table([_column(frame[field.name], field.type) for field in schema], schema=schema)


def _column(text: "pd.Series[str]", kind: pa.DataType) -> pa.Array:
    if pa.types.is_date(kind):
        return pa.array(pd.to_datetime(text, format="ISO8601").dt.date, type=kind, from_pandas=True)
    if pa.types.is_timestamp(kind):
        return pa.array(pd.to_datetime(text, format="%Y-%m-%dT%H:%M:%SZ"), type=kind)
    if pa.types.is_string(kind):
        return pa.array(text, type=kind, from_pandas=True)
    return pa.array(pd.to_numeric(text).astype("Float64"), from_pandas=True).cast(kind)  # refuses to lose a fraction


def by_file(name: str, table: pa.Table, day: str | None) -> Iterator[tuple[str, pa.Table]]:
    """Yields a raw table as the files that `data/raw` keeps of it: by the month of its day, or whole without one."""
    if day is None:
        yield f"{name}/{WHOLE}", table
        return
    if table[day].null_count:
        raise ValueError(f"{table[day].null_count} rows of {name} have no {day}: no month can keep them")
    months = pc.strftime(table[day], format="%Y-%m")
    for month in sorted(months.unique().to_pylist()):
        yield f"{name}/{month}", table.filter(pc.equal(months, month))
