"""Feature tables in memory: float32 numbers, text categories, labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import months, parquet
from tarmac.pipeline.base.params import TASK, AnySplit, MonthWindow, RowSplit, SplitParams, Task

Part = Literal["train", "validation", "test"]
NO_LABEL = -1  # a stratum of its own for rows whose label is not known


@dataclass(frozen=True)
class ModelInputs:
    """Names of a model's inputs: text columns and number columns.

    Both are in the order that the model takes them.
    """

    categories: tuple[str, ...]
    numbers: tuple[str, ...]

    @classmethod
    def from_groups(cls, groups: Sequence[str]) -> "ModelInputs":
        """The inputs of some feature groups."""
        inputs = problem.contract.feature_names(groups)
        categories = tuple(name for name in inputs if name in problem.contract.CATEGORICAL)
        return cls(categories, tuple(name for name in inputs if name not in categories))

    @property
    def names(self) -> list[str]:
        """All inputs, categories first."""
        return [*self.categories, *self.numbers]


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to tune on, with their labels.

    They are frames, or arrays once they are encoded.
    """

    X: Any
    y: np.ndarray
    X_valid: Any
    y_valid: np.ndarray


@dataclass(frozen=True)
class MonthlyRows:
    """Rows of a part, in memory one month at a time; as often as they are gone through."""

    folder: Path
    months: tuple[str, ...]
    columns: tuple[str, ...] | None  # None for all

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Yield month by month. Raises `UserError` as `read_window` does."""
        return (_read_month_files(self.folder, [month], self.columns) for month in self.months)

    def count_rows(self) -> int:
        """How many rows all months have, by their footers."""
        return sum(parquet.count_rows(self.folder / f"{month}.parquet") for month in self.months)


Parts: TypeAlias = "MonthlyRows | list[pd.DataFrame]"  # frames one after the other


def read_window(
    folder: Path, window: MonthWindow, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the rows of the feature tables in a window of months.

    Raise `UserError` with the path of a month if it is missing.
    """
    return _read_month_files(folder, months.list_months_between(window.first, window.last), columns)


def read_all_months(folder: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows of all feature tables. Raises `UserError` as `read_window` does."""
    return _read_month_files(folder, months.list_stored_months(folder), columns)


def _read_month_files(
    folder: Path, stored: Sequence[str], columns: Sequence[str] | None
) -> pd.DataFrame:
    frames = []
    for month in stored:
        path = folder / f"{month}.parquet"
        parquet.check_parquet(path)
        try:
            frames.append(pd.read_parquet(path, columns=None if columns is None else list(columns)))
        except (OSError, pa.ArrowInvalid) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{path} cannot be read ({reason})", "run `dvc repro`") from None
    return pd.concat(frames, ignore_index=True)


def read_part(
    folder: Path, split: AnySplit, part: Part, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the rows of the feature tables to train on, to tune on, or to test on.

    Raise `UserError` as `read_window` does.
    """
    if isinstance(split, SplitParams):
        return read_window(folder, getattr(split, part), columns)
    wanted = (
        None
        if columns is None
        else [
            *dict.fromkeys(
                [*columns, *problem.contract.KEY, problem.contract.CLUSTER, problem.contract.TARGET]
            )
        ]
    )
    rows = read_all_months(folder, wanted)
    own = rows[assign_parts(rows, split) == part].reset_index(drop=True)
    return own if columns is None else own[list(columns)]


def read_months(
    folder: Path, split: AnySplit, part: Part, columns: Sequence[str] | None = None
) -> Parts:
    """The rows of `read_part`, one month in memory at a time; at once where the split is by row."""
    if not isinstance(split, SplitParams):
        return [read_part(folder, split, part, columns)]
    window = getattr(split, part)
    return MonthlyRows(
        folder,
        tuple(months.list_months_between(window.first, window.last)),
        tuple(columns) if columns else None,
    )


def count_rows(parts: Parts) -> int:
    """How many rows there are, with and without a label."""
    return parts.count_rows() if isinstance(parts, MonthlyRows) else sum(map(len, parts))


def assign_parts(rows: pd.DataFrame, split: RowSplit) -> np.ndarray:
    """The part of every row, shape (rows,).

    Clusters, or rows, are in the order of a hash within their stratum. The middle of each in the
    cumulated share of rows decides: whatever their number, every part gets its share.

    Raise `UserError` with the parts that get none.
    """
    unit = (
        rows[[problem.contract.CLUSTER]]
        if split.by == "cluster"
        else rows[list(problem.contract.KEY)]
    )
    drawn = pd.util.hash_pandas_object(
        unit.astype("str"), index=False, hash_key=f"{split.seed:016d}"
    )
    stratum = (
        rows[problem.contract.TARGET].fillna(NO_LABEL).astype("int64")
        if split.by == "label"
        else NO_LABEL
    )
    table = pd.DataFrame({"stratum": stratum, "unit": drawn})
    units = table.groupby(["stratum", "unit"]).size()
    middle = units.groupby("stratum").transform(
        lambda sizes: (sizes.cumsum() - sizes / 2) / sizes.sum()
    )
    ends = [split.test_share, split.test_share + split.validation_share]
    parts = np.array(["test", "validation", "train"], dtype=object)
    own = pd.Series(parts[np.searchsorted(ends, middle)], units.index, name="part")
    assigned = table.join(own, on=["stratum", "unit"])["part"].to_numpy()
    if empty := set(parts) - set(assigned):
        raise UserError(
            f"{len(units)} {'clusters' if split.by == 'cluster' else 'rows'} are too few to split:"
            f" no row for {', '.join(sorted(empty))}",
            "add rows, or change the shares in the section `split` of params.yaml",
        )
    return np.asarray(assigned)


def require_labeled_rows(rows: pd.DataFrame, task: Task = TASK) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows with a label, and their labels as the task has them.

    Raise `UserError` if all labels are the same.
    """
    rows, labels = select_labeled_rows(rows, task)
    check_labels_vary(labels, task)
    return rows, labels


def select_labeled_rows(rows: pd.DataFrame, task: Task = TASK) -> tuple[pd.DataFrame, np.ndarray]:
    """As `require_labeled_rows`, of rows that may all be the same, or none."""
    rows = rows.loc[rows[problem.contract.TARGET].notna()].reset_index(drop=True)
    return rows, rows[problem.contract.TARGET].to_numpy(dtype=task.label)


def check_labels_vary(labels: np.ndarray, task: Task = TASK) -> None:
    """Raise `UserError` where all labels are the same, or there is none."""
    if (distinct := len(np.unique(labels))) < 2:
        what = "target value(s)" if task.kind == "regression" else "class(es)"
        raise UserError(
            f"{len(labels):,} labeled rows have {distinct} {what}, at least 2 are needed",
            "check the target column, or use more rows in the section `split`",
        )
