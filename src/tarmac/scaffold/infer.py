"""Infer a problem from a table: kinds and bounds of columns, the task, the key, what to omit."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from tarmac.interface.errors import UserError, suggest_name
from tarmac.interface.task import TASKS, Kind
from tarmac.scaffold.bounds import infer_number
from tarmac.scaffold.notes import (
    note_closed_categories,
    note_far_values,
    note_new_names,
    note_possible_groups,
    note_rare_classes,
    note_repeated_keys,
    note_unread_values,
)
from tarmac.scaffold.value_kinds import (
    are_dates,
    are_infinite,
    are_numbers,
    has_codes,
    is_whole,
)
from tarmac.tabular.columns import (
    Category,
    Column,
    Date,
    Number,
    RowNumber,
    format_hour_column,
    normalize_name,
)
from tarmac.tabular.raw import parse_hours

LEVELS = 20  # a target of whole numbers has classes up to here, and a category slices
MANY = 50  # a text with more levels, mostly different, is free text
# Two levels that no third one can join, in lower case.
YES_OR_NO = ({"false", "true"}, {"no", "yes"}, {"f", "t"}, {"n", "y"})
CLASSES = 50  # more values than this are no classes
DUPLICATES = 0.05  # share of rows that may repeat a key
DIGITS = {f"{number:02}" for number in range(24)}  # of an hour
ROLES = ("target", "time", "group", "key")  # of columns that a request names


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
    key_is_added: bool = False
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


def parse_task(name: str) -> Kind:
    """Return the kind of a target by its name. Raise `ScaffoldError` for any other."""
    for kind in TASKS:
        if kind == name:
            return kind
    hint = f"{suggest_name(name, TASKS)} use one of {', '.join(TASKS)}".lstrip()
    raise ScaffoldError(f"unknown task {name}", hint)


def infer_problem(rows: pd.DataFrame, request: ProblemRequest) -> InferredProblem:
    """Decides what a table of texts holds. Raises `ScaffoldError` where it holds no problem."""
    rows, request, notes = _rename_columns(rows, request)
    _require_finite_numbers(rows)
    target = request.target
    task = request.task or infer_task(rows[target], target)
    classes = infer_classes(rows[target]) if task != "regression" else ()
    if task == "binary" and len(classes) != 2:
        message = f"the target {target} has {len(classes)} values, and a binary one has two"
        raise ScaffoldError(message, "choose another target, or another `--task`")
    rows = add_hour_columns(rows, notes)
    own = set(rows)
    rows, key = find_or_add_key(rows, request, notes)
    inferred = InferredProblem(
        rows,
        target,
        task,
        classes,
        key,
        request.time or None,
        request.group or None,
        key not in own,
        notes=notes,
    )
    _declare_columns(inferred)
    if not inferred.inputs:
        reasons = dict.fromkeys(inferred.row_key, "it identifies the rows") | inferred.left_out
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        message = f"no column is useful to predict {target}: {listed}"
        unread = [
            note for name in inferred.left_out for note in note_unread_values(name, rows[name])
        ]
        hint = "add columns to the file, or choose another target"
        raise ScaffoldError(message, "; ".join(unread) or hint)
    return inferred


def _rename_columns(
    rows: pd.DataFrame, request: ProblemRequest
) -> tuple[pd.DataFrame, ProblemRequest, list[str]]:
    """Return the rows and the request with the columns' names for code.

    Also return a note of the names that changed.
    """
    if rows.empty:
        hint = "add rows to it, or name another file with `FROM=`"
        raise ScaffoldError("the file has no rows below its header", hint)
    requested = {role: getattr(request, role) for role in ROLES}
    renamed = {name: normalize_name(name) for name in rows.columns}
    _require_columns(set(requested.values()) - {""}, renamed)
    columns = {role: renamed.get(column, column) for role, column in requested.items()}
    if columns["target"] in [columns[role] for role in ROLES if role != "target"]:
        message = (
            f"{request.target} is the target, and cannot also be the time, the group or the key"
        )
        raise ScaffoldError(message, "choose another column for one of them")
    _require_different_names(renamed)
    return rows.rename(columns=renamed), replace(request, **columns), note_new_names(renamed)


def _require_columns(requested: set[str], renamed: Mapping[str, str]) -> None:
    """Raise `ScaffoldError` if a requested column is not in the file, by either of its names."""
    absent = sorted(requested - {*renamed, *renamed.values()})
    if not absent:
        return
    names = list(renamed)
    suggestions = [suggest_name(name, names) for name in absent]
    hints = [*filter(None, suggestions), f"use one of {', '.join(names)}"]
    raise ScaffoldError(f"the file has no column {', '.join(absent)}", " ".join(hints))


def _require_different_names(renamed: Mapping[str, str]) -> None:
    """Raise `ScaffoldError` if two columns would have one name in code."""
    old_names: dict[str, list[str]] = {}
    for old, new in renamed.items():
        old_names.setdefault(new, []).append(repr(old))
    lines = [
        f"columns {' and '.join(olds)} would both be {new} in code"
        for new, olds in sorted(old_names.items())
        if len(olds) > 1
    ]
    if lines:
        raise ScaffoldError("\n".join(lines), "rename one of them in the file")


def _require_finite_numbers(rows: pd.DataFrame) -> None:
    """Raise `ScaffoldError` with the first cell of a column of numbers that is infinite."""
    for name in rows.columns:
        different = rows[name].dropna().drop_duplicates()
        infinite = different[are_infinite(different)]
        if len(infinite) and (are_numbers(different) | are_infinite(different)).all():
            count = int(rows[name].isin(infinite).sum())
            message = f"{name} is {infinite.iloc[0]} in row {infinite.index[0] + 1:,}"
            shown = f"{message}, and {count:,} of {len(rows):,} values are infinite"
            raise ScaffoldError(shown, "make these cells empty: a model learns from finite numbers")


def infer_task(target: "pd.Series[str]", name: str) -> Kind:
    """Infer the task from a target.

    Numbers with fractions, or with many values, are a regression. Two values are binary. Others
    are classes.
    """
    known = target.dropna()
    different = known.nunique()
    if different < 2:
        message = f"the target {name} has {different} value(s), and at least two are required"
        raise ScaffoldError(message, "choose another target")
    most_classes = LEVELS if is_whole(known) else 2
    if isinstance(infer_column(known), Number) and different > most_classes:
        return "regression"
    if different > CLASSES:
        message = f"the target {name} has {different:,} classes, more than the maximum of {CLASSES}"
        hint = "choose a column of numbers, or merge similar classes"
        raise ScaffoldError(message, "; ".join(note_unread_values(name, known)) or hint)
    return "binary" if different == 2 else "multiclass"


def infer_classes(target: "pd.Series[str]") -> tuple[str, ...]:
    """The classes in their order; of two the second is the one that is predicted."""
    known = target.dropna()
    classes = sorted(known.unique())
    if isinstance(infer_column(known), Number):
        classes = sorted(classes, key=float)
    return tuple(classes)


def find_or_add_key(
    rows: pd.DataFrame, request: ProblemRequest, notes: list[str]
) -> tuple[pd.DataFrame, str]:
    """Return the rows and the column that names each of them.

    It is the requested column, the first that can name rows, or else a new one.
    """
    if request.key:
        key = rows[request.key]
        missing, repeated = int(key.isna().sum()), int(key.duplicated().sum())
        hint = "choose a column that identifies rows, or omit the key"
        if missing:
            raise ScaffoldError(f"the key {request.key} is missing in {missing:,} row(s)", hint)
        if repeated > DUPLICATES * len(rows):
            raise ScaffoldError(f"the key {request.key} is repeated in {repeated:,} rows", hint)
        return rows, request.key
    for name in rows.columns:
        is_free = name not in (request.target, request.time, request.group)
        if is_free and _can_be_key(rows[name]):
            return rows, str(name)
    notes += [
        f"{name} names all rows but a few that are there twice: was it meant as the key?"
        for name in find_near_unique_columns(rows)
    ]
    key = "id"
    while key in rows:
        key = f"row_{key}"
    notes.append(
        f"no column names a row: `{key}` was added, the number of the row in its file; "
        "a client of the service must send one"
    )
    return rows.assign(**{key: [str(number) for number in range(len(rows))]}), key


def _can_be_key(values: "pd.Series[str]") -> bool:
    if values.isna().any() or not values.is_unique or note_unread_values("", values):
        return False
    return "." not in "".join(values.head(100))


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
    with_hours = rows
    for name in map(str, rows.columns):
        known, hour = rows[name].dropna(), format_hour_column(name)
        if hour in rows or not len(known) or not are_dates(known).all():
            continue
        hours = parse_hours(rows[name])
        if hours.nunique() > 1:
            with_hours = with_hours.assign(**{hour: hours})
            notes.append(
                f"{name} is kept as a day, its hour as {hour}; a client sends both, or the time"
            )
    return with_hours


def _declare_columns(inferred: InferredProblem) -> None:
    for name in map(str, inferred.rows.columns):
        values = inferred.rows[name]
        if name in inferred.row_key:
            inferred.columns[name] = _build_key_column(inferred, name)
            continue
        inferred.notes += note_unread_values(name, values)
        if name == inferred.target:
            inferred.columns[name] = _build_target_column(inferred)
            continue
        reason = find_drop_reason(values)
        if reason:
            inferred.left_out[name] = reason
        else:
            inferred.columns[name] = _build_input_column(inferred, name)
    inferred.rows = inferred.rows[list(inferred.columns)]
    inferred.notes += note_closed_categories(inferred.inputs)
    inferred.notes += note_far_values(inferred.rows, inferred.inputs)
    inferred.notes += note_repeated_keys(inferred.rows, inferred.row_key)
    if not inferred.group:
        timed = bool(inferred.day)
        inferred.notes += note_possible_groups(inferred.rows, inferred.inputs, timed)
    if inferred.classes:
        inferred.notes += note_rare_classes(inferred.rows[inferred.target])


def _build_target_column(inferred: InferredProblem) -> Column:
    if inferred.classes:
        return Category(*inferred.classes, missing=True)
    # A guess about the target would take rows from the test that the model is worst at.
    return Number(whole=is_whole(inferred.rows[inferred.target]), missing=True)


def _build_input_column(inferred: InferredProblem, name: str) -> Column:
    values = inferred.rows[name]
    of_date = name in map(format_hour_column, inferred.rows)
    if of_date and set(values.dropna()) <= DIGITS:
        return Number(0.0, 23.0, whole=True, missing=bool(values.isna().any()))
    return infer_column(values)


def _build_key_column(inferred: InferredProblem, name: str) -> Column:
    values = inferred.rows[name]
    if name == inferred.key and inferred.key_is_added:
        return RowNumber()
    if name == inferred.day:
        _require_dates(values, name)
        inferred.rows[name] = values.str[:10]
        return Date()
    if values.isna().any():
        message = f"{name} identifies rows, and is missing in {values.isna().sum():,} of them"
        raise ScaffoldError(message, "fill these cells, or choose another column")
    if isinstance(infer_column(values), Number) and is_whole(values):
        return Number(whole=True)
    return Category()


def _require_dates(values: "pd.Series[str]", name: str) -> None:
    """Raise `ScaffoldError` with the first cell of the time column that is no date."""
    known = values.dropna()
    other = known[~are_dates(known)]
    if len(other):
        message = f"the time column {name} is {other.iloc[0]!r} in row {other.index[0] + 1:,}"
        hint = "write dates as 2024-02-29; a time of day may follow"
        raise ScaffoldError(f"{message}, not a date", hint)
    if len(known) == len(values):
        return
    message = f"the time column {name} is missing in {values.isna().sum():,} rows"
    raise ScaffoldError(message, "fill these cells, or remove the rows")


def find_drop_reason(values: "pd.Series[str]") -> str:
    """Why a column is of no use to a model; empty where it is."""
    different = values.nunique()
    if different < 2:
        return "it has one value only"
    if isinstance(infer_column(values), Category) and different > max(MANY, len(values) / 2):
        return f"{different:,} different texts say nothing of the next row"
    return ""


def infer_column(values: "pd.Series[str]") -> Column:
    """Return the kind of a column of texts, with the bounds that its rows suggest.

    A category is closed only if it is a yes or no: the rows to come may have another month, city or
    product, which the model takes for an unknown one.
    """
    known, missing = values.dropna().drop_duplicates(), bool(values.isna().any())
    if not has_codes(known) and are_numbers(known).all():
        return infer_number(values, missing)
    if are_dates(known).all():
        return Date(missing)
    levels = sorted(known)
    if {level.lower() for level in levels} in YES_OR_NO and len(levels) == 2:
        return Category(*levels, missing=missing)
    return Category(missing=missing)
