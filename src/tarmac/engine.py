"""The engine of prepare and featurize: Ibis on DuckDB, in UTC, writing the same bytes on every run."""

from collections.abc import Sequence
from pathlib import Path

import ibis
from ibis.backends.duckdb import Backend

from tarmac.files import parquet
from tarmac.files.outputs import replacing

ROW_GROUP = 122_880  # rows; DuckDB's own default, fixed here because it decides the bytes


def connect() -> Backend:
    """A DuckDB in memory. Its threads follow the machine; its results do not."""
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    return backend


def read(backend: Backend, paths: Sequence[Path]) -> ibis.Table:
    """The rows of some Parquet files with the same columns. Raises `ValueError` naming a file that cannot be read."""
    for path in paths:
        parquet.check(path)
    return backend.read_parquet([str(path) for path in paths])


def write(backend: Backend, table: ibis.Table, path: Path) -> None:
    """Writes a sorted table as one Parquet file with fixed writer settings."""
    with replacing(path) as partial:
        backend.to_parquet(table, partial, compression="zstd", compression_level=9, row_group_size=ROW_GROUP)
