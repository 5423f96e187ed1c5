"""Parquet files: whole or refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MAGIC = b"PAR1"


def check(path: Path) -> None:
    """Raises `ValueError` where a file is missing, cut short, or not Parquet."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: fetch it with `make pull`, or make it with `dvc repro`")
    with path.open("rb") as file:
        head, size = file.read(4), file.seek(0, 2)
        file.seek(max(size - 4, 0))
        if size < 12 or head != MAGIC or file.read(4) != MAGIC:
            raise ValueError(f"{path} is not a whole Parquet file ({size:,} bytes): delete it and fetch it again")
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read ({reason}): delete it and fetch it again") from None


def count_rows(path: Path) -> int:
    """Rows of a Parquet file, read from its footer."""
    return int(pq.read_metadata(path).num_rows)
