"""Build what new rows are compared with.

It is the rows that were ingested before, and those that the live model was made from.

Rows with a time are cut by month. Rows without one are alike but for chance. Tenths of the rows
that the model was trained on, drawn by a hash, show how much chance does.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.monitoring.daily import DailyRowCounts
from tarmac.monitoring.drift import ReferenceInput
from tarmac.monitoring.feed import InputHistory
from tarmac.monitoring.rows import INGEST, INPUTS, ObservedRows, score_rows
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import AnySplit, MonthWindow, RowSplit, SplitParams
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.models.dataset import Part, read_part, read_window
from tarmac.registry.live_model import LiveModel

TENTHS = 10
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class NoReferenceError(UserError):
    """There is nothing to judge new rows by."""


class Reference:
    """Earlier rows, input by input, and those of the model's evaluation with its answers."""

    def __init__(
        self, before: pd.DataFrame, split: AnySplit, evaluated: pd.DataFrame, p: np.ndarray
    ) -> None:
        """Take the rows of all months before, or those that a model without months trained on."""
        self.evaluated, self.p = evaluated, p
        number = assign_periods(before, split)
        trained = _select_window(before, split.train) if isinstance(split, SplitParams) else before
        known = assign_periods(trained, split)
        self.rows = len(trained)
        self.inputs = {
            name: (ReferenceInput(trained[name], known), InputHistory(before[name], number))
            for name in INPUTS
            if name in before
        }
        self.unlabelled = float(before[problem.contract.TARGET].isna().groupby(number).mean().max())
        self.daily = (
            DailyRowCounts(before[problem.contract.DAY]) if isinstance(split, SplitParams) else None
        )


def assign_periods(rows: pd.DataFrame, split: AnySplit) -> np.ndarray:
    """The number of the month, or of the tenth, that each row is of, from 0."""
    if isinstance(split, SplitParams):
        return np.asarray(pd.factorize(_extract_months(rows), sort=True)[0])
    unit = (
        rows[[problem.contract.CLUSTER]]
        if split.by == "cluster"
        else rows[list(problem.contract.KEY)]
    )
    drawn = (
        pd.util.hash_pandas_object(unit.astype("str"), index=False).rank(method="dense").to_numpy()
        - 1
    )
    return np.asarray(pd.factorize(drawn * TENTHS // (drawn.max() + 1), sort=True)[0])


def compute_evaluation_window(split: SplitParams, before: date) -> MonthWindow:
    """Return the validation and test months of a model that end before the month of `before`.

    Raise `NoReferenceError` if there are none.
    """
    last = min(split.test.last, months.add_months(str(before)[:7], -1))
    if last < split.validation.first:
        later = months.add_months(split.validation.first, 1)
        raise NoReferenceError(
            f"rows of {before} are not later than {split.validation.first},"
            " the first validation month of the live model",
            f"choose a later month: `make monitor MONTH={later}`",
        )
    return MonthWindow(first=split.validation.first, last=last)


def load_reference(live: LiveModel, observed: ObservedRows, tables: Path = FEATURES) -> Reference:
    """Read what some rows are compared with.

    It is the months from the live model's first to the one before the rows. Without months, it is
    all other rows. Raise `NoReferenceError` if there are none.
    """
    if isinstance(live.split, RowSplit):
        before, *rest = (
            exclude_rows(read_part(tables, live.split, part), observed.rows) for part in PARTS
        )
        evaluated = pd.concat(rest, ignore_index=True)
        if before.empty or evaluated.empty:
            raise NoReferenceError(
                f"{tables} has no other rows to compare the monitored rows with",
                f"add rows: {INGEST}",
            )
    else:
        window = compute_evaluation_window(live.split, observed.first)
        last = months.add_months(str(observed.first)[:7], -1)
        before = read_window(
            tables, MonthWindow(first=live.split.train.first, last=max(last, window.last))
        )
        evaluated = _select_window(before, window)
    return Reference(before, live.split, evaluated, score_rows(evaluated, live.scorer))


def exclude_rows(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The rows that are not among those which are known, by their key."""
    keys, there = (
        pd.MultiIndex.from_frame(frame[list(problem.contract.KEY)]) for frame in (rows, known)
    )
    return rows[~keys.isin(there)].reset_index(drop=True)


def _extract_months(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows[problem.contract.DAY].astype("str").str[:7]


def _select_window(rows: pd.DataFrame, window: MonthWindow) -> pd.DataFrame:
    month = _extract_months(rows)
    return rows[(month >= window.first) & (month <= window.last)].reset_index(drop=True)
