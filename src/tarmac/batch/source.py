"""Rows of a Parquet or CSV file, some thousand at a time, as a client would send them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError, suggest_name
from tarmac.interface.problem import problem
from tarmac.tabular.columns import ABSENT, RowNumber
from tarmac.tabular.csv_dialect import (
    DECIMAL_COMMA,
    advise_encoding,
    detect_separator,
    has_decimal_commas,
)

PARQUET, CSV = ".parquet", ".csv"
LIVE = "live."  # before the name of an input that the client knows itself
BUFFER = 2**20  # bytes that are read at once
LONGEST = 300  # characters of another library's message that are shown
Given = dict[str, Any]
Columns = dict[str, list[Any]]


class SourceError(UserError):
    """A file that cannot be read as rows."""


def list_field_kinds(model: Any, without: str = "") -> dict[str, str]:
    """What each field is in JSON: string, integer or number."""
    properties: Mapping[str, Any] = model.model_json_schema()["properties"]
    kinds = {}
    for name, schema in properties.items():
        if name != without:
            types = (part["type"] for part in schema.get("anyOf", [schema]))
            kinds[name] = next(kind for kind in types if kind != "null")
    return kinds


def list_row_numbers(model: Any) -> list[str]:
    """Return the fields with the number of a row in its file, which the file may lack."""
    return [
        name
        for name, field in model.model_fields.items()
        if any(isinstance(kind, RowNumber) for kind in field.metadata)
    ]


KINDS = list_field_kinds(problem.request.Row, without="live") | {
    f"{LIVE}{name}": kind for name, kind in list_field_kinds(problem.request.Live).items()
}
ROW_NUMBERS = list_row_numbers(problem.request.Row)
REQUIRED = [
    name
    for name, field in problem.request.Row.model_fields.items()
    if field.is_required() and name not in ROW_NUMBERS
]
TYPES: dict[str, tuple[Callable[[pa.DataType], bool], ...]] = {
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "integer": (pa.types.is_integer,),
    "number": (pa.types.is_floating, pa.types.is_integer),
}
WRITTEN: dict[str, tuple[re.Pattern[str], Callable[[str], float]]] = {
    "integer": (re.compile(r"-?[0-9]{1,18}"), int),
    "number": (re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"), float),
}


@dataclass(frozen=True)
class Chunk:
    """Some rows as they were given, and the share of their file that is read by then."""

    rows: list[Given]
    share: float


def check_file(path: Path) -> None:
    """Raise `SourceError` where the head of a file tells already that it cannot be scored."""
    next(iter_chunks(path, 1), None)


def iter_chunks(path: Path, rows: int) -> Iterator[Chunk]:
    """Yield all rows of a file in their order, at most `rows` at a time.

    Raise `SourceError` naming what is wrong with the file.
    """
    read = _iter_parquet if path.suffix == PARQUET else _iter_csv
    try:
        if path.stat().st_size == 0:
            hint = "write the file again, with column names and at least one row"
            raise SourceError(f"{path} is empty", hint)
        done = 0
        for columns, share in read(path, rows):
            given = convert_to_rows(columns)
            add_row_numbers(given, range(done, done + len(given)))
            done += len(given)
            yield Chunk(given, share)
    except UnicodeDecodeError:
        raise SourceError(f"{path} is not UTF-8 text", advise_encoding(path)) from None
    except (OSError, pa.ArrowException) as error:
        if "invalid UTF8" in str(error):
            raise SourceError(f"{path} is not UTF-8 text", advise_encoding(path)) from None
        hint = "check the file's permissions, or write the file again"
        raise SourceError(f"{path} cannot be read: {_format_reason(error)}", hint) from None


def _format_reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or str(error).splitlines()[0])[:LONGEST]


def _iter_parquet(path: Path, rows: int) -> Iterator[tuple[Columns, float]]:
    # Through a buffer: else the column chunks of a row group, however large,
    # are in memory as a whole.
    with pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
        _check_columns(path, file.schema_arrow.names)
        for field in file.schema_arrow:
            _check_column_type(path, field)
        done = 0
        for batch in file.iter_batches(batch_size=rows, use_threads=False):
            done += batch.num_rows
            yield batch.to_pydict(), done / file.metadata.num_rows
        if done != file.metadata.num_rows:
            message = f"{path} declares {file.metadata.num_rows:,} rows but contains {done:,}"
            raise SourceError(message, "write the file again")


def _iter_csv(path: Path, rows: int) -> Iterator[tuple[Columns, float]]:
    # As text: a cell that is no number is then the mistake of one row, not the end of the file.
    options = pyarrow.csv.ReadOptions(use_threads=False, block_size=BUFFER)
    separator = detect_separator(path)
    parsing = pyarrow.csv.ParseOptions(delimiter=separator)
    names = _read_header(path, options, parsing)
    _check_columns(path, names)
    kinds = {name: KINDS[field] for name, field in match_columns(names)}
    with pa.OSFile(str(path)) as file:
        reader = pyarrow.csv.open_csv(file, options, parsing, _build_convert_options(names))
        for block in reader:
            for start in range(0, block.num_rows, rows):
                texts = block.slice(start, rows).to_pydict()
                if has_decimal_commas(separator):
                    texts = {name: _write_points(values) for name, values in texts.items()}
                share = file.tell() / file.size()
                columns = {
                    name: _parse_numbers(kinds.get(name), values) for name, values in texts.items()
                }
                yield columns, share


def _write_points(texts: list[str | None]) -> list[str | None]:
    """Return texts with a decimal point where they are numbers with a comma."""
    return [DECIMAL_COMMA.sub(r"\1.\2", text) if text else text for text in texts]


def _read_header(
    path: Path, options: pyarrow.csv.ReadOptions, parsing: pyarrow.csv.ParseOptions
) -> list[str]:
    with pyarrow.csv.open_csv(path, options, parsing) as reader:
        return list(reader.schema.names)


def _build_convert_options(names: Sequence[str]) -> pyarrow.csv.ConvertOptions:
    every = dict.fromkeys(names, pa.string())
    return pyarrow.csv.ConvertOptions(
        column_types=every, null_values=list(ABSENT), strings_can_be_null=True
    )


def _parse_numbers(kind: str | None, texts: list[str | None]) -> list[Any]:
    """Numbers where their text is one; any other text stays, for the validation to refuse it."""
    if kind not in WRITTEN:
        return texts
    form, number = WRITTEN[kind]
    return [number(text) if text and form.fullmatch(text) else text for text in texts]


def match_columns(names: Iterable[str]) -> list[tuple[str, str]]:
    """The columns of a file and the fields that they fill, without columns that nobody needs."""
    fields = [(name, problem.request.field_of(name)) for name in names]
    return [(name, field) for name, field in fields if field is not None]


def _check_columns(path: Path, names: Sequence[str]) -> None:
    """Raise `SourceError` where columns are unknown, there twice, or missing."""
    matched = match_columns(names)
    fields = [field for _, field in matched]
    unknown = [name for name, field in matched if field not in KINDS]
    if unknown:
        shown = ", ".join(map(repr, unknown))[:LONGEST]
        nearest = filter(None, (suggest_name(name, KINDS) for name in unknown[:3]))
        advice = f"rename or remove them; allowed columns are {', '.join(KINDS)}"
        raise SourceError(f"{path} has unknown columns: {shown}", " ".join([*nearest, advice]))
    repeated = {field for field in fields if fields.count(field) > 1}
    repeated |= {name for name in names if names.count(name) > 1}
    if repeated:
        message = f"{path} has duplicate columns: {', '.join(sorted(repeated))}"
        raise SourceError(message, "keep one column of each name")
    missing = [name for name in REQUIRED if name not in fields]
    if missing:
        message = f"{path} has no values for required columns: {', '.join(missing)}"
        raise SourceError(message, "add these columns to the file")


def _check_column_type(path: Path, field: pa.Field) -> None:
    """Raise `SourceError` if a column's type is not what its field takes.

    A column of nulls alone may have any type.
    """
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    wanted = next((KINDS[name] for _, name in match_columns([field.name])), None)
    if wanted and not pa.types.is_null(kind) and not any(fits(kind) for fits in TYPES[wanted]):
        message = f"{path}: column {field.name} has type {field.type}, not {wanted}"
        raise SourceError(message, f"write the column with type {wanted}")


def convert_to_rows(columns: Columns) -> list[Given]:
    """The rows of a file's columns by their fields, those of `live` in a field of their own."""
    columns = {field: columns[name] for name, field in match_columns(columns)}
    own = {name: values for name, values in columns.items() if not name.startswith(LIVE)}
    rows = [dict(zip(own, values, strict=True)) for values in zip(*own.values(), strict=True)]
    for name in columns.keys() - own.keys():
        for row, value in zip(rows, columns[name], strict=True):
            if value is not None:
                row.setdefault("live", {})[name.removeprefix(LIVE)] = value
    return rows


def add_row_numbers(rows: Sequence[Given], numbers: Sequence[int]) -> None:
    """Add the number of each row to fields that a file may lack."""
    for name in ROW_NUMBERS:
        for row, number in zip(rows, numbers, strict=True):
            row.setdefault(name, number)
