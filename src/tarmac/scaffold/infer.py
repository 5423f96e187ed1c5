"""Infer a problem from a table: kinds and bounds of columns, the task, the key, what to omit."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tarmac.interface.errors import UserError, suggest_name
from tarmac.pipeline.base.params.task import Kind
from tarmac.tabular.columns import (
    Category,
    Column,
    Date,
    Number,
    format_hour_column,
    normalize_name,
)
from tarmac.tabular.raw import parse_hours

# A text with no more levels is closed; one with more, mostly different, is free text.
LEVELS, MANY = (20, 50)
CLASSES = 50  # more values than this are no classes
DUPLICATES = 0.05  # share of rows that may repeat a key
REACH = 3  # widths of the inner 98 % that a number may lie beyond them
# Share of rows that may be negative in a column that has no use for it,
# and of texts among numbers.
RARE = 0.01
DIGITS = {f"{number:02}" for number in range(24)}  # of an hour
NAMED = ("target", "time", "group", "key")


class ScaffoldError(UserError):
    """A table that no problem can be written from."""


@dataclass(frozen=True)
class ProblemRequest:
    """What a person says of the table: names of columns, empty where the table decides."""

    target: str
    time: str = ""
    group: str = ""
    key: str = ""
    task: Kind | None = None


@dataclass
class InferredProblem:
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


def infer_problem(rows: pd.DataFrame, asked: ProblemRequest) -> InferredProblem:
    """Decides what a table of texts holds. Raises `ScaffoldError` where it holds no problem."""
    rows, named, notes = _rename_columns(rows, asked)
    task = named.task or infer_task(rows[named.target], named.target)
    classes = infer_classes(rows[named.target]) if task != "regression" else ()
    if task == "binary" and len(classes) != 2:
        message = f"the target {named.target} has {len(classes)} values, and a binary one has two"
        raise ScaffoldError(message, "choose another target, or another `--task`")
    rows, key = find_or_add_key(add_hour_columns(rows, notes), named, notes)
    found = InferredProblem(
        rows, named.target, task, classes, key, named.time or None, named.group or None, notes=notes
    )
    _declare_columns(found)
    if not found.inputs:
        naming = dict.fromkeys(found.row_key, "it identifies the rows")
        reasons = "; ".join(f"{name}: {why}" for name, why in {**naming, **found.left_out}.items())
        message = f"no column is useful to predict {found.target}: {reasons}"
        raise ScaffoldError(message, "add columns to the file, or choose another target")
    return found


def _rename_columns(
    rows: pd.DataFrame, asked: ProblemRequest
) -> tuple[pd.DataFrame, ProblemRequest, list[str]]:
    """Return the rows and the request with the columns' names for code.

    Also return a note of the names that changed.
    """
    if rows.empty:
        hint = "add rows to it, or name another file with `FROM=`"
        raise ScaffoldError("the file has no rows below its header", hint)
    wanted = [getattr(asked, name) for name in NAMED]
    renamed = {name: normalize_name(name) for name in rows.columns}
    if absent := sorted({*wanted} - {*rows.columns, *renamed.values(), ""}):
        nearest = filter(None, (suggest_name(name, map(str, rows.columns)) for name in absent))
        hint = " ".join([*nearest, f"use one of {', '.join(rows.columns)}"])
        raise ScaffoldError(f"the file has no column {', '.join(absent)}", hint)
    places = {name: renamed.get(column, column) for name, column in zip(NAMED, wanted, strict=True)}
    if places["target"] in [column for name, column in places.items() if name != "target"]:
        message = f"{asked.target} is the target, and cannot also be the time, the group or the key"
        raise ScaffoldError(message, "choose another column for one of them")
    names = pd.Series(list(renamed.values()))
    if twice := sorted(set(names[names.duplicated()])):
        lines = [
            f"columns {' and '.join(repr(old) for old in renamed if renamed[old] == name)}"
            f" would both be {name} in code"
            for name in twice
        ]
        raise ScaffoldError("\n".join(lines), "rename one of them in the file")
    other = [f"{old} is {new}" for old, new in renamed.items() if old != new]
    notes = [f"columns got names for code: {', '.join(other)}"] if other else []
    return rows.rename(columns=renamed), replace(asked, **places), notes


def infer_task(target: "pd.Series[str]", name: str) -> Kind:
    """Infer the task from a target.

    Numbers with fractions, or with many values, are a regression. Two values are binary. Others
    are classes.
    """
    known = target.dropna()
    if (different := known.nunique()) < 2:
        message = f"the target {name} has {different} value(s), and at least two are required"
        raise ScaffoldError(message, "choose another target")
    if isinstance(infer_column(known), Number) and different > (
        2 if not _is_integer_column(known) else LEVELS
    ):
        return "regression"
    if different > CLASSES:
        message = f"the target {name} has {different:,} classes, more than the maximum of {CLASSES}"
        raise ScaffoldError(message, "choose a column of numbers, or merge similar classes")
    return "binary" if different == 2 else "multiclass"


def infer_classes(target: "pd.Series[str]") -> tuple[str, ...]:
    """The classes in their order; of two the second is the one that is predicted."""
    known = sorted(target.dropna().unique())
    return (
        tuple(sorted(known, key=float))
        if isinstance(infer_column(target.dropna()), Number)
        else tuple(known)
    )


def find_or_add_key(
    rows: pd.DataFrame, asked: ProblemRequest, notes: list[str]
) -> tuple[pd.DataFrame, str]:
    """Return the rows and the column that names each of them.

    It is the requested column, the first that can name rows, or else a new one.
    """
    if asked.key:
        repeated = int(rows[asked.key].duplicated().sum())
        if rows[asked.key].isna().any() or repeated > DUPLICATES * len(rows):
            message = f"the key {asked.key} is missing, or repeated in too many rows ({repeated:,})"
            raise ScaffoldError(message, "choose a column that identifies rows, or omit the key")
        return rows, asked.key
    for name in rows.columns:
        free = name not in (asked.target, asked.time, asked.group)
        if (
            free
            and rows[name].notna().all()
            and rows[name].is_unique
            and "." not in "".join(rows[name].head(100))
        ):
            return rows, str(name)
    notes += [
        f"{name} names all rows but a few that are there twice: was it meant as the key?"
        for name in find_near_unique_columns(rows)
    ]
    notes.append(
        "no column names a row: `id` was added, the number of the row; later files must carry it"
    )
    return rows.assign(id=[str(number) for number in range(len(rows))]), "id"


def find_near_unique_columns(rows: pd.DataFrame) -> list[str]:
    """Text columns that would name every row, were there not a few twice."""
    texts = [
        name
        for name in rows
        if rows[name].notna().all() and isinstance(infer_column(rows[name]), Category)
    ]
    return [str(name) for name in texts if 0 < rows[name].duplicated().mean() <= DUPLICATES]


def add_hour_columns(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The rows with the hour of each date that has a time of day as a column of its own."""
    made = rows
    for name in map(str, rows.columns):
        known = rows[name].dropna()
        if format_hour_column(name) in rows or not len(known) or not _is_date_column(known):
            continue
        hours = parse_hours(rows[name])
        if hours.nunique() > 1:
            made = made.assign(**{format_hour_column(name): hours})
            hour = format_hour_column(name)
            notes.append(
                f"{name} is kept as a day, its hour as {hour}; a client sends both, or the time"
            )
    return made


def _declare_columns(found: InferredProblem) -> None:
    for name in map(str, found.rows.columns):
        values = found.rows[name]
        if name == found.target:
            column: Column = (
                Category(*found.classes, missing=True)
                if found.classes
                else _infer_number(values, missing=True)
            )
        elif name in found.row_key:
            column = _build_key_column(found, name)
        else:
            found.notes += note_stray_texts(name, values)
            if why := find_drop_reason(values):
                found.left_out[name] = why
                continue
            hours = name in map(format_hour_column, found.rows) and set(values.dropna()) <= DIGITS
            column = (
                Number(0.0, 23.0, whole=True, missing=bool(values.isna().any()))
                if hours
                else infer_column(values)
            )
        found.columns[name] = column
    found.rows = found.rows[list(found.columns)]


def _build_key_column(found: InferredProblem, name: str) -> Column:
    values = found.rows[name]
    if name == found.day:
        if values.isna().any() or not _is_date_column(values):
            invalid = (
                f"{one!r} in row {row:,}"
                for row, one in enumerate(values, start=1)
                if pd.notna(one) and not _is_date_column(pd.Series([one], dtype="string"))
            )
            if (first := next(invalid, None)) is None:
                message = f"the time column {name} is missing in {values.isna().sum():,} rows"
                raise ScaffoldError(message, "fill these cells, or remove the rows")
            message = f"the time column {name} is {first}, not a date"
            raise ScaffoldError(message, "write dates as 2024-02-29; a time of day may follow")
        found.rows[name] = values.str[:10]
        return Date()
    if values.isna().any():
        message = f"{name} identifies rows, and is missing in {values.isna().sum():,} of them"
        raise ScaffoldError(message, "fill these cells, or choose another column")
    return (
        Number(whole=True)
        if isinstance(infer_column(values), Number) and _is_integer_column(values)
        else Category()
    )


def find_drop_reason(values: "pd.Series[str]") -> str:
    """Why a column is of no use to a model; empty where it is."""
    different = values.nunique()
    if different < 2:
        return "it has one value only"
    if isinstance(infer_column(values), Category) and different > max(MANY, len(values) / 2):
        return f"{different:,} different texts say nothing of the next row"
    return ""


def note_stray_texts(name: str, values: "pd.Series[str]") -> list[str]:
    """A note where a column would be a number but for a few texts, such as n/a."""
    known = values.dropna()
    texts = known[pd.to_numeric(known, errors="coerce").isna()]
    if not 0 < len(texts) <= RARE * len(known):
        return []
    which = ", ".join(sorted(texts.unique())[:3])
    advice = "make these cells empty and begin again if it is a number"
    share = f"{len(texts)} of {len(known):,} values"
    return [f"{name} is taken for text, as {share} are no numbers ({which}): {advice}"]


def infer_column(values: "pd.Series[str]") -> Column:
    """The kind of a column of texts, with the bounds that its rows suggest."""
    known, missing = values.dropna(), bool(values.isna().any())
    codes = known.str.fullmatch(r"0\d+").any()  # as in 07030, which is no number
    if not codes and pd.to_numeric(known, errors="coerce").notna().all():
        return _infer_number(values, missing)
    if _is_date_column(known):
        return Date(missing)
    levels = sorted(known.unique())
    return (
        Category(*levels, missing=missing) if len(levels) <= LEVELS else Category(missing=missing)
    )


def _infer_number(values: "pd.Series[str]", missing: bool) -> Number:
    """Bounds lie well beyond the inner 98 % of the values; below zero only where that is usual."""
    numbers = pd.to_numeric(values.dropna()).to_numpy(dtype="float64")
    first, last = np.quantile(numbers, [0.01, 0.99])
    width = (last - first) or max(abs(last), 1.0)
    positive = first >= 0 and (numbers < 0).mean() <= RARE
    low = 0.0 if positive and first <= REACH * width else first - REACH * width
    bounds, whole = (
        (round_bound(low, np.floor), round_bound(last + REACH * width, np.ceil)),
        _is_integer_column(values.dropna()),
    )
    if whole:
        bounds = float(np.floor(bounds[0])), float(np.ceil(bounds[1]))
    return Number(*bounds, whole, missing)


def round_bound(value: float, way: np.ufunc) -> float:
    """A number to two digits, away from the values: a bound that a person would write."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{way(value / unit) * unit:.10g}")


def _is_integer_column(values: "pd.Series[str]") -> bool:
    return bool(values.str.fullmatch(r"[+-]?\d+").all())


def _is_date_column(values: "pd.Series[str]") -> bool:
    if not values.str.match(r"\d{4}-\d{2}-\d{2}").all():
        return False
    return bool(pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True).notna().all())
