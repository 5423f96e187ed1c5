"""How a CSV file is written: its separator, its decimal mark and its encoding."""

import codecs
import csv
import re
from pathlib import Path

SEPARATORS = (",", ";", "\t")
HEADER = 2**16  # bytes of the first line that are looked at
# With semicolons, as spreadsheets write where the comma is the decimal mark.
DECIMAL_COMMA = re.compile(r"^([+-]?\d+),(\d+)$")


def detect_separator(path: Path) -> str:
    """Return the separator that divides the first line of a file into most columns."""
    with path.open("rb") as file:
        header = file.readline(HEADER).decode("utf-8-sig", errors="replace")
    return max(SEPARATORS, key=lambda separator: _count_columns(header, separator))


def _count_columns(header: str, separator: str) -> int:
    (first, *_) = [*header.splitlines(), ""]
    return len(next(csv.reader([first], delimiter=separator), []))


def has_decimal_commas(separator: str) -> bool:
    """Check whether 1,5 is a number in a file with this separator."""
    return separator == ";"


def advise_encoding(path: Path) -> str:
    """Return the command that writes a file as UTF-8."""
    with path.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if wide else "windows-1252"
    return f"write it as UTF-8: `iconv -f {encoding} -t utf-8 {path} > utf8-{path.name}`"
