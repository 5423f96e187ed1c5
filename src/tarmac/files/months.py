"""Months, written 2013-01, and the files that hold one month each."""

from datetime import date, timedelta
from pathlib import Path


class MonthsError(ValueError):
    """A month's file is missing."""


def stored(folder: Path) -> list[str]:
    """The months that have a file in the folder, first to last. Raises `MonthsError` where there is none or a gap."""
    found = sorted(path.stem for path in folder.glob("*.parquet"))
    if not found:
        raise MonthsError(f"{folder}: no monthly files; fetch them with `make pull` or `dvc pull`")
    missing = sorted(set(between(found[0], found[-1])) - set(found))
    if missing:
        raise MonthsError(f"{folder}: {', '.join(missing)} missing between {found[0]} and {found[-1]}")
    return found


def between(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, both included."""
    months = [first]
    while months[-1] < last:
        months.append(str(_first_day(months[-1]) + timedelta(days=31))[:7])
    return months


def reaching_back(month: str, days: int, available: list[str]) -> list[str]:
    """The available months that `days` before the month's first day, and the month itself, lie in."""
    earliest = str(_first_day(month) - timedelta(days=days))[:7]
    return [candidate for candidate in available if earliest <= candidate <= month]


def days(month: str) -> tuple[date, date]:
    """The month's first day, and the first day after it."""
    first = _first_day(month)
    return first, _first_day(str(first + timedelta(days=31))[:7])


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")
