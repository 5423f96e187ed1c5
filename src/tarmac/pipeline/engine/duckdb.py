"""DuckDB: one machine, in UTC, writing the same bytes on every run."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import ibis
import pyarrow as pa
from ibis.backends.duckdb import Backend

from tarmac.pipeline.base import parquet, resources
from tarmac.pipeline.base.outputs import replace_output

# Fixed, because they decide the bytes; the row group is DuckDB's own default.
SETTINGS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 9, ROW_GROUP_SIZE 122880"


SHARE = 0.5  # of the memory that a stage may take: the rows that Python holds are beside it


def connect_backend() -> Backend:
    """Return a DuckDB in memory, and on disk beyond its limit.

    Threads and memory follow the machine; the results do not.
    """
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET TimeZone = 'UTC'")
    backend.raw_sql(f"SET memory_limit = '{resources.compute_memory_limit() * SHARE / 1e6:.0f}MB'")
    backend.raw_sql(f"SET temp_directory = '{resources.create_spill_folder()}'")
    return backend


def batch_months(months: Sequence[str]) -> list[list[str]]:
    """Each month by itself: memory does not grow with their number."""
    return [[month] for month in months]


def show_files(backend: Backend, name: str, paths: Sequence[Path]) -> ibis.Table:
    """Make the engine's table `name` show the rows of some Parquet files.

    Raise `UserError` with the path of a file if it is damaged.
    """
    for path in paths:
        parquet.check_parquet(path)
    return backend.create_view(
        name, backend.read_parquet([str(path) for path in paths]), overwrite=True
    )


def show_dates(backend: Backend, name: str, dates: Mapping[str, date]) -> ibis.Table:
    """Make the engine's table `name` hold one row of dates."""
    columns = ", ".join(f"DATE '{day}' AS \"{column}\"" for column, day in dates.items())
    backend.raw_sql(f'CREATE OR REPLACE VIEW "{name}" AS SELECT {columns}')
    return backend.table(name)


def show_rows(backend: Backend, name: str, rows: pa.Table) -> ibis.Table:
    """Make the engine's table `name` show rows in memory, instead of those shown before."""
    backend.con.register(name, rows)
    return backend.table(name)


def compile_query(backend: Backend, table: ibis.Table) -> str:
    """The query of an expression."""
    return str(backend.compile(table))


def write_table(backend: Backend, table: ibis.Table, path: Path) -> None:
    """Write a sorted table as one Parquet file with fixed writer settings."""
    with replace_output(path) as partial:
        backend.to_parquet(
            table, partial, compression="zstd", compression_level=9, row_group_size=122880
        )


def write_months(
    backend: Backend, query: str, _day: str | None, months: Sequence[str], out: Path
) -> None:
    """Write the rows of a compiled, sorted query of one month as its Parquet file.

    `months` is a batch of `batch_months`.
    """
    (month,) = months
    with replace_output(out / f"{month}.parquet") as partial:
        backend.raw_sql(f"COPY ({query}) TO '{partial}' ({SETTINGS})")
