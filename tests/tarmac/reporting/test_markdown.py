"""Markdown, by GitHub's own parser.

Hostile values render as themselves and leave the page intact.
"""

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tarmac.reporting.markdown import (
    ROWS,
    SENTENCE,
    VALUE,
    escape_text,
    format_code,
    format_label,
    format_number,
    format_signed_number,
    render_details,
    render_table,
)
from tests.github import Page, seen
from tests.hostile import EACH, FRAGMENTS, VALUES

NAN, INFINITY = float("nan"), float("inf")
relaxed = settings(deadline=None, max_examples=150)  # a busy machine is no mistake
Template = Callable[[str], str]
TEMPLATES: dict[str, Template] = {
    "a cell": lambda it: (
        render_table(["name", "#n", "why"], [(it, "1", it), ("x", "2", it), (it, it, "y")])
        + "\n\nafter"
    ),
    "a heading": lambda it: f"## ✅ Pass: {it}\n\nafter",
    "a list item": lambda it: f"before\n\n- {it}\n- {it}\n\nafter",
    "a paragraph": lambda it: f"before\n\n{it}\n\nafter",
    "a sentence": lambda it: f"**There is no base** ({it}): column {it} {it}.\n\nafter",
    "a section": lambda it: (
        render_details("Data", f"{it}\n\n" + render_table(["#n", "why"], [("1", it)])) + "\n\nafter"
    ),
}
SHOWN = {format_code: VALUE, escape_text: SENTENCE}
everywhere = pytest.mark.parametrize("place", TEMPLATES)
by_each = pytest.mark.parametrize("made", SHOWN)


def visible(value: str, most: int) -> str:
    """What may be seen of a value: its printable letters on one line, cut where it is long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in value).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def shown(made: Callable[[object], str], value: str) -> str:
    """What is to be seen for a value."""
    if made is escape_text:
        return visible(value, SENTENCE)
    return visible(value, VALUE).replace("`", "'").replace("|", "¦") or "(empty)"


def assert_harmless(made: Callable[[object], str], place: str, value: str) -> None:
    """The page is that of a harmless word, with the value in its place."""
    template, wanted = TEMPLATES[place], shown(made, value)
    page, plain = Page(template(made(value))), Page(template(made("harmless") if wanted else ""))
    assert page.tags == plain.tags
    assert [[len(row) for row in rows] for rows in page.tables] == [
        [len(row) for row in rows] for rows in plain.tables
    ]
    assert page.text == seen(plain.text.replace("harmless", wanted))
    assert page.references == []


@by_each
@everywhere
def test_escapes_every_known_markup_injection(place, made):
    for value in EACH:
        assert_harmless(made, place, value)


@by_each
@everywhere
@relaxed
@given(value=VALUES)
@example(value="")
@example(value="x" * 100_000)
def test_any_value_renders_as_itself_and_leaves_page_intact(place, made, value):
    assert_harmless(made, place, value)


@by_each
@relaxed
@given(VALUES)
def test_rendered_value_is_one_encodable_line_of_bounded_length(made, value):
    made(value).encode()
    assert len(made(value).splitlines()) <= 1
    assert len(made(value)) <= 3 * SHOWN[made] + len("``")


@given(st.text(st.sampled_from("\\$x "), max_size=12))
def test_escapes_every_dollar_sign(value):
    assert re.findall(r"(?<!\\)(?:\\\\)*\$", escape_text(value)) == []


def test_word_between_colons_does_not_become_emoji():
    for value in (":bug:", "x:+1:", ":white_check_mark:", "a :x: :tada:"):
        told = [words for around, words in Page(escape_text(value)).texts if "code" not in around]
        assert re.findall(r":[a-z0-9_+-]+:", "".join(told)) == [], value
        assert Page(escape_text(value)).text == value


@pytest.mark.parametrize(
    "value", ["2013-09", "a\\|b", "C:\\x", 7, None, 0.1, ["a", "b"], {"k": 1}, True]
)
def test_values_render_as_their_python_text(value):
    assert Page(format_code(value)).of("code") == [str(value).replace("|", "¦")]
    assert Page(escape_text(value)).text == str(value)


def test_blank_value_renders_as_empty_marker():
    assert {format_code(value) for value in ("", " \n", "\u200b", "\x00")} == {"`(empty)`"}


@pytest.mark.parametrize("made", SHOWN)
@pytest.mark.parametrize("length", [-1, 0, 1, 100])
def test_value_is_truncated_with_ellipsis_only_above_limit(made, length):
    value = "ab" * SHOWN[made]
    value = value[: SHOWN[made] + length] if length < 100 else value * length
    assert Page(made(value)).text == visible(value, SHOWN[made])
    assert Page(made(value)).text.endswith("…") == (length > 0)
    assert len(Page(made(value)).text) <= SHOWN[made]


@given(VALUES)
def test_label_contains_only_safe_characters(value):
    assert re.fullmatch(r"[A-Za-z0-9² .:+_-]{1,30}", format_label(value))


@pytest.mark.parametrize(
    "value", ["2013-09", "0.12", "ROC-AUC", "R²", "9:00 to 12:59", "validation loss"]
)
def test_safe_label_is_unchanged(value):
    assert format_label(value) == value


def test_label_replaces_unsafe_characters_with_underscore():
    assert [format_label(f"a{part}b") for part in ('"', "%", "]", "\n", ">")] == ["a_b"] * 5


def test_table_renders_every_cell_and_aligns_numbers_right():
    page = Page(render_table(["name", "#rows", ""], [("a", "1", "x"), ("b", "2", "")]))
    assert page.tables == [[["name", "rows", ""], ["a", "1", "x"], ["b", "2", ""]]]
    assert [tag for tag in page.tags if tag.startswith("<t") and "align" in tag] == [
        "<th align=right>",
        *["<td align=right>"] * 2,
    ]


@pytest.mark.parametrize(
    ("rows", "most", "kept", "told"),
    [
        (ROWS, None, ROWS, ""),
        (ROWS + 1, None, ROWS, "… and 1 more."),
        (12_345, None, ROWS, f"… and {12_345 - ROWS:,} more."),
        (5, 2, 2, "… and 3 more."),
        (0, None, 0, ""),
    ],
)
def test_table_reports_number_of_omitted_rows(rows, most, kept, told):
    cells = ((f"r{row}", "x") for row in range(rows))
    page = Page(
        render_table(["a", "b"], cells) if most is None else render_table(["a", "b"], cells, most)
    )
    assert page.tables[0][1:] == [[f"r{row}", "x"] for row in range(kept)]
    assert page.of("p") == ([told] if told else [])


def test_details_contains_only_its_content():
    page = Page(
        render_details("Cost of it", "**b**\n\n" + render_table(["x"], [("y",)])) + "\n\nafter"
    )
    assert page.of("summary") == ["Cost of it"]
    assert page.around("y") == ("details", "table", "tbody", "tr", "td")
    assert page.around("b") == ("details", "p", "strong")
    assert page.around("after") == ("p",)


@pytest.mark.parametrize(
    ("value", "digits", "wanted"),
    [
        (None, 4, "–"),
        (NAN, 4, "–"),
        (np.float64("nan"), 4, "–"),
        (0, 4, "0"),
        (1_234_567, 4, "1,234,567"),
        (-12_345, 4, "-12,345"),
        (0.0, 4, "0.0000"),
        (0.77167, 4, "0.7717"),
        (np.float64(0.5), 2, "0.50"),
        (np.float32(1234.56), 1, "1,234.6"),
        (1234.5678, 1, "1,234.6"),
    ],
)
def test_number_formats_digits_separators_and_missing_values(value, digits, wanted):
    assert format_number(value, digits) == wanted


@pytest.mark.parametrize("value", [-0.0, -0.00001, -0.000049, 0.00001])
def test_value_rounding_to_zero_renders_without_sign(value):
    assert format_number(value) == "0.0000"
    assert format_signed_number(value) == "0"


@pytest.mark.parametrize(
    ("value", "digits", "wanted"),
    [
        (0, 4, "0"),
        (0.0015, 4, "+0.0015"),
        (-0.0015, 4, "−0.0015"),
        (-0.00005001, 4, "−0.0001"),
        (1234.5, 1, "+1,234.5"),
        (-1234.5, 1, "−1,234.5"),
        (np.float64(-1), 2, "−1.00"),
    ],
)
def test_signed_formats_difference_with_its_sign(value, digits, wanted):
    assert format_signed_number(value, digits) == wanted


@pytest.mark.parametrize("value", [NAN, np.float64("nan")])
def test_signed_renders_unknown_difference_as_dash(value):
    assert format_signed_number(value) == "–"


@pytest.mark.parametrize(("value", "shown"), [(INFINITY, "+inf"), (-INFINITY, "−inf")])
def test_signed_renders_infinite_difference(value, shown):
    assert format_signed_number(value) == shown


@given(st.floats(-1e6, 1e6), st.integers(1, 6))
def test_signed_value_equals_number_within_rounding(value, digits):
    told = float(format_signed_number(value, digits).replace("−", "-").replace(",", ""))
    assert abs(told - value) <= 0.5000001 * 10**-digits
    assert told == 0 or (told > 0) == (value > 0)


def test_injection_list_covers_every_escaped_character():
    tried = "".join(FRAGMENTS)
    assert set("\\`*_[]<>|~#&!$@") <= set(tried)
