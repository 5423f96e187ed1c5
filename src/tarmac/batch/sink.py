"""Files of scores and of rejected rows, written whole or not at all.

A note says what they were made from.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tarmac.batch.source import PARQUET
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output

# Keys in a Parquet file's metadata; the counts are known last.
FROM, COUNTS = (b"tarmac", b"tarmac.rows")
GROUP = 2**17  # rows of a row group
HEADER = ("row", "field", "message", "json")
Note = dict[str, Any]


class RejectsWriter:
    """Rows that were not scored, in a file that is there only if there are any."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        """Take who closes the file."""
        self._path, self._stack = path, stack
        self._lines: Any = None
        self.count = 0

    def write_lines(self, lines: Sequence[Sequence[Any]]) -> None:
        """Add lines with the fields of `HEADER`, one for each row."""
        if lines and self._lines is None:
            partial = self._stack.enter_context(replace_output(self._path))
            file = self._stack.enter_context(partial.open("w", encoding="utf-8", newline=""))
            self._lines = csv.writer(file, lineterminator="\n")
            self._lines.writerow(HEADER)
        if lines:
            self._lines.writerows(lines)
            self.count += len(lines)


@contextmanager
def open_rejects(path: Path) -> Iterator[RejectsWriter]:
    """Take rejected rows, and put their file in place when the block succeeds.

    If there are none, remove the file of an earlier run.
    """
    with ExitStack() as stack:
        writer = RejectsWriter(path, stack)
        yield writer
    if not writer.count:
        path.unlink(missing_ok=True)


class ScoresWriter:
    """Scored rows, written by row groups."""

    def __init__(self, path: Path, suffix: str, schema: pa.Schema, made_from: Note) -> None:
        """Open the file; Parquet says what its scores are made from, CSV has no place for it."""
        self._parquet = suffix == PARQUET
        options = {"compression": "zstd"} if self._parquet else {}
        schema = schema.with_metadata({FROM: json.dumps(made_from)})
        self._writer = (pq.ParquetWriter if self._parquet else pyarrow.csv.CSVWriter)(
            path, schema, **options
        )
        self._waiting: list[pa.RecordBatch] = []
        self.count = 0

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._waiting.append(batch)
        self.count += batch.num_rows
        if sum(waiting.num_rows for waiting in self._waiting) >= GROUP:
            self._flush_batches()

    def _flush_batches(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting))
        self._waiting = []

    def close(self, counts: Note) -> None:
        """Write what waits, and how many rows there were."""
        self._flush_batches()
        if self._parquet:
            self._writer.add_key_value_metadata({COUNTS: json.dumps(counts)})
        self._writer.close()


def read_note(path: Path) -> Note:
    """Return what a Parquet file of scores says of itself.

    The note is empty if the file is not there, cut, or something else.
    """
    try:
        metadata = pq.read_metadata(path).metadata
        return {**json.loads(metadata[FROM]), **json.loads(metadata[COUNTS])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def find_complete_note(path: Path, beside: Path, made_from: Note) -> Note:
    """Return the note of scores that need not be made again, else an empty one.

    All their rejected rows must be there as well.
    """
    note = read_note(path)
    same = note and all(note.get(name) == value for name, value in made_from.items())
    return note if same and note.get("rejects") == compute_dvc_hash(beside) else {}
