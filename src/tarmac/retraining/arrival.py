"""What has arrived: fetched, taken in, and the months that it is of."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tarmac.ingest import incoming
from tarmac.repository.dvc import commands

SUFFIXES = (".csv", ".parquet")


class ArrivalError(ValueError):
    """What ought to have arrived cannot be fetched."""


def arrivals(source: str) -> list[str]:
    """Fetches the files of a folder or URL and takes them in; returns a line for each table that changed."""
    if not source:
        raise ArrivalError("INCOMING names no folder or address: nothing could have arrived")
    with tempfile.TemporaryDirectory(prefix="tarmac-arrivals-") as folder:
        try:
            show(commands.dvc("get-url", source, folder))  # into it, by its own name: the suffix says what a file is
        except commands.StoreError:
            raise ArrivalError(f"{source} cannot be fetched: `dvc get-url {source}` says why") from None
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        if other := [path.name for path in files if path.suffix not in SUFFIXES]:
            raise ArrivalError(
                f"{source} holds {', '.join(other[:5])}, which is neither .csv nor .parquet: take it away"
            )
        return incoming.ingest([str(path) for path in files]) if files else []


def named(arrived: Sequence[str]) -> set[str]:
    """The months that changed; `arrived` holds a line a table, as `tarmac ingest` tells it."""
    return {line.split(":")[0].rpartition("/")[2] for line in arrived}


def show(lines: Iterator[str]) -> None:
    """Prints lines as they come."""
    for line in lines:
        print(line, flush=True)
