"""The engine of prepare and featurize: Ibis on DuckDB, in UTC, writing the same bytes on every run."""

from collections.abc import Sequence
from pathlib import Path

import ibis
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from tarmac.outputs import replacing

ROW_GROUP = 122_880  # rows; DuckDB's own default, fixed here because it decides the bytes


def connect() -> Backend:
    """A DuckDB in memory. Its threads follow the machine; its results do not."""
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    return backend


def read(backend: Backend, paths: Sequence[Path]) -> ibis.Table:
    """The rows of some Parquet files with the same columns. Raises `ValueError` naming a file that cannot be read."""
    for path in paths:
        check_parquet(path)
    return backend.read_parquet([str(path) for path in paths])


def check_parquet(path: Path) -> None:
    """Raises `ValueError` where a file is missing, or cut short, or not Parquet."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: fetch it with `make pull`, or make it with `dvc repro`")
    with path.open("rb") as file:
        head, size = file.read(4), file.seek(0, 2)
        file.seek(max(size - 4, 0))
        if size < 12 or head != b"PAR1" or file.read(4) != b"PAR1":
            raise ValueError(f"{path} is not a whole Parquet file ({size:,} bytes): delete it and fetch it again")


def write(backend: Backend, table: ibis.Table, path: Path) -> None:
    """Writes a sorted table as one Parquet file with fixed writer settings."""
    with replacing(path) as partial:
        backend.to_parquet(table, partial, compression="zstd", compression_level=9, row_group_size=ROW_GROUP)


def count_rows(path: Path) -> int:
    """Rows of a Parquet file, read from its footer."""
    return int(pq.read_metadata(path).num_rows)
