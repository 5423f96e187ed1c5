"""Feature tables in memory: float32 numbers, text categories, labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tarmac.files import months, parquet
from tarmac.params import Window
from tarmac.problem.names import CATEGORICAL, TARGET, feature_names


@dataclass(frozen=True)
class Inputs:
    """Names of a model's inputs: text columns and number columns, each in the order that the model takes them."""

    categories: tuple[str, ...]
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, groups: Sequence[str]) -> "Inputs":
        """The inputs of some feature groups."""
        inputs = feature_names(groups)
        categories = tuple(name for name in inputs if name in CATEGORICAL)
        return cls(categories, tuple(name for name in inputs if name not in categories))

    @property
    def names(self) -> list[str]:
        """All inputs, categories first."""
        return [*self.categories, *self.numbers]


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to tune on, with their labels (int8): frames, or arrays once they are encoded."""

    X: Any
    y: np.ndarray
    X_valid: Any
    y_valid: np.ndarray


def read_window(folder: Path, window: Window, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows of the feature tables in a window of months. Raises `ValueError` naming a month that is not there."""
    frames = []
    for month in months.between(window.first, window.last):
        path = folder / f"{month}.parquet"
        parquet.check(path)
        try:
            frames.append(pd.read_parquet(path, columns=None if columns is None else list(columns)))
        except (OSError, pa.ArrowInvalid) as error:
            raise ValueError(f"{path} cannot be read ({str(error).splitlines()[0]}): run `dvc repro`") from None
    return pd.concat(frames, ignore_index=True)


def labelled(rows: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows with a label, and their labels as int8. Raises `ValueError` where only one class is left."""
    known = rows[TARGET].notna()
    rows = rows.loc[known].reset_index(drop=True)
    labels = rows[TARGET].to_numpy(dtype="int8")
    if len(np.unique(labels)) != 2:
        raise ValueError(f"{len(labels):,} labelled rows hold {len(np.unique(labels))} class(es), two are needed")
    return rows, labels
