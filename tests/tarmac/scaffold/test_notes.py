"""What the notes on a table say at creation."""

import pandas as pd
import pytest

from tarmac.scaffold.infer import ProblemRequest, infer_problem
from tests.tarmac.scaffold.tables import table, texts

NUMBERS = [f"{n}.5" for n in range(50)]


DAYS = [f"{1 + n % 28:02}.12.2011" for n in range(60)]


@pytest.mark.parametrize(
    ("values", "described"),
    [
        (
            [*NUMBERS, *["unknown"] * 9, "-"],
            '10 of 60 values are no numbers, such as "unknown", "-"',
        ),
        ([*NUMBERS, *["inf"] * 8, "n", "n"], '10 of 60 values are no numbers, such as "inf", "n"'),
        ([f"${n},000" for n in range(60)], '60 of 60 values are no numbers, such as "$0,000"'),
        ([f"{n},5" for n in range(60)], '60 of 60 values are no numbers, such as "0,5"'),
        (["N/A", *DAYS[1:]], "60 of 60 values are no dates, such as "),
        (["2011-12-31"] * 30 + ["Dec 30, 2011"] * 30, '30 of 60 values are no dates, such as "Dec'),
    ],
)
def test_notes_values_that_make_numbers_or_dates_a_text(values: list[str], described: str) -> None:
    rows = table(fee=values, size=[*range(30)] * 2, y=range(60))
    notes = infer_problem(rows, ProblemRequest("y")).notes
    (note,) = [note for note in notes if note.startswith("fee is taken for text: ")]
    assert described in note


def test_codes_and_words_are_text_without_a_note() -> None:
    code, word = ["07030", "n/a", "10001"] * 20, ["12", "b", "c"] * 20
    rows = table(code=code, word=word, size=range(60), y=range(60))
    notes = infer_problem(rows, ProblemRequest("y")).notes
    assert not [note for note in notes if "taken for text" in note]


def test_closed_categories_are_noted() -> None:
    rows = table(union=["yes", "no"] * 30, month=["Jan", "Feb"] * 30, y=range(60))
    notes = infer_problem(rows, ProblemRequest("y")).notes
    assert "closed categories, which refuse any other value: union (no, yes)" in notes


@pytest.mark.parametrize(
    ("columns", "described"),
    [
        ({"nr": [n % 30 for n in range(240)]}, "nr (30 values)"),
        ({"man": [n // 8 for n in range(240)]}, "man (30 values)"),
        ({"house_id": [f"H{n % 30}" for n in range(240)]}, "house_id (30 values)"),
        ({"age": [n % 30 for n in range(240)]}, ""),
        ({"nr": [n % 5 for n in range(240)]}, ""),
    ],
)
def test_columns_that_may_name_groups_are_noted(columns, described) -> None:
    rows = table(size=[n % 7 for n in range(240)], y=[f"{n}.5" for n in range(240)], **columns)
    notes = [note for note in infer_problem(rows, ProblemRequest("y")).notes if "groups" in note]
    assert [note.split("; ")[0] for note in notes] == [f"may name groups: {described}"] * bool(
        described
    )
    group = ProblemRequest("y", group=next(iter(columns)))
    assert not [note for note in infer_problem(rows, group).notes if "groups" in note]


def test_rare_classes_are_noted() -> None:
    rows = table(size=[n % 30 for n in range(209)], film=["PG"] * 100 + ["R"] * 100 + ["NC-17"] * 9)
    notes = infer_problem(rows, ProblemRequest("film")).notes
    assert any(note.startswith("rare classes: NC-17 (9 rows); few of") for note in notes)


def test_note_of_many_new_names_shows_the_first_ones() -> None:
    rows = table(y=range(60)).assign(**{f"Gene {n}": rows_of(n) for n in range(500)})
    (note,) = [one for one in infer_problem(rows, ProblemRequest("y")).notes if "names for" in one]
    assert note.endswith("Gene 4 is gene_4 and 495 more")


def rows_of(number: int) -> "pd.Series[str]":
    return texts(*([number, 1.5, 2.5] * 20))


def test_rows_that_repeat_a_key_are_noted() -> None:
    rows = table(name=[*range(99), 0], size=[1, 2] * 50, target=["a", "b"] * 50)
    notes = infer_problem(rows, ProblemRequest("target", key="name")).notes
    assert any("1 of 100 rows repeat the key name: the first row" in note for note in notes)


def test_notes_column_that_is_almost_a_key() -> None:
    rows = table(
        code=["a0", *(f"a{n}" for n in range(299))],
        kind=["a", "b", "c"] * 100,
        target=[0, 1] * 150,
    )
    notes = infer_problem(rows, ProblemRequest("target")).notes
    assert any("code names all rows but a few" in note for note in notes)
