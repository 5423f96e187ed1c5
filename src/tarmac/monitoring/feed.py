"""Whether inputs are what they were in any month before: there, known, moving, and the same quantity.

This is asked of the data, not of the model: beside all months that were taken in before, those since the model was made
included. A month of another unit is far from every one of them, a new season is near the month before it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tarmac.monitoring.drift import distance_of


@dataclass(frozen=True)
class Health:
    """One input of some rows beside the months before."""

    missing: float  # share of the rows
    missing_before: float  # the largest of a month before
    unknown: float  # share of the rows whose category no month before had
    gone: float  # share of the rows before whose category these do not have
    stuck: bool  # every row has one value, where most had others
    apart: float  # Kolmogorov-Smirnov distance from the nearest month before; 0 for a text


class Feed:
    """One input of the months before."""

    def __init__(self, values: "pd.Series[float]", month: np.ndarray) -> None:
        """Takes the input's values and the number of the month that each row is of, from 0."""
        months = [part for _, part in values.groupby(month)]
        self._missing = max(float(part.isna().mean()) for part in months)
        self._text = not pd.api.types.is_numeric_dtype(values.dtype)
        self._shares = values.value_counts(normalize=True, dropna=False)
        self._months = [] if self._text else [np.sort(part.dropna().to_numpy("float64")) for part in months]

    def health(self, values: "pd.Series[float]") -> Health:
        """How other values look beside these."""
        present = values.dropna()
        found = present.unique()
        known = self._shares[self._shares.index.notna()]
        return Health(
            missing=float(values.isna().mean()),
            missing_before=self._missing,
            unknown=float((~present.isin(known.index)).sum() / len(values)) if self._text else 0.0,
            gone=float(known[~known.index.isin(found)].sum()) if self._text else 0.0,
            stuck=bool(not self._text and len(found) == 1 and known.max() < 1 / 2),
            apart=min((distance_of(part, values) for part in self._months if len(part)), default=0.0),
        )
