"""How far a long run is: a bar on a terminal, else a line now and then."""

import sys
import time
from typing import TextIO

OFTEN, SELDOM = 0.2, 30.0  # seconds between two showings, on a terminal and elsewhere
WIDTH = 30  # characters


class ProgressBar:
    """Progress in rows, and in bytes of the files that they are in.

    Bytes are needed because nobody knows the rows of a CSV file beforehand.
    """

    def __init__(self, size: int, stream: TextIO | None = None) -> None:
        """Take the bytes of all files."""
        self._size, self._stream = max(size, 1), stream or sys.stdout
        self._bar = self._stream.isatty()
        self._begin = self._shown = time.monotonic()
        self._rows = self._behind = 0

    def add_rows(self, rows: int, done: float) -> None:
        """Counts rows; `done` is the number of bytes that are read of their file."""
        self._rows += rows
        now = time.monotonic()
        if now - self._shown >= (OFTEN if self._bar else SELDOM):
            self._shown = now
            self._show_progress(min((self._behind + done) / self._size, 1.0), now - self._begin)

    def finish_file(self, size: int) -> None:
        """A file of so many bytes is done."""
        self._behind += size

    def _show_progress(self, share: float, seconds: float) -> None:
        left = f"{seconds / share - seconds:,.0f} s left" if share else ""
        line = f"{share:4.0%}  {self._rows:,} rows  {self._rows / seconds:,.0f} rows/s  {left}"
        self._stream.write(
            f"\r[{'#' * round(share * WIDTH):<{WIDTH}}] {line}\x1b[K" if self._bar else f"{line}\n"
        )
        self._stream.flush()

    def close(self) -> None:
        """Clears the bar."""
        if self._bar:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
