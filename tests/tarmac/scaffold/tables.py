"""Tables of texts, as a file is read."""

import pandas as pd


def texts(*values: object) -> "pd.Series[str]":
    return pd.Series([None if value is None else str(value) for value in values], dtype="string")


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({name: texts(*values) for name, values in columns.items()})
