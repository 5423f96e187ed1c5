"""List months, written 2013-01, and find the files that hold one month each.

Rows without a time are one file, `all`. Also list the days of a month or of any other period.
"""

import re
from datetime import date, timedelta
from pathlib import Path

from tarmac.interface.errors import UserError

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
WHOLE = "all"


class MonthsError(UserError):
    """A month's file is missing."""


def list_stored_months(folder: Path) -> list[str]:
    """Return the months that have a file in the folder, first to last.

    Return `all` alone if that is the only file.

    Raise `MonthsError` if there is no month, a gap, or a file that is named otherwise.
    """
    stored = sorted(path.stem for path in folder.glob("*.parquet"))
    if stored == [WHOLE]:
        return stored
    foreign = [f"{folder / name}.parquet" for name in stored if not MONTH.fullmatch(name)]
    if foreign:
        names = ", ".join(foreign)
        advice = "rename it like 2013-01.parquet, or remove it"
        raise MonthsError(f"{names}: not named like a month", advice)
    if not stored:
        raise MonthsError(f"{folder} has no monthly files", "fetch them with `make pull`")
    missing = sorted(set(list_months_between(stored[0], stored[-1])) - set(stored))
    if missing:
        raise MonthsError(
            f"{folder} has no {', '.join(missing)} between {stored[0]} and {stored[-1]}",
            "fetch the files with `make pull`, or add them with `make ingest FILES=path/to/files`",
        )
    return stored


def list_months_between(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, both included."""
    months = [first]
    while months[-1] < last:
        months.append(str(_parse_first_day(months[-1]) + timedelta(days=31))[:7])
    return months


def add_months(month: str, by: int) -> str:
    """The month so many months later, or earlier where `by` is negative."""
    count = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{count // 12:04}-{count % 12 + 1:02}"


def select_lookback_months(month: str, days: int, available: list[str]) -> list[str]:
    """Return the available months of the period that ends with the month.

    The period begins `days` before the month's first day.
    """
    if month == WHOLE:
        return [WHOLE]
    earliest = str(_parse_first_day(month) - timedelta(days=days))[:7]
    return [candidate for candidate in available if earliest <= candidate <= month]


def compute_month_bounds(month: str) -> tuple[date, date]:
    """The month's first day, and the first day after it."""
    if month == WHOLE:
        return date.min, date.max
    first = _parse_first_day(month)
    return first, _parse_first_day(str(first + timedelta(days=31))[:7])


def list_dates(first: date, after: date) -> list[date]:
    """Every day from the first to the one before `after`."""
    return [first + timedelta(days=number) for number in range((after - first).days)]


def _parse_first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
