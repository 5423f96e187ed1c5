"""Spark as an engine: as many machines as its cluster has.

They and this one see the same files under the same paths.
"""

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError
from tarmac.pipeline.base import parquet
from tarmac.pipeline.base.months import WHOLE
from tarmac.pipeline.base.outputs import replace_output
from tarmac.spark import session

MONTH, PLACE = "_month", "_place"  # of a row, while it is on its way to its file


def connect_backend() -> Any:
    """Return the session of the cluster, or of this machine, in UTC.

    Raise `ClusterError` if there is none.
    """
    return ibis.pyspark.connect(session.open_session())  # it sets the zone


def batch_months(months: Sequence[str]) -> list[Sequence[str]]:
    """Return all months as one batch.

    Each by itself would keep few machines busy, and wait for the last of them.
    """
    return [months]


def show_files(backend: Any, name: str, paths: Sequence[Path]) -> ibis.Table:
    """Make the view `name` show the rows of some Parquet files.

    Raise `UserError`, which names the file, if one is damaged.
    """
    for path in paths:
        parquet.check_parquet(path)
    with session.translate_errors():
        session.open_session().read.parquet(
            *(session.format_url(path) for path in paths)
        ).createOrReplaceTempView(name)
    return backend.table(name)


def show_dates(backend: Any, name: str, dates: Mapping[str, date]) -> ibis.Table:
    """Make the view `name` hold one row of dates."""
    columns = ", ".join(f"DATE '{day}' AS `{column}`" for column, day in dates.items())
    backend.raw_sql(f"CREATE OR REPLACE TEMPORARY VIEW `{name}` AS SELECT {columns}")
    return backend.table(name)


def show_rows(backend: Any, name: str, rows: pa.Table) -> ibis.Table:
    """Make the view `name` show rows that are in memory, instead of those that it showed."""
    with session.translate_errors():
        session.open_session().createDataFrame(rows).createOrReplaceTempView(name)
    return backend.table(name)


def compile_query(backend: Any, table: ibis.Table) -> str:
    """The query of an expression, which rounds as DuckDB does."""
    import sqlglot

    tree = sqlglot.parse_one(str(backend.compile(table)), read="spark")
    return str(tree.transform(_convert_rounding).sql("spark"))


def _convert_rounding(node: Any) -> Any:
    """Rewrite rounding to digits, by way of a whole number.

    Of 0.285, a little less in binary, Spark's own rounding makes 0.29.
    """
    import sqlglot

    if not isinstance(node, sqlglot.exp.Round) or node.args.get("decimals") is None:
        return node
    scale = f"{10 ** int(node.args['decimals'].name)}D"
    if scale == "1D":
        return node
    return sqlglot.parse_one(
        f"(ROUND(({node.this.sql('spark')}) * {scale}, 0) / {scale})", read="spark"
    )


def write_table(backend: Any, table: ibis.Table, path: Path) -> None:
    """Write a sorted table of a month at most as one Parquet file, from here."""
    with session.watch_jobs(), replace_output(path) as partial:
        rows = backend.to_pyarrow(table)
        pq.write_table(rows, partial, compression="zstd", store_schema=False)


def write_months(
    backend: Any, query: str, day: str | None, months: Sequence[str], out: Path
) -> None:
    """Write the rows of a compiled, sorted query as one Parquet file a month.

    The workers write, each some months. Raise `UserError`, which names the month, if one has no
    rows.
    """
    from pyspark.sql import functions

    together = out / "_together"
    # A row's place in the sorted query: its columns alone do not tell it,
    # and the way to the files loses it.
    month_of = functions.date_format(day, "yyyy-MM") if day else functions.lit(WHOLE)
    columns = {MONTH: month_of, PLACE: functions.monotonically_increasing_id()}
    with session.watch_jobs():
        placed = backend.raw_sql(query).withColumns(columns).repartition(len(months), MONTH)
        ordered = placed.sortWithinPartitions(MONTH, PLACE).drop(PLACE)
        ordered.write.partitionBy(MONTH).parquet(session.format_url(together), compression="zstd")
    for month in months:
        written = list(together.glob(f"{MONTH}={month}/*.parquet"))
        if len(written) != 1:
            raise UserError(
                f"Spark wrote {len(written)} files of {month} to {out}, expected 1",
                f"check that {month} has rows, and that all workers share the folder {out}",
            )
        written[0].replace(out / f"{month}.parquet")
    shutil.rmtree(together)
