"""Notes on a table, to read before the first run: what was guessed, and what looks odd."""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from tarmac.scaffold.bounds import describe_far_values
from tarmac.scaffold.value_kinds import (
    are_dates,
    are_numbers,
    has_codes,
    look_like_dates,
    look_like_numbers,
)
from tarmac.tabular.columns import Category, Column, Date, Number

SHOWN = 5  # items of a list that a note shows
IDENTIFIER = re.compile(r"(^|_)(id|key|nr|no|num|number)$")  # ends the name of a group
VALUES = 20  # that a column must have more of, to name groups
FEW = 50  # rows of a class, of which about a fifth are in the test set
USUAL = 0.5  # share of values that look like numbers or dates where the column should be of them


def join_some(items: Sequence[str]) -> str:
    """Return the first items of a list, and how many more there are."""
    more = len(items) - SHOWN
    return ", ".join(items[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def note_far_values(rows: pd.DataFrame, columns: Mapping[str, Column]) -> list[str]:
    """Note the numbers without a bound on the side where some values lie far from the others."""
    unbounded = [
        name
        for name, column in columns.items()
        if isinstance(column, Number) and None in (column.low, column.high)
    ]
    far = [describe_far_values(name, rows[name]) for name in unbounded]
    described = [text for text in far if text]
    if not described:
        return []
    advice = "write a bound in columns.py where they are mistakes"
    return [f"some values are far from the others: {join_some(described)}; {advice}"]


def note_possible_groups(
    rows: pd.DataFrame, columns: Mapping[str, Column], in_order: bool
) -> list[str]:
    """Note the columns whose values look like names of groups, such as patients or houses.

    They have the name of an identifier, or the rows of each value follow one another. The latter
    says nothing if the file is `in_order` of time.
    """
    found = []
    for name, column in columns.items():
        fractions = isinstance(column, Number) and not column.whole
        different = rows[name].nunique()
        if isinstance(column, Date) or fractions or not VALUES < different <= len(rows) / 2:
            continue
        runs = 1 + int((rows[name] != rows[name].shift()).sum())  # the first row is unknown
        if IDENTIFIER.search(name) or (runs == different and not in_order):
            found.append(f"{name} ({different:,} values)")
    if not found:
        return []
    advice = "if its rows are alike, begin again with it as the group, or every metric is too good"
    return [f"may name groups: {join_some(found)}; {advice}"]


def note_rare_classes(target: "pd.Series[str]") -> list[str]:
    """Note the classes that too few rows are of."""
    counts = target.value_counts(ascending=True)
    rare = [f"{name} ({rows:,} rows)" for name, rows in counts[counts < FEW].items()]
    if not rare:
        return []
    advice = "few of them are in the test set, where metrics of each class depend on them"
    return [f"rare classes: {join_some(rare)}; {advice}"]


def note_new_names(renamed: Mapping[str, str]) -> list[str]:
    """Note the columns that have another name in code."""
    changes = [f"{old} is {new}" for old, new in renamed.items() if old != new]
    return [f"columns got names for code: {join_some(changes)}"] if changes else []


def note_repeated_keys(rows: pd.DataFrame, key: Sequence[str]) -> list[str]:
    """Note the rows that will be quarantined because an earlier row has their key."""
    repeated = int(rows[list(key)].duplicated().sum())
    if not repeated:
        return []
    shown = f"{repeated:,} of {len(rows):,} rows repeat the key {', '.join(key)}"
    return [f"{shown}: the first row of each key stays, the others are quarantined"]


def note_closed_categories(columns: Mapping[str, Column]) -> list[str]:
    """Note the categories whose levels are all there will be."""
    closed = [
        f"{name} ({', '.join(column.levels)})"
        for name, column in columns.items()
        if isinstance(column, Category) and column.levels
    ]
    if not closed:
        return []
    return [f"closed categories, which refuse any other value: {join_some(closed)}"]


def note_unread_values(name: str, values: "pd.Series[str]") -> list[str]:
    """Note a text column that a person would take for numbers or dates, with what prevents it."""
    counts = values.value_counts()  # the usual ones first
    texts = counts.index.to_series()
    numbers, dates = are_numbers(texts), are_dates(texts)
    if numbers.all() or dates.all():
        return []
    if _compute_share(look_like_numbers(texts), counts) >= USUAL and not has_codes(texts):
        return [_describe_unread_values(name, numbers, counts, "numbers", "1234.5")]
    if _compute_share(look_like_dates(texts), counts) >= USUAL:
        return [_describe_unread_values(name, dates, counts, "dates", "2024-02-29")]
    return []


def _compute_share(chosen: "pd.Series[bool]", counts: "pd.Series[int]") -> float:
    return float(counts[chosen].sum() / counts.sum())


def _describe_unread_values(
    name: str, read: "pd.Series[bool]", counts: "pd.Series[int]", kind: str, form: str
) -> str:
    """Describe the values that make a column of numbers or dates a text."""
    unread = counts[~read]
    examples = ", ".join(f'"{text}"' for text in unread.index[:3])
    return (
        f"{name} is taken for text: {unread.sum():,} of {counts.sum():,} values are no {kind}, "
        f"such as {examples}; write them as {form} or leave the cells empty, then begin again"
    )
