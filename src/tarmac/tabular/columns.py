"""Columns of a table and what their values may be.

Schema, features and the service's request follow from them.
"""

import keyword
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

MISSING = "(missing)"  # a category of its own: ONNX takes no missing text
ABSENT = ("", "NA")  # how a CSV file writes that a value is missing
PARTS = ("year", "month", "day", "weekday")  # of a date; Monday is 0
# Letters that two others, or another, stand for.
LETTERS = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "œ": "oe", "ł": "l", "đ": "d",
})  # fmt: skip
ACCENTS = re.compile("[\u0300-\u036f]")  # when they are apart from their letter
TAKEN = {
    "row",
    "rows",
    "live",
    "missing",
    "unknown",
    "probability",
    "prediction",
    "model",
    "baseline",
    "columns",
}


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`; `whole` has no fraction, `missing` says that it may lack."""

    low: float | None = None
    high: float | None = None
    whole: bool = False
    missing: bool = False


@dataclass(frozen=True)
class RowNumber(Number):
    """The number of a row in its file, from 0, where the file has no such column.

    A row that comes in no file must have it.
    """

    whole: bool = True


@dataclass(frozen=True, init=False)
class Category:
    """A text: one of the levels, or any where there are none."""

    levels: tuple[str, ...]
    missing: bool

    def __init__(self, *levels: str, missing: bool = False) -> None:
        """Take the levels one by one: the declaration is read more often than this."""
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "missing", missing)


@dataclass(frozen=True)
class Date:
    """A day; its features are its `PARTS`."""

    missing: bool = False


Column = Number | Category | Date
Columns = Mapping[str, Column]


def list_date_columns(name: str) -> list[str]:
    """The columns that a date becomes."""
    return [f"{name}_{part}" for part in PARTS]


def format_hour_column(name: str) -> str:
    """The column with the hour of a date that a file tells with a time."""
    return f"{name}_hour"


def normalize_name(name: str) -> str:
    """Return a column's name for code: ASCII letters in lower case, digits and underscores."""
    letters = _transliterate(str(name))
    identifier = re.sub(r"\W+", "_", letters, flags=re.ASCII).strip("_") or "column"
    identifier = (
        f"c_{identifier}"
        if identifier[0].isdigit() or identifier.startswith("model_")
        else identifier
    )
    return f"{identifier}_" if identifier in TAKEN or keyword.iskeyword(identifier) else identifier


def _transliterate(text: str) -> str:
    """Return a text in lower case and ASCII.

    Umlauts are two letters, and accents are dropped. Any other letter is its number in Unicode,
    which tells two names in Chinese apart.
    """
    lower = unicodedata.normalize("NFC", text.lower()).translate(LETTERS)
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", lower))
    return re.sub(r"[^\x00-\x7f]+", _spell_letters, unicodedata.normalize("NFC", plain)).lower()


def _spell_letters(run: re.Match[str]) -> str:
    """Return the numbers of letters, between spaces."""
    numbers = [f"{ord(letter):x}" for letter in run[0] if letter.isalnum()]
    return f" u{'_'.join(numbers)} " if numbers else " "


def remove_column(columns: Columns, name: str) -> Columns:
    """The columns but for one."""
    return {other: column for other, column in columns.items() if other != name}
