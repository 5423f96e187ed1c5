"""A Spark worker's part of a batch: rows in, scores and rejected rows out.

The worker scores by the bundle that it reads.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from tarmac.batch.score import SCHEMA, prepare_rows, score_rows
from tarmac.batch.sink import HEADER
from tarmac.batch.source import add_row_numbers, convert_to_rows
from tarmac.serving.bundle import Bundle

CHUNK = 4096  # rows that are scored at once
FILE, PLACE = "_file", "_place"  # of a row: its file, and its number there, from 0
REJECT = tuple(name for name in HEADER if name != "row")
ALL = pa.schema([(FILE, pa.string()), *SCHEMA, *((name, pa.string()) for name in REJECT)])
Batches = Iterator[pa.RecordBatch]


def build_scorer(bundle: Path, source: Path, names: Sequence[str]) -> Callable[[Batches], Batches]:
    """Return a function that turns rows with `FILE` and `PLACE` into rows of `ALL`.

    Each row of `ALL` has a score, or the reason why there is none. The columns of the rows are
    `names`. `FILE` comes as a URL and goes as the path in the folder `source`.
    """

    def score_batches(batches: Batches) -> Batches:
        for batch in batches:
            for start in range(0, batch.num_rows, CHUNK):
                yield _score_batch(
                    _load_bundle(bundle), batch.slice(start, CHUNK).rename_columns(names), source
                )

    return score_batches


@cache
def _load_bundle(folder: Path) -> Bundle:
    """Loaded once a process, which scores part after part."""
    return Bundle(folder)


def _score_batch(bundle: Bundle, batch: pa.RecordBatch, source: Path) -> pa.RecordBatch:
    columns = batch.to_pydict()
    names = {
        url: str(Path(unquote(urlsplit(url).path)).relative_to(source))
        for url in set(columns[FILE])
    }
    files, places = [names[url] for url in columns.pop(FILE)], columns.pop(PLACE)
    rows = convert_to_rows(columns)
    add_row_numbers(rows, places)
    done = score_rows(bundle, prepare_rows(bundle, rows, 0))
    results = [
        {**row, FILE: files[row["row"]], "row": places[row["row"]] + 1}
        for row in done.batch.to_pylist()
    ]
    for number, *reason in done.rejected:
        results.append(
            {
                FILE: files[number],
                "row": places[number] + 1,
                **dict(zip(REJECT, reason, strict=True)),
            }
        )
    return pa.RecordBatch.from_pylist(results, ALL)
