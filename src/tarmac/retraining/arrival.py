"""What has arrived: fetched, taken in, and the months that it is of."""

import shlex
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tarmac.ingest import incoming
from tarmac.interface.errors import UserError
from tarmac.repository.dvc import commands
from tarmac.repository.dvc.errors import StoreError

SUFFIXES = (".csv", ".parquet")


class ArrivalError(UserError):
    """What ought to have arrived cannot be fetched."""


def ingest_arrivals(source: str) -> list[str]:
    """Fetch and ingest the files of a folder or URL; return a line for each changed table."""
    if not source:
        raise ArrivalError(
            "INCOMING, the folder or URL of new files, is not set",
            "run `make retrain INCOMING=path/to/files`",
        )
    with tempfile.TemporaryDirectory(prefix="tarmac-arrivals-") as folder:
        try:
            # Into it, by its own name: the suffix says what a file is.
            print_lines(commands.run_dvc("get-url", source, folder))
        except StoreError as error:
            raise ArrivalError(
                f"{source} cannot be fetched: {error}",
                f"{error.hint}\nfind the cause with `dvc get-url {shlex.quote(source)}`",
            ) from None
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        if other := [path.name for path in files if path.suffix not in SUFFIXES]:
            raise ArrivalError(
                f"{source} contains files other than .csv and .parquet: {', '.join(other[:5])}",
                "remove these files, or convert them to CSV or Parquet",
            )
        return incoming.ingest_raw_data([str(path) for path in files]) if files else []


def parse_changed_months(arrived: Sequence[str]) -> set[str]:
    """The months that changed; `arrived` holds a line a table, as `tarmac ingest` tells it."""
    return {line.split(":")[0].rpartition("/")[2] for line in arrived}


def print_lines(lines: Iterator[str]) -> None:
    """Print lines as they come."""
    for line in lines:
        print(line, flush=True)
