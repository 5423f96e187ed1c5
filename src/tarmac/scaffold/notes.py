"""Notes on a table, to read before the first run: what was guessed, and what looks odd."""

from collections.abc import Mapping, Sequence

import pandas as pd

from tarmac.scaffold.bounds import describe_far_values
from tarmac.tabular.columns import Category, Column, Number

SHOWN = 5  # items of a list that a note shows


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
