"""Define what a model must do, whatever its metrics say.

Some predictions may not change, and others must.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Change = Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame]


@dataclass(frozen=True)
class Behaviour:
    """A change of some columns, and what it may do to the predictions of a model with them.

    `same`: no prediction changes. `higher`, `lower`: the mean probability rises or falls. `usable`:
    the ranking stays good enough.
    """

    name: str
    expectation: Literal["same", "higher", "lower", "usable"]
    change: Change
    columns: tuple[str, ...]


def set_value(value: object) -> Change:
    """Every row gets the same value."""
    return lambda rows, columns: rows.assign(**dict.fromkeys(columns, value))


def add_amount(amount: float) -> Change:
    """Every value grows by an amount."""
    return lambda rows, columns: rows.assign(**{name: rows[name] + amount for name in columns})


def add_two_deviations(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Every value grows by two standard deviations of its column."""
    return rows.assign(**{name: rows[name] + 2 * rows[name].std() for name in columns})
