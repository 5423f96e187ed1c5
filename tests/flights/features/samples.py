"""Provide real flights of one month with their features, chosen at random.

The raw data of the same flights is included.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from tarmac.pipeline.base.months import compute_month_bounds
from tests.flights import real
from tests.flights.features.oracle import Exact, Past, digits, possible
from tests.flights.featurizer import Featurizer, assert_same_flights, flights_of

MONTHS = ("2013-02", "2013-03")  # a short month, then one in which the clocks go forward
PROBLEMS = ((2, 15, 60), (7, 40, 40))  # lead in hours, minutes that count as late, flights drawn


@cache
def month(lead_hours: int, late_minutes: int) -> tuple[pd.DataFrame, Past, pd.DataFrame]:
    """The features of the month, its past, and its flights in the same order."""
    tables, period = real.tables(*MONTHS), compute_month_bounds(MONTHS[-1])
    found = Featurizer(lead_hours, late_minutes).features(tables, period)
    flights = flights_of(tables, period)
    assert_same_flights(found, flights)
    # Quicker to compare.
    texts = dict.fromkeys(("carrier", "origin", "dest", "tailnum"), "category")
    return (
        found,
        Past(tables["flights"].to_pandas().astype(texts), lead_hours, late_minutes),
        flights,
    )


def chosen(flights: pd.DataFrame, size: int) -> np.ndarray:
    """Rows drawn at random, and some of the first day, whose past lies in the month before."""
    first_day = np.flatnonzero(flights["day"] == flights["day"].min())[::90]
    return np.union1d(
        np.random.default_rng(2013).choice(len(flights), size, replace=False), first_day
    )


def raw_rows() -> pd.DataFrame:
    """The raw flights of the month in the same order."""
    return real.raw_flights(MONTHS[-1])


def disagreements(
    oracle: Callable[[Past, pd.Series], Exact], lead_hours: int, late_minutes: int, size: int
) -> list[str]:
    """One line for every value of the drawn flights that the oracle does not give."""
    found, past, flights = month(lead_hours, late_minutes)
    wrong = []
    for row in chosen(flights, size):
        for name, exact in oracle(past, flights.iloc[row]).items():
            value = None if pd.isna(found[name].iloc[row]) else float(found[name].iloc[row])
            if value not in possible(exact, digits(name)):
                wrong.append(f"{flights.iloc[row].tolist()}: {name} is {value}, expected {exact}")
    return wrong


def variety(
    oracle: Callable[[Past, pd.Series], Exact], lead_hours: int, late_minutes: int, size: int
) -> dict[str, int]:
    """How many different numbers the drawn flights have, by feature: one would prove little."""
    found, past, flights = month(lead_hours, late_minutes)
    rows = chosen(flights, size)
    return {name: found[name].iloc[rows].nunique() for name in oracle(past, flights.iloc[rows[0]])}
