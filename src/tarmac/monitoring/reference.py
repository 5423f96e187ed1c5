"""What new rows are beside: the rows that were taken in before, and those that the live model was made from.

Rows with a time are cut by month. Rows without one are alike but for chance: tenths of those that the model was trained
on, drawn by a hash, say how much chance does.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.monitoring.daily import Daily
from tarmac.monitoring.drift import Seen
from tarmac.monitoring.feed import Feed
from tarmac.monitoring.rows import INGEST, INPUTS, Observed, answered
from tarmac.pipeline.base import months
from tarmac.pipeline.base.params import AnySplit, RowSplit, SplitParams, Window
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.models.dataset import Part, read_part, read_window
from tarmac.registry.live_model import Live

TENTHS = 10
PARTS: tuple[Part, ...] = ("train", "validation", "test")


class JudgeError(UserError):
    """There is nothing to judge new rows by."""


class Reference:
    """The rows before, input by input, and those that the model was judged on with its answers."""

    def __init__(self, before: pd.DataFrame, split: AnySplit, judged: pd.DataFrame, p: np.ndarray) -> None:
        """Takes the rows of all months before, or those that a model without months was trained on."""
        self.judged, self.p = judged, p
        number = stretches(before, split)
        trained = _within(before, split.train) if isinstance(split, SplitParams) else before
        known = stretches(trained, split)
        self.rows = len(trained)
        self.inputs = {
            name: (Seen(trained[name], known), Feed(before[name], number)) for name in INPUTS if name in before
        }
        self.unlabelled = float(before[problem.contract.TARGET].isna().groupby(number).mean().max())
        self.daily = Daily(before[problem.contract.DAY]) if isinstance(split, SplitParams) else None


def stretches(rows: pd.DataFrame, split: AnySplit) -> np.ndarray:
    """The number of the month, or of the tenth, that each row is of, from 0."""
    if isinstance(split, SplitParams):
        return np.asarray(pd.factorize(_month(rows), sort=True)[0])
    unit = rows[[problem.contract.CLUSTER]] if split.by == "cluster" else rows[list(problem.contract.KEY)]
    drawn = pd.util.hash_pandas_object(unit.astype("str"), index=False).rank(method="dense").to_numpy() - 1
    return np.asarray(pd.factorize(drawn * TENTHS // (drawn.max() + 1), sort=True)[0])


def judged_on(split: SplitParams, before: date) -> Window:
    """The months that a model was judged on, validation and test, as far as they end before a day's own month."""
    last = min(split.test.last, months.shifted(str(before)[:7], -1))
    if last < split.validation.first:
        later = months.shifted(split.validation.first, 1)
        raise JudgeError(
            f"rows of {before} are not later than {split.validation.first},"
            " the first validation month of the live model",
            f"choose a later month: `make monitor MONTH={later}`",
        )
    return Window(first=split.validation.first, last=last)


def reference(live: Live, observed: Observed, tables: Path = FEATURES) -> Reference:
    """Reads what some rows are beside: the months from the live model's first to the one before them, or all others."""
    if isinstance(live.split, RowSplit):
        before, *rest = (others(read_part(tables, live.split, part), observed.rows) for part in PARTS)
        judged = pd.concat(rest, ignore_index=True)
        if before.empty or judged.empty:
            raise JudgeError(
                f"{tables} has no other rows to compare the monitored rows with",
                f"add rows: {INGEST}",
            )
    else:
        window = judged_on(live.split, observed.first)
        last = months.shifted(str(observed.first)[:7], -1)
        before = read_window(tables, Window(first=live.split.train.first, last=max(last, window.last)))
        judged = _within(before, window)
    return Reference(before, live.split, judged, answered(judged, live.scorer))


def others(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The rows that are not among those which are known, by their key."""
    keys, there = (pd.MultiIndex.from_frame(frame[list(problem.contract.KEY)]) for frame in (rows, known))
    return rows[~keys.isin(there)].reset_index(drop=True)


def _month(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows[problem.contract.DAY].astype("str").str[:7]


def _within(rows: pd.DataFrame, window: Window) -> pd.DataFrame:
    month = _month(rows)
    return rows[(month >= window.first) & (month <= window.last)].reset_index(drop=True)
