"""Validation with its own schema.

Rows are quarantined, values are blanked, and errors stop the run.
"""

import pandas as pd
import pandera.pandas as pa
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmac.pipeline.prepare.validation import FAILURE_COLUMNS, TableError, validate_table

INTEGER, TEXT = pd.ArrowDtype(pyarrow.int64()), pd.ArrowDtype(pyarrow.string())
KEY = ["name", "part"]
BLANKED = frozenset({"small"})
SCHEMA = pa.DataFrameSchema(
    {
        "name": pa.Column(TEXT, pa.Check(lambda text: text.str.len() < 3, name="short")),
        "part": pa.Column(INTEGER),
        "low": pa.Column(
            INTEGER, pa.Check(lambda value: value >= 0, name="positive"), nullable=True
        ),
        "high": pa.Column(
            INTEGER, pa.Check(lambda value: value < 100, name="small"), nullable=True
        ),
    },
    [pa.Check(lambda f: (f["low"] <= f["high"]).fillna(True).astype(bool), name="low:below_high")],
    strict=True,
    ordered=True,
    unique=KEY,
    report_duplicates="exclude_first",
)
NUMBER = st.none() | st.integers(-5, 105)


def frame(*rows: tuple[str | None, int, int | None, int | None]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["name", "part", "low", "high"])
    return table.astype({"name": TEXT, "part": INTEGER, "low": INTEGER, "high": INTEGER})


def check(table: pd.DataFrame) -> tuple[list[tuple], list[tuple]]:
    """Valid rows and broken rules as plain tuples, missing values as None."""
    valid, broken = validate_table(table, SCHEMA, KEY, BLANKED)
    assert list(valid.index) == list(range(len(valid)))
    assert set(broken.columns) == set(FAILURE_COLUMNS)
    assert (valid.dtypes == table.dtypes).all()
    rows = [
        tuple(None if pd.isna(value) else value for value in row)
        for row in valid.itertuples(index=False)
    ]
    return rows, list(broken[list(FAILURE_COLUMNS)].itertuples(index=False, name=None))


def test_valid_table_is_returned_unchanged() -> None:
    rows = [("a", 1, 1, 2), ("b", 1, None, None), ("a", 2, 0, 99)]
    assert check(frame(*rows)) == (rows, [])


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (("long", 1, 1, 2), ("long 1", "name", "short", "long", "set aside")),
        (("x", 1, -1, 2), ("x 1", "low", "positive", "-1", "set aside")),
        (("x", 1, 3, 2), ("x 1", "low", "below_high", "3", "set aside")),
        (("a", 1, 5, 6), ("a 1", "name", "unique", "a", "set aside")),
    ],
)
def test_broken_rule_quarantines_row_and_reports_one_line(row: tuple, line: tuple) -> None:
    assert check(frame(("a", 1, 1, 2), row, ("c", 1, 1, 2))) == (
        [("a", 1, 1, 2), ("c", 1, 1, 2)],
        [line],
    )


def test_blanked_value_is_removed_and_row_is_kept() -> None:
    rows, broken = check(frame(("a", 1, 1, 2), ("b", 1, 1, 1048)))
    assert rows == [("a", 1, 1, 2), ("b", 1, 1, None)]
    assert broken == [("b 1", "high", "small", "1048", "blanked")]


def test_row_without_key_is_quarantined() -> None:
    rows, broken = check(frame(("a", 1, 1, 2), (None, 1, 1, 2)))
    assert rows == [("a", 1, 1, 2)]
    assert [line[1:3] + line[4:] for line in broken] == [("name", "present", "set aside")]


def test_report_columns_have_fixed_order() -> None:
    for table in (frame(("a", 1, 1, 2)), frame(("long", 1, 1, 2))):
        assert list(validate_table(table, SCHEMA, KEY, BLANKED)[1].columns) == list(FAILURE_COLUMNS)


def test_row_with_several_broken_rules_has_line_for_each() -> None:
    rows, broken = check(frame(("b", 1, -1, 1048), ("a", 1, 1, 2)))
    assert rows == [("a", 1, 1, 2)]
    assert [line[1:3] + line[4:] for line in broken] == [
        ("high", "small", "blanked"),
        ("low", "positive", "set aside"),
    ]


def test_only_first_of_duplicate_rows_is_kept() -> None:
    rows, broken = check(frame(("a", 1, 1, 2), ("a", 1, 3, 4), ("b", 1, 1, 2), ("a", 1, 5, 6)))
    assert rows == [("a", 1, 1, 2), ("b", 1, 1, 2)]
    assert [line[0] for line in broken] == ["a 1", "a 1"]


def test_ignores_table_index() -> None:
    table = frame(("a", 1, 1, 2), ("long", 1, 1, 2), ("c", 1, 1, 2)).set_index(pd.Index([7, 7, 7]))
    assert check(table)[0] == [("a", 1, 1, 2), ("c", 1, 1, 2)]


def test_the_given_table_is_not_changed() -> None:
    table = frame(("a", 1, 1, 1048), ("long", 1, 1, 2))
    before = table.copy(deep=True)
    check(table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="low"), r"^column 'low' is missing$"),
        (
            lambda t: t.rename(columns={"low": "lowest"}),
            r"^column 'lowest' is unknown; column 'low' is missing$",
        ),
        (lambda t: t.assign(more=1), r"^column 'more' is unknown$"),
        (
            lambda t: t.astype({"part": "float64"}),
            r"^column 'part' is float64, expected int64\[pyarrow\]$",
        ),
        (
            lambda t: t.astype({"low": TEXT}),
            r"^column 'low' is string(\[pyarrow\])?, expected int64\[pyarrow\]$",
        ),
    ],
)
def test_rejects_wrong_columns_and_types_by_column_name(change: object, message: str) -> None:
    with pytest.raises(TableError, match=message):
        check(change(frame(("a", 1, 1, 2))))


def test_suggests_missing_column_for_misspelled_one() -> None:
    with pytest.raises(TableError) as caught:
        check(frame(("a", 1, 1, 2)).rename(columns={"high": "hihg"}))
    assert caught.value.hint.startswith("did you mean `high`? ")


def test_rejects_columns_in_wrong_order() -> None:
    with pytest.raises(TableError, match="order"):
        check(frame(("a", 1, 1, 2))[["part", "name", "low", "high"]])


def rules_broken(row: tuple, copies: list[tuple]) -> set[tuple[str, str]]:
    """The rules of `SCHEMA` that a row breaks, told from their meaning."""
    name, part, low, high = row
    broken = {("name", "short")} if len(name) >= 3 else set()
    if low is not None and low < 0:
        broken.add(("low", "positive"))
    if high is not None and high >= 100:
        broken.add(("high", "small"))
    if low is not None and high is not None and low > high:
        broken.add(("low", "below_high"))
    return broken | ({("name", "unique")} if (name, part) in copies else set())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "cc", "ddd"]), st.integers(0, 9), NUMBER, NUMBER),
        max_size=12,
    )
)
def test_rows_are_kept_blanked_or_quarantined_by_their_rules(rows: list[tuple]) -> None:
    kept, lines = [], []
    for index, row in enumerate(rows):
        broken = rules_broken(row, [other[:2] for other in rows[:index]])
        lines += [(f"{row[0]} {row[1]}", *rule) for rule in sorted(broken)]
        if broken <= {("high", "small")}:
            kept.append((*row[:3], None if broken else row[3]))
    valid, failures = check(frame(*rows))
    assert valid == kept
    assert [line[:3] for line in failures] == lines
    assert all((action == "blanked") == (rule == "small") for _, _, rule, _, action in failures)
