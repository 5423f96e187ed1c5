"""The engine of prepare and featurize: Ibis on DuckDB, or on Spark where `params.yaml` says so.

Both have the same functions; which one a backend is of follows from its name.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import ibis
import pyarrow as pa

from tarmac.pipeline.engine import duckdb

__all__ = [
    "batch_months",
    "compile_query",
    "connect_backend",
    "show_dates",
    "show_files",
    "show_rows",
    "write_months",
    "write_table",
]
SPARK = (
    "tarmac.spark.engine"  # imported where it is the engine: no stage depends on the cluster's code
)
Backend = Any  # Ibis' of either, which have no useful type in common


def connect_backend(name: str = "duckdb") -> Backend:
    """A backend by its name. Raises `UserError` where it cannot be had here."""
    return _load_engine(name).connect_backend()


def batch_months(backend: Backend, months: Sequence[str]) -> list[list[str]]:
    """Return the months in batches, each of which is best made at once.

    On one machine each month is a batch; on a cluster all months are one.
    """
    return [list(batch) for batch in _load_engine(backend.name).batch_months(months) if batch]


def show_files(backend: Backend, name: str, paths: Sequence[Path]) -> ibis.Table:
    """Make the engine's table `name` show the rows of some Parquet files.

    Raise `UserError` with the path of a file if it is damaged.
    """
    return _load_engine(backend.name).show_files(backend, name, paths)


def show_dates(backend: Backend, name: str, dates: Mapping[str, date]) -> ibis.Table:
    """Make the engine's table `name` hold one row of dates."""
    return _load_engine(backend.name).show_dates(backend, name, dates)


def show_rows(backend: Backend, name: str, rows: pa.Table) -> ibis.Table:
    """Make the engine's table `name` show rows in memory, instead of those shown before.

    Ibis' own tables in memory would stay until the process ends: a month's rows for every month.
    """
    return _load_engine(backend.name).show_rows(backend, name, rows)


def compile_query(backend: Backend, table: ibis.Table) -> str:
    """Return the engine's own query for an expression.

    Compiling takes longer than running the query on a month of rows.
    """
    return str(_load_engine(backend.name).compile_query(backend, table))


def write_table(backend: Backend, table: ibis.Table, path: Path) -> None:
    """Write a sorted table as one Parquet file with fixed writer settings."""
    _load_engine(backend.name).write_table(backend, table, path)


def write_months(
    backend: Backend, query: str, day: str | None, months: Sequence[str], out: Path
) -> None:
    """Write the rows of a compiled, sorted query as one Parquet file a month.

    The month of a row is that of its date in the column `day`.
    """
    _load_engine(backend.name).write_months(backend, query, day, months, out)


def _load_engine(name: str) -> ModuleType:
    """The functions of an engine by the name that Ibis gives its backends."""
    return duckdb if name == "duckdb" else import_module(SPARK)
