"""What a table says of itself: kinds of columns with their bounds, the task, the key, and what is of no use."""

import keyword
import re
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tarmac.declare.columns import Category, Column, Date, Number
from tarmac.params.task import Kind

LEVELS, MANY = 20, 50  # a text with no more levels is closed; one with more, mostly different, is free text
CLASSES = 50  # more values than this are no classes
DUPLICATES = 0.05  # share of rows that may repeat a key
REACH = 3  # widths of the inner 98 % that a number may lie beyond them
RARE = 0.01  # share of rows that may be negative in a column that has no use for it
NAMED = ("target", "time", "group", "key")
TAKEN = {"row", "rows", "live", "missing", "unknown", "probability", "prediction", "model", "baseline", "columns"}


class ScaffoldError(ValueError):
    """A table that no problem can be written from."""


@dataclass(frozen=True)
class Asked:
    """What a person says of the table: names of columns, empty where the table decides."""

    target: str
    time: str = ""
    group: str = ""
    key: str = ""
    task: Kind | None = None


@dataclass
class Found:
    """What the table has: its rows as text, its columns in order, and why others were left out."""

    rows: pd.DataFrame
    target: str
    task: Kind
    classes: tuple[str, ...]
    key: str
    day: str | None
    group: str | None
    columns: dict[str, Column] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> dict[str, Column]:
        """The columns that features are made of."""
        own = {self.target, self.key, self.group}
        return {name: column for name, column in self.columns.items() if name not in own}

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that name a row, from when to which."""
        return tuple(dict.fromkeys(name for name in (self.day, self.group, self.key) if name))

    @property
    def cluster(self) -> str:
        """The column whose rows are alike."""
        return self.group or self.day or self.key


def infer(rows: pd.DataFrame, asked: Asked) -> Found:
    """Decides what a table of texts holds. Raises `ScaffoldError` where it holds no problem."""
    renamed = {name: plain(name) for name in rows.columns}
    rows, other = rows.rename(columns=renamed), [f"{old} is {new}" for old, new in renamed.items() if old != new]
    notes = [f"columns got names for code, and later files must have them: {', '.join(other)}"] if other else []
    if twice := [name for name, count in pd.Series(list(rows.columns)).value_counts().items() if count > 1]:
        raise ScaffoldError(f"two columns would be called {', '.join(map(str, twice))}: rename one in the file")
    places = {name: renamed.get(getattr(asked, name), getattr(asked, name)) for name in NAMED}
    named = replace(asked, **places)
    if absent := {named.target, named.time, named.group, named.key} - {*rows.columns, ""}:
        raise ScaffoldError(f"the file has no column {', '.join(sorted(absent))}; it has {', '.join(rows.columns)}")
    task = named.task or task_of(rows[named.target], named.target)
    classes = classes_of(rows[named.target]) if task != "regression" else ()
    if task == "binary" and len(classes) != 2:
        raise ScaffoldError(f"{named.target} has {len(classes)} values, a binary target has two")
    rows, key = with_key(rows, named, notes)
    found = Found(rows, named.target, task, classes, key, named.time or None, named.group or None, notes=notes)
    _declare(found)
    if not found.inputs:
        raise ScaffoldError(f"no column but {named.target} is of use: {'; '.join(found.left_out.values())}")
    return found


def plain(name: str) -> str:
    """A column's name as the code writes it: lower case, letters, digits and underscores."""
    made = re.sub(r"\W+", "_", str(name), flags=re.ASCII).strip("_").lower() or "column"
    made = f"c_{made}" if made[0].isdigit() or made.startswith("model_") else made
    return f"{made}_" if made in TAKEN or keyword.iskeyword(made) else made


def task_of(target: "pd.Series[str]", name: str) -> Kind:
    """Numbers with fractions, or with many values, are a regression; two values are binary; others are classes."""
    known = target.dropna()
    if (different := known.nunique()) < 2:
        raise ScaffoldError(f"{name} has {different} value(s): nothing can be learned")
    if isinstance(column_of(known), Number) and different > (2 if not _whole(known) else LEVELS):
        return "regression"
    if different > CLASSES:
        raise ScaffoldError(f"{name} has {different} different texts: more than {CLASSES} classes are not supported")
    return "binary" if different == 2 else "multiclass"


def classes_of(target: "pd.Series[str]") -> tuple[str, ...]:
    """The classes in their order; of two the second is the one that is predicted."""
    known = sorted(target.dropna().unique())
    return tuple(sorted(known, key=float)) if isinstance(column_of(target.dropna()), Number) else tuple(known)


def with_key(rows: pd.DataFrame, asked: Asked, notes: list[str]) -> tuple[pd.DataFrame, str]:
    """The rows and the column that names each: the one asked for, the first that can, else a new one."""
    if asked.key:
        repeated = int(rows[asked.key].duplicated().sum())
        if rows[asked.key].isna().any() or repeated > DUPLICATES * len(rows):
            raise ScaffoldError(f"{asked.key} is missing or the same in too many rows ({repeated:,} repeat another's)")
        return rows, asked.key
    for name in rows.columns:
        free = name not in (asked.target, asked.time, asked.group)
        if free and rows[name].notna().all() and rows[name].is_unique and "." not in "".join(rows[name].head(100)):
            return rows, str(name)
    notes.append("no column names a row: `id` was added, the number of the row; later files must carry it")
    return rows.assign(id=[str(number) for number in range(len(rows))]), "id"


def _declare(found: Found) -> None:
    for name in map(str, found.rows.columns):
        values = found.rows[name]
        if name == found.target:
            column: Column = Category(*found.classes, missing=True) if found.classes else _number(values, missing=True)
        elif name in found.row_key:
            column = _naming(found, name)
        elif why := useless(values):
            found.left_out[name] = f"{name}: {why}"
            continue
        else:
            column = column_of(values)
        found.columns[name] = column
    found.rows = found.rows[list(found.columns)]


def _naming(found: Found, name: str) -> Column:
    values = found.rows[name]
    if name == found.day:
        if values.isna().any() or not _dates(values):
            raise ScaffoldError(f"{name} is not a date in every row (2024-02-29, or with a time behind it)")
        if values.str.len().max() > len("2024-02-29"):
            found.notes.append(f"{name}: the time of day is dropped; put the hour into a column of its own to use it")
        found.rows[name] = values.str[:10]
        return Date()
    if values.isna().any():
        raise ScaffoldError(f"{name} is missing in {int(values.isna().sum()):,} rows, and names them")
    return Number(whole=True) if isinstance(column_of(values), Number) and _whole(values) else Category()


def useless(values: "pd.Series[str]") -> str:
    """Why a column is of no use to a model; empty where it is."""
    different = values.nunique()
    if different < 2:
        return "it has one value only"
    if isinstance(column_of(values), Category) and different > max(MANY, len(values) / 2):
        return f"{different:,} different texts say nothing of the next row"
    return ""


def column_of(values: "pd.Series[str]") -> Column:
    """The kind of a column of texts, with the bounds that its rows suggest."""
    known, missing = values.dropna(), bool(values.isna().any())
    codes = known.str.fullmatch(r"0\d+").any()  # as in 07030, which is no number
    if not codes and pd.to_numeric(known, errors="coerce").notna().all():
        return _number(values, missing)
    if _dates(known):
        return Date(missing)
    levels = sorted(known.unique())
    return Category(*levels, missing=missing) if len(levels) <= LEVELS else Category(missing=missing)


def _number(values: "pd.Series[str]", missing: bool) -> Number:
    """Bounds lie well beyond the inner 98 % of the values; below zero only where that is usual."""
    numbers = pd.to_numeric(values.dropna()).to_numpy(dtype="float64")
    first, last = np.quantile(numbers, [0.01, 0.99])
    width = (last - first) or max(abs(last), 1.0)
    positive = first >= 0 and (numbers < 0).mean() <= RARE
    low = 0.0 if positive and first <= REACH * width else first - REACH * width
    bounds, whole = (rounded(low, np.floor), rounded(last + REACH * width, np.ceil)), _whole(values.dropna())
    if whole:
        bounds = float(np.floor(bounds[0])), float(np.ceil(bounds[1]))
    return Number(*bounds, whole, missing)


def rounded(value: float, way: np.ufunc) -> float:
    """A number to two digits, away from the values: a bound that a person would write."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{way(value / unit) * unit:.10g}")


def _whole(values: "pd.Series[str]") -> bool:
    return bool(values.str.fullmatch(r"[+-]?\d+").all())


def _dates(values: "pd.Series[str]") -> bool:
    if not values.str.match(r"\d{4}-\d{2}-\d{2}").all():
        return False
    return bool(pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True).notna().all())
