"""What a valid row of declared columns is. A row that breaks a rule is set aside."""

from collections.abc import Sequence

import pandas as pd
import pandera.pandas as pa

from tarmac.tabular.columns import Category, Column, Columns, Number
from tarmac.tabular.raw import WHOLE, build_raw_schema


def schema(
    columns: Columns, key: Sequence[str], day: str | None, month: str | None
) -> pa.DataFrameSchema:
    """Pandera schema of a raw table; of rows with the same key the first stays."""
    rules = [_build_month_check(day, month)] if day and month and month != WHOLE else []
    return pa.DataFrameSchema(
        {
            field.name: pa.Column(
                pd.ArrowDtype(field.type),
                _build_checks(columns[field.name]),
                nullable=columns[field.name].missing,
            )
            for field in build_raw_schema(columns)
        },
        rules,
        strict=True,
        ordered=True,
        unique=list(key),
        report_duplicates="exclude_first",
    )


def _build_checks(column: Column) -> list[pa.Check]:
    if isinstance(column, Number):
        return _build_number_checks(column)
    if isinstance(column, Category) and column.levels:
        return [pa.Check(lambda texts: texts.isin(column.levels), name="known")]
    return []


def _build_number_checks(column: Number) -> list[pa.Check]:
    low, high = (limit is not None for limit in (column.low, column.high))
    at_least = [pa.Check(lambda values: values >= column.low, name="not_below")] if low else []
    at_most = [pa.Check(lambda values: values <= column.high, name="not_above")] if high else []
    if column.whole or (low and high):
        return at_least + at_most
    finite = pa.Check(lambda values: values.abs() < float("inf"), name="finite")
    return [*at_least, *at_most, finite]


def _build_month_check(day: str, month: str) -> pa.Check:
    def is_in_month(frame: pd.DataFrame) -> "pd.Series[bool]":
        return frame[day].astype("str").str.startswith(month).astype("bool")

    return pa.Check(is_in_month, name=f"{day}:of_file")
