"""The written package is valid code for any table, and the table satisfies its declared schema."""

import ast
import importlib.util
import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.pipeline.prepare.validation import validate_table
from tarmac.scaffold import package, policy
from tarmac.scaffold.infer import ProblemRequest, ScaffoldError, infer_problem
from tarmac.tabular import schema as declared
from tarmac.tabular.columns import Category, Date, Number, RowNumber
from tarmac.tabular.raw import build_raw_schema, by_file, normalize_file_columns, parse_raw_table
from tarmac.tabular.request import build_row_model, field_of

NAMES = st.text(min_size=1, max_size=8).filter(lambda name: "\x00" not in name)
WORDS = st.text(max_size=12).filter(
    lambda text: text.strip() and "\x00" not in text and text.isprintable()
)
WORD = st.sampled_from("ab, ()[]{}\"'\\#:=\n\tä\u2028")
VALUES = st.one_of(
    st.lists(st.integers(-(10**6), 10**6).map(str), min_size=12, max_size=12),
    st.lists(st.floats(-1e6, 1e6).map(str), min_size=12, max_size=12),
    st.lists(st.one_of(st.none(), WORDS), min_size=12, max_size=12),
    st.lists(st.one_of(st.none(), st.dates().map(str)), min_size=12, max_size=12),
)
TARGET = st.sampled_from(
    [["0", "1"] * 6, ["a", "b", 'c"', "d\\"] * 3, [f"{n}.5" for n in range(12)]]
)


@settings(max_examples=60)
@given(columns=st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), target=TARGET)
def test_any_table_gives_valid_code_that_accepts_its_rows(
    tmp_path_factory, columns, target
) -> None:
    rows = pd.DataFrame(
        {name: pd.Series(values, dtype="string") for name, values in columns.items()}
    )
    rows["the target"] = pd.Series(target, dtype="string")
    try:
        found = infer_problem(rows, ProblemRequest("the target"))
    except ScaffoldError:
        return
    folder = tmp_path_factory.mktemp("problem") / "made"
    package.write_package(found, "things", 'a "file".csv', folder)
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    names = loaded(folder / "contract" / "columns.py")
    assert dict(names.COLUMNS) == found.columns
    assert (found.task, found.classes, found.row_key) == (names.TASK, names.CLASSES, names.KEY)
    table = parse_raw_table("things", found.rows, build_raw_schema(found.columns))
    (stored,) = [part for _, part in by_file("things", table, found.day)]
    frame = stored.to_pandas(types_mapper=pd.ArrowDtype)
    valid, _ = validate_table(
        frame, declared.schema(names.COLUMNS, names.KEY, None, None), list(names.KEY), frozenset()
    )
    assert len(valid) == len(frame)


@settings(max_examples=40)
@given(
    levels=st.lists(st.text(WORD, min_size=25, max_size=30), min_size=4, max_size=4, unique=True)
)
def test_written_category_has_levels_of_table(tmp_path_factory, levels: list[str]) -> None:
    """Levels have commas, quotes and brackets, and need several lines."""
    rows = pd.DataFrame({"target": levels * 8, "size": [f"{n}.5" for n in range(8 * len(levels))]})
    found = infer_problem(rows.astype("string"), ProblemRequest("target", task="multiclass"))
    folder = tmp_path_factory.mktemp("problem") / "made"
    package.write_package(found, "things", "file.csv", folder)
    written = loaded(folder / "contract" / "columns.py").COLUMNS["target"]
    assert written == Category(*sorted(levels), missing=True)


def test_month_never_seen_is_valid_and_usable(tmp_path) -> None:
    """A category that goes with the time has a level that no row had."""
    rows = pd.DataFrame({
        "when": [f"2024-{month:02}-15" for month in (1, 2, 3)] * 8,
        "month": ["Jan", "Feb", "Mar"] * 8,
        "open": ["yes", "no"] * 12,
        "y": [f"{number}.5" for number in range(24)],
    }).astype("string")  # fmt: skip
    found = infer_problem(rows, ProblemRequest("y", time="when"))
    package.write_package(found, "things", "file.csv", tmp_path / "made")
    columns = loaded(tmp_path / "made/contract/columns.py")
    row = build_row_model({name: columns.COLUMNS[name] for name in ("month", "open")}, "A row.")
    assert row(month="Apr", open="no").month == "Apr"
    with pytest.raises(ValueError, match="open"):
        row(month="Apr", open="perhaps")
    assert columns.SLICES == ("month", "open")
    behaviours = (tmp_path / "made/evaluation/behaviour.py").read_text()
    assert '"month never seen", "usable"' in behaviours
    assert "open never seen" not in behaviours


def loaded(path: Path):
    """A module from its file, under a name of its own."""
    spec = importlib.util.spec_from_file_location("written_names", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.pop("written_names", None)
    spec.loader.exec_module(module)
    return module


def months(*days: str) -> list[str]:
    rows = pd.DataFrame(
        {
            "day": pd.Series(days, dtype="string"),
            "size": pd.Series(map(str, range(len(days))), dtype="string"),
        }
    )
    rows["target"] = pd.Series([f"{n}.5" for n in range(len(days))], dtype="string")
    found = infer_problem(rows, ProblemRequest("target", time="day"))
    return list(policy.build_split(found, policy.list_months(found)).values())


@pytest.mark.parametrize(
    ("known", "wanted"), [(3, (12, 1, 1)), (8, (12, 2, 2)), (60, (36, 12, 12))]
)
def test_retraining_windows_are_no_shorter_than_first_ones(
    known: int, wanted: tuple[int, ...]
) -> None:
    every = [str(month) for month in pd.period_range("2019-01", periods=known, freq="M")]
    found = policy.build_retrain_windows(every)
    assert (
        tuple(found[f"retrain.{part}_months"] for part in ("train", "validation", "test")) == wanted
    )


def test_quarantine_limit_covers_month_with_most_bad_rows() -> None:
    """Twelve months of 200 rows, nine of them twice, all in March: prepare asks each month."""
    day = [
        str(month) for month in pd.period_range("2024-01", periods=12, freq="M") for _ in range(200)
    ]
    frame = pd.DataFrame(
        {"key": [f"K{number}" for number in range(len(day))], "day": day, "size": "1"}
    )
    frame["target"] = [f"{number}.5" for number in range(len(day))]
    frame["day"] += "-01"
    frame = pd.concat([frame, frame[400:409]], ignore_index=True).astype("string")
    found = infer_problem(frame, ProblemRequest("target", time="day", key="key"))
    assert 9 / 209 <= policy.compute_quarantine_share(found) <= 4 * 9 / 209


def test_split_requires_enough_consecutive_months() -> None:
    assert months("2024-01-01", "2024-02-01", "2024-03-05", "2024-04-01") == [
        {"first": "2024-01", "last": "2024-02"},
        {"first": "2024-03", "last": "2024-03"},
        {"first": "2024-04", "last": "2024-04"},
    ]
    with pytest.raises(ScaffoldError, match="2 month"):
        months("2024-01-01", "2024-02-01")
    with pytest.raises(ScaffoldError, match="no rows in 2024-02"):
        months("2024-01-01", "2024-03-01", "2024-04-01")


def test_next_file_with_same_header_is_read() -> None:
    header = {"Seen at": "2024-01-02 13:05:00", "Remark": "none", "Size (m)": "3"}
    columns = {"seen_at": Date(), "seen_at_hour": Number(0, 23, whole=True), "size_m": Number()}
    found = normalize_file_columns(
        pd.DataFrame({name: pd.Series([text], dtype="string") for name, text in header.items()}),
        build_raw_schema(columns, ["remark"]),
    )
    assert {name: found[name][0] for name in found} == {
        "seen_at": "2024-01-02 13:05:00", "seen_at_hour": "13", "size_m": "3",
    }  # fmt: skip


def test_file_without_added_key_is_numbered() -> None:
    rows = pd.DataFrame({"size": ["1", "2"] * 9, "y": [f"{n}.5" for n in range(18)]})
    found = infer_problem(rows.astype("string"), ProblemRequest("y"))
    assert found.columns["id"] == RowNumber()
    schema = build_raw_schema(found.columns)
    read = normalize_file_columns(rows, schema)[schema.names]
    assert parse_raw_table("things", read, schema)["id"].to_pylist() == list(range(18))
    given = normalize_file_columns(rows.assign(id=range(7, 25)), schema)
    assert given["id"].tolist() == list(range(7, 25))


def test_date_field_accepts_instants_and_rejects_other_text() -> None:
    row = build_row_model({"seen": Date(missing=True)}, "A row.")
    for text in ("2024-01-02", "2024-01-02 13:05:00", "2024-01-02T13:05:00Z"):
        assert str(row(seen=text).seen) == "2024-01-02"
    with pytest.raises(ValueError, match="seen"):
        row(seen="2024-01-02 soon")


@pytest.mark.parametrize("written", ["2024-01-02 13:05:00", "2024-01-02T13:05:00Z"])
def test_hour_is_derived_from_time_unless_given(written: str) -> None:
    columns = {
        "seen": Date(),
        "seen_hour": Number(0, 23, whole=True),
        "left": Date(),
        "size": Number(),
    }
    row = build_row_model(columns, "A row.")
    told = {"seen": written, "left": "2024-01-03", "size": 1.0}
    asked = row.model_validate_json(json.dumps(told))
    assert (str(asked.seen), asked.seen_hour, asked.size) == ("2024-01-02", 13, 1.0)
    assert row(**told, seen_hour=4).seen_hour == 4, "who says it knows it"
    with pytest.raises(ValueError, match="seen_hour is missing, and seen has no time of day"):
        row(**{**told, "seen": "2024-01-02"})
    with pytest.raises(ValueError, match="less than or equal to 23"):
        row(**{**told, "seen": "2024-01-02 25:00:00"})


def test_optional_hour_is_derived_or_left_missing() -> None:
    columns = {"seen": Date(missing=True), "seen_hour": Number(0, 23, whole=True, missing=True)}
    row = build_row_model(columns, "A row.")
    assert [row(seen=day).seen_hour for day in ("2024-01-02", "2024-01-02 07:59", None)] == [
        None,
        7,
        None,
    ]


def test_file_columns_map_to_their_fields() -> None:
    columns = {"size_m": Number(), "Kept As It Is": Number()}
    names = ("Size (m)", "size_m", "Kept As It Is", "Rent", "remark", "Remark", "Size (ft)")
    found = [field_of(name, columns, ("rent", "remark")) for name in names]
    assert found == ["size_m", "size_m", "Kept As It Is", None, None, None, "size_ft"]
