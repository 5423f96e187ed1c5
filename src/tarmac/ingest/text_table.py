"""A file of a person as a table of texts, before any schema says what its values are."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from tarmac.interface.errors import UserError
from tarmac.pipeline.base import parquet
from tarmac.tabular.columns import ABSENT
from tarmac.tabular.csv_dialect import (
    DECIMAL_COMMA,
    advise_encoding,
    detect_separator,
    has_decimal_commas,
)


class IncomingError(UserError):
    """A file that cannot be taken in; `data/raw` is as it was."""


def read_as_text(path: Path) -> pd.DataFrame:
    """Read every value of a file as text; a value that is empty or NA is missing.

    Which values are numbers is for the schema to say, not for the file.
    """
    try:
        if path.suffix == ".parquet":
            parquet.check_parquet(path)
            return (
                pd.read_parquet(path, dtype_backend="pyarrow")
                .map(_format_value, na_action="ignore")
                .astype("string")
            )
        return _read_csv(path)
    except UnicodeDecodeError:
        raise IncomingError(f"{path} is not UTF-8 text", advise_encoding(path)) from None
    except (OSError, UserError, ValueError, pa.ArrowException) as error:
        message = f"{path} cannot be read: {' '.join(str(error).split())[:200]}"
        hint = "name a complete Parquet or CSV file, and split one that is too large"
        raise IncomingError(message, hint) from None


def _read_csv(path: Path) -> pd.DataFrame:
    separator = detect_separator(path)
    frame = pd.read_csv(
        path, sep=separator, dtype="string", na_values=list(ABSENT), keep_default_na=False
    )
    if not has_decimal_commas(separator):
        return frame
    return frame.apply(lambda texts: texts.str.replace(DECIMAL_COMMA, r"\1.\2", regex=True))


def _format_value(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, pd.Timestamp) else str(value)
