"""Inference of a problem from a table.

A table that contains no problem is rejected with its reason.
"""

import pytest

from tarmac.scaffold.infer import (
    ProblemRequest,
    ScaffoldError,
    infer_classes,
    infer_column,
    infer_problem,
    infer_task,
)
from tarmac.tabular.columns import Category, Date, Number, normalize_name
from tests.tarmac.scaffold.tables import table, texts


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ((1, 2, 3), Number(0, 9, whole=True)),
        ((1.5, None, 2.5), Number(0, 5.5, missing=True)),
        ((-1, 0, 1), Number(-7, 7, whole=True)),
        (("07030", "10001"), Category()),
        (("a", None, "b"), Category(missing=True)),
        (("Jan", "Feb", "Mar"), Category()),
        (("yes", None, "no"), Category("no", "yes", missing=True)),
        (("yes", "Yes", "no"), Category()),
        (("True", "False"), Category("False", "True")),
        (("2024-02-29", None), Date(missing=True)),
        (("2024-02-29 10:00:00", "2024-03-01T11:30:00Z"), Date()),
        (("2024-13-01", "2024-01-01"), Category()),
    ],
)
def test_infers_kind_and_bounds_of_column(values, column) -> None:
    assert infer_column(texts(*values)) == column


def test_infinite_number_is_rejected_with_its_place() -> None:
    rows = table(fee=[1.5, None, "inf", "-inf"] * 15, y=range(60))
    with pytest.raises(ScaffoldError, match=r"^fee is inf in row 3, and 30 of 60 values are inf"):
        infer_problem(rows, ProblemRequest("y"))


def test_column_of_formatted_numbers_is_no_key_and_named_where_nothing_else_is_left() -> None:
    rows = table(size=range(60), y=[f"${n},000" for n in range(60)])
    for target, message in (("y", "60 classes"), ("size", "no column is useful to predict size")):
        with pytest.raises(ScaffoldError, match=message) as caught:
            infer_problem(rows, ProblemRequest(target))
        assert "y is taken for text: 60 of 60 values are no numbers" in caught.value.hint


def test_added_key_leaves_column_of_its_name() -> None:
    rows = table(id=["a", "b", "c"] * 20, y=[*range(30)] * 2)
    found = infer_problem(rows, ProblemRequest("y"))
    assert (found.key, found.rows["id"].nunique()) == ("row_id", 3)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ((0, 1, 0), "binary"),
        (("yes", "no", "yes"), "binary"),
        ((1, 2, 3), "multiclass"),
        ((1.5, 2.5, 3.5), "regression"),
        (tuple(range(21)), "regression"),
        (tuple("abcd"), "multiclass"),
    ],
)
def test_infers_task_of_target(values, task) -> None:
    assert infer_task(texts(*values), "target") == task


def test_numeric_classes_are_in_numeric_order() -> None:
    assert infer_classes(texts(10, 9, 1, None)) == ("1", "9", "10")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("Mean Radius", "mean_radius"),
        ("2nd", "c_2nd"),
        ("class", "class_"),
        ("!", "column"),
        ("Größe (m²)", "groesse_m2"),
        ("Lange".replace("a", "a\u0308"), "laenge"),
        ("Tïtle", "title"),
        ("数量", "u6570_91cf"),
        ("价格 2", "u4ef7_683c_2"),
        ("가격", "uac00_aca9"),
        ("model_x", "c_model_x"),
    ],
)
def test_plain_names_are_valid_identifiers(name, made) -> None:
    assert normalize_name(name) == made
    assert made.isidentifier()


def test_leaves_out_constant_and_free_text_columns() -> None:
    rows = table(
        id=range(200),
        same=["x"] * 200,
        free=[f"text {n}" for n in range(200)],
        size=range(200),
        target=[0, 1] * 100,
    )
    found = infer_problem(rows, ProblemRequest("target", key="id"))
    assert list(found.inputs) == ["size"]
    assert set(found.left_out) == {"same", "free"}


def test_keeps_requested_key_with_few_repeats_or_adds_id() -> None:
    rows = table(name=[*range(99), 0], size=[1, 2] * 50, target=["a", "b"] * 50)
    assert infer_problem(rows, ProblemRequest("target", key="name")).row_key == ("name",)
    made = infer_problem(rows.drop(columns="name"), ProblemRequest("target"))
    assert (made.row_key, made.rows["id"].is_unique) == (("id",), True)
    assert any("`id` was added" in note for note in made.notes)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (ProblemRequest("none"), "the file has no column none; use one of "),
        (
            ProblemRequest("target", time="siez"),
            "the file has no column siez; did you mean `size`? use one of ",
        ),
        (ProblemRequest("target", time="nowhere"), "the file has no column nowhere"),
        (
            ProblemRequest("target", time="size"),
            "size is '0' in row 1, not a date; write dates as 2024-02-29",
        ),
        (
            ProblemRequest("target", group="gaps"),
            "gaps identifies rows, and is missing in 1 of them",
        ),
        (ProblemRequest("same"), "same has 1 value(s), and at least two are required"),
        (ProblemRequest("free"), "free has 60 classes, more than the maximum of 50"),
        (ProblemRequest("target", key="same"), "the key same is repeated in 59 rows"),
        (ProblemRequest("size", task="binary"), "size has 60 values, and a binary one has two"),
        (ProblemRequest("target", group="target"), "target is the target, and cannot also be"),
    ],
)
def test_rejects_unusable_table_or_request_with_reason(asked: ProblemRequest, told: str) -> None:
    gaps = [None, *("ab" * 30)][:60]
    free = [f"t{n}" for n in range(60)]
    rows = table(size=range(60), gaps=gaps, same=["x"] * 60, free=free, target=[0, 1] * 30)
    with pytest.raises(ScaffoldError, match=r".") as caught:
        infer_problem(rows, asked)
    assert told in f"{caught.value}; {caught.value.hint}"


def test_rejects_columns_that_share_a_name_in_code_and_gaps_in_time_column() -> None:
    rows = table(target=[0, 1] * 30).assign(**{"a b": "1", "a-b": "2"})
    with pytest.raises(ScaffoldError, match=r"^columns 'a b' and 'a-b' would both be a_b in code$"):
        infer_problem(rows, ProblemRequest("target"))
    rows = table(day=["2024-01-01", None] * 30, size=range(60), target=[0, 1] * 30)
    with pytest.raises(ScaffoldError, match=r"^the time column day is missing in 30 rows$"):
        infer_problem(rows, ProblemRequest("target", time="day"))


def test_rejects_file_without_rows_and_adds_hour_of_instants() -> None:
    with pytest.raises(ScaffoldError, match="no rows below its header"):
        infer_problem(table(a=[], target=[]), ProblemRequest("target"))
    day = [f"2024-01-{1 + n % 28:02}T{n % 24:02}:30:00Z" for n in range(60)]
    rows = table(seen=day, midnight=[f"{one[:10]} 00:00:00" for one in day], target=[0, 1] * 30)
    found = infer_problem(rows, ProblemRequest("target", time="seen"))
    assert found.columns["seen_hour"] == Number(0, 23, whole=True)
    assert "midnight_hour" not in found.columns
    assert list(found.rows["seen_hour"][:3]) == ["00", "01", "02"]
