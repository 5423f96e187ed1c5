"""Compare the data of base and head: raw files, features, and drift of the training rows.

Rows and columns of the features are compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from tarmac.interface.problem import problem
from tarmac.pipeline.base import months
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.paths import PREPARED_COUNTS
from tarmac.reporting.trees import flatten_tree
from tarmac.review.drift import effect
from tarmac.review.result_folder import FEATURES, RAW, ResultFolder

Window = tuple[str, str]  # first and last month
Count = int | float  # of rows, or a share of them


@dataclass(frozen=True)
class DataDiff:
    """Differences of data between base and head.

    `unknown` says why a part could not be compared.
    """

    raw: list[tuple[str, str]] = field(default_factory=list)  # file, what happened to it
    # Added, removed, changed rows of the features.
    rows: dict[str, int] = field(default_factory=dict)
    columns: list[tuple[str, str]] = field(default_factory=list)  # column, what happened to it
    # Rows with another value, by column.
    changed_values: dict[str, int] = field(default_factory=dict)
    # Distance of the training rows, by column, largest first.
    drift: dict[str, float] = field(default_factory=dict)
    # Of prepare, where they differ.
    counts: dict[str, tuple[Count | None, Count | None]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def compare_data(
    base: ResultFolder, head: ResultFolder, windows: tuple[Window, Window]
) -> DataDiff:
    """Compares what differs by hash; `windows` are the training months of base and head."""
    changed = {name: base.hashes.get(name) != head.hashes.get(name) for name in (RAW, FEATURES)}
    unknown = [f"{name} of the base is not at hand" for name in changed if name not in base.present]
    raw = (
        compare_raw_files(base.resolve_path(RAW), head.resolve_path(RAW))
        if changed[RAW] and RAW in base.present
        else []
    )
    diff = DataDiff(raw=raw, counts=compare_prepare_counts(base, head), unknown=unknown)
    if FEATURES in base.present and (changed[FEATURES] or windows[0] != windows[1]):
        folders = base.resolve_path(FEATURES), head.resolve_path(FEATURES)
        diff.columns.extend(compare_columns(*folders))
        known = [_list_columns(folder) for folder in folders]
        lacking = [name for name in problem.contract.KEY for side in known if name not in side]
        if lacking:
            diff.unknown.append(
                f"rows of {FEATURES} cannot be paired: {', '.join(lacking)} is not in both"
            )
        elif changed[FEATURES]:
            _compare_rows(*folders, diff)
        diff.drift.update(compute_drift(*folders, windows))
    return diff


def compare_raw_files(before: Path, after: Path) -> list[tuple[str, str]]:
    """Each file that was added, removed or changed, with its rows."""
    paths = {
        str(path.relative_to(side)) for side in (before, after) for path in side.rglob("*.parquet")
    }
    changes = []
    for name in sorted(paths):
        old, new = before / name, after / name
        if not old.is_file():
            changes.append((name, f"added, {_count_rows(new):,} rows"))
        elif not new.is_file():
            changes.append((name, f"removed, {_count_rows(old):,} rows"))
        elif compute_dvc_hash(old) != compute_dvc_hash(new):
            changes.append((name, f"changed, {_count_rows(old):,} to {_count_rows(new):,} rows"))
    return changes


def compare_columns(before: Path, after: Path) -> list[tuple[str, str]]:
    """Each feature column that was added, removed, or has another type."""
    old, new = _read_column_types(before), _read_column_types(after)
    kinds = dict.fromkeys(old.keys() - new.keys(), "removed") | dict.fromkeys(
        new.keys() - old.keys(), "added"
    )
    for name in old.keys() & new.keys():
        if old[name] != new[name]:
            kinds[name] = f"{old[name]} becomes {new[name]}"
    return sorted(kinds.items())


def _compare_rows(before: Path, after: Path, diff: DataDiff) -> None:
    """Count rows by key, month by month, and the values that changed in the common columns."""
    totals = dict.fromkeys(("added", "removed", "changed"), 0)
    for old, new in _iter_changed_months(before, after):
        both = old.index.intersection(new.index)
        totals["added"] += len(new) - len(both)
        totals["removed"] += len(old) - len(both)
        shared = [name for name in new.columns if name in old.columns]
        left, right = old.loc[both, shared], new.loc[both, shared]
        differs = (left != right) & ~(left.isna() & right.isna())
        totals["changed"] += int(differs.any(axis=1).sum())
        for name, count in differs.sum().items():
            if count:
                earlier = diff.changed_values.get(str(name), 0)
                diff.changed_values[str(name)] = earlier + int(count)
    diff.rows.update(totals)


def _iter_changed_months(before: Path, after: Path) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield the rows of base and head by key, for every month whose file differs.

    A table is empty if its side has no such month.
    """
    for name in sorted({path.name for side in (before, after) for path in side.glob("*.parquet")}):
        old, new = before / name, after / name
        if old.is_file() and new.is_file() and compute_dvc_hash(old) == compute_dvc_hash(new):
            continue
        frames = [pd.read_parquet(path) if path.is_file() else None for path in (old, new)]
        present = next(frame for frame in frames if frame is not None)
        left, right = (present.iloc[:0] if frame is None else frame for frame in frames)
        yield (
            left.set_index(list(problem.contract.KEY)),
            right.set_index(list(problem.contract.KEY)),
        )


def compute_drift(before: Path, after: Path, windows: tuple[Window, Window]) -> dict[str, float]:
    """Distance, from 0 to 1, of every column's training rows in base and head, the largest first.

    Without time it is of all rows: which of them are trained on, no file tells.
    """
    keys = set(problem.contract.KEY) - set(problem.contract.CATEGORICAL)
    names = sorted((_list_columns(before) & _list_columns(after)) - keys)
    old, new = _list_training_files(before, windows[0]), _list_training_files(after, windows[1])
    distances = {name: effect(_read_column(old, name), _read_column(new, name)) for name in names}
    return dict(sorted(distances.items(), key=lambda item: (-item[1], item[0])))


def _list_training_files(folder: Path, window: Window) -> list[Path]:
    """Return the files of the training months; without time all files."""
    paths = sorted(folder.glob("*.parquet"))
    if not problem.contract.DAY:
        return paths
    return [path for path in paths if path.stem in months.list_months_between(*window)]


def compare_prepare_counts(
    base: ResultFolder, head: ResultFolder
) -> dict[str, tuple[Count | None, Count | None]]:
    """Counts of prepare (rows, quarantine, what is missing) that differ, of base and head."""
    old, new = (flatten_tree(side.read_json(str(PREPARED_COUNTS))) for side in (base, head))
    return {
        name: (old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }


def _read_column(paths: list[Path], name: str) -> "pd.Series[float]":
    parts = [pd.read_parquet(path, columns=[name])[name] for path in paths]
    return pd.concat(parts, ignore_index=True) if parts else pd.Series(dtype="float64")


def _list_columns(folder: Path) -> set[str]:
    return {field.name for field in _read_schema(folder)}


def _read_column_types(folder: Path) -> dict[str, str]:
    return {field.name: str(field.type) for field in _read_schema(folder)}


def _read_schema(folder: Path) -> list[pq.ColumnSchema]:
    path = next(iter(sorted(folder.glob("*.parquet"))), None)
    return [] if path is None else list(pq.read_schema(path))


def _count_rows(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)
