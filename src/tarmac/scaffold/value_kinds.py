"""Which texts of a table are numbers or dates, and which only look like them."""

from typing import TypeAlias

import numpy as np
import pandas as pd

# Of a number with a sign of its currency or of per cent, marked thousands, or a decimal comma.
FORMATTED = r"[$€£¥]?\s?[+-]?(?:\d{1,3}(?:[,.'\s]\d{3})+|\d+)(?:[.,]\d+)?\s?[$€£¥%]?"
CODE = r"0\d+"  # as in 07030, which is no number
DAY = r"\d{4}-\d{2}-\d{2}"
OTHER_DAYS = "|".join([  # each may have a time of day after it
    r"\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})",
    r"\d{4}[./]\d{1,2}[./]\d{1,2}",
    r"\d{1,2}\.? [A-Za-zä]{3,9}\.?,? \d{4}",
    r"[A-Za-zä]{3,9}\.? \d{1,2},? \d{4}",
])  # fmt: skip

Texts: TypeAlias = "pd.Series[str]"
Flags: TypeAlias = "pd.Series[bool]"


def are_numbers(texts: Texts) -> Flags:
    """Return of each text whether it is a finite number."""
    numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    return np.isfinite(numbers)


def are_infinite(texts: Texts) -> Flags:
    """Return of each text whether it is a number without an end, such as inf."""
    return np.isinf(pd.to_numeric(texts, errors="coerce").astype("float64"))


def look_like_numbers(texts: Texts) -> Flags:
    """Return of each text whether a person reads a number in it, such as $1,000."""
    return are_numbers(texts) | texts.str.fullmatch(FORMATTED)


def are_dates(texts: Texts) -> Flags:
    """Return of each text whether it begins with a day such as 2024-02-29, and is an instant."""
    days = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True)
    return days.notna() & texts.str.match(DAY)


def look_like_dates(texts: Texts) -> Flags:
    """Return of each text whether a person reads a date in it, such as 31.12.2011."""
    return are_dates(texts) | texts.str.match(rf"(?:{OTHER_DAYS})(?:\b|$)")


def has_codes(texts: Texts) -> bool:
    """Check whether digits are a code in some text: a number has no zero in front."""
    return bool(texts.str.fullmatch(CODE).any())


def is_whole(texts: Texts) -> bool:
    """Check whether all numbers are written without a fraction."""
    return bool(texts.dropna().str.fullmatch(r"[+-]?\d+").all())
