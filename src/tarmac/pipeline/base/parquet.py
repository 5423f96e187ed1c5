"""Parquet files: whole or refused."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError

MAGIC = b"PAR1"
LARGEST = 2**31  # bytes in memory: a month needs a few million
VALUE = 8  # bytes of most values once they are read
AGAIN = "delete it and fetch it again, for example with `make pull`"


def check_parquet(path: Path) -> None:
    """Check that a Parquet file is whole, and not too large for memory.

    Raise `UserError` if it is missing, cut short, not Parquet, or larger in memory than `LARGEST`.
    """
    if not path.is_file():
        raise UserError(
            f"{path} is missing",
            "fetch it with `make pull`, or make it with `dvc repro`",
        )
    with path.open("rb") as file:
        head, size = file.read(4), file.seek(0, 2)
        file.seek(max(size - 4, 0))
        if size < 12 or head != MAGIC or file.read(4) != MAGIC:
            raise UserError(f"{path} is not a complete Parquet file ({size:,} bytes)", AGAIN)
    try:
        unpacked = _compute_memory_size(path, pq.read_metadata(path))
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read ({reason})", AGAIN) from None
    if unpacked > LARGEST:
        raise UserError(
            f"{path} ({size:,} bytes) would take {unpacked / 1e9:,.1f} GB in memory,"
            f" the limit is {LARGEST / 1e9:.1f} GB",
            "check that its source can be trusted, or split it into smaller files",
        )


def read_table(path: Path) -> pa.Table:
    """Return a whole table.

    Raise `UserError` if the file is damaged, or as `check_parquet` does.
    """
    check_parquet(path)
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read ({reason})", AGAIN) from None


def _compute_memory_size(path: Path, footer: pq.FileMetaData) -> int:
    """Return the bytes that a file takes once it is read.

    What is repeated is stored once, and counts each time.
    """
    stored = sum(
        footer.row_group(number).total_byte_size for number in range(footer.num_row_groups)
    )
    known = max(stored, footer.num_rows * footer.num_columns * VALUE)
    return int(known if known > LARGEST else max(known, _count_text_bytes(path, footer)))


def _count_text_bytes(path: Path, footer: pq.FileMetaData) -> int:
    """Return the bytes of a file's texts, counted without making them.

    Each text is kept once, with the places of its occurrences.
    """
    names = [
        field.name for field in footer.schema.to_arrow_schema() if pa.types.is_string(field.type)
    ]
    total = 0
    for batch in (
        pq.ParquetFile(path, read_dictionary=names).iter_batches(columns=names) if names else ()
    ):
        for column in batch.columns:
            lengths = pc.cast(pc.binary_length(column.dictionary), pa.int64())
            total += pc.sum(pc.take(lengths, column.indices)).as_py() or 0
    return total


def count_rows(path: Path) -> int:
    """Return the number of rows of a Parquet file, read from its footer.

    Raise `UserError` if the footer cannot be read.
    """
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read ({reason})", AGAIN) from None
