"""How names, numbers and months are written."""

import pytest

from tarmac.dashboard import words


def test_axis_labels_later_january_with_its_year():
    assert words.format_month_ticks(["2013-11", "2013-12", "2014-01", "2014-02"]) == [
        "Nov",
        "Dec",
        "2014",
        "Feb",
    ]
    assert words.format_month_ticks(["2013-01", "2013-02"]) == ["Jan", "Feb"]
    assert words.format_month_range(["2013-11", "2014-01"]) == "November 2013 to January 2014"


def test_unknown_values_are_written_as_dash_or_words():
    assert [
        words.format_interval(None, 0.1),
        words.format_difference(None),
        words.format_share(None),
    ] == ["–"] * 3
    assert words.format_estimate(None) == "not known"


@pytest.mark.parametrize(
    ("names", "written"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abcde"), "a, b, c, d and e"),
        (list("abcdef"), "a, b, c, d and 2 more"),
    ],
)
def test_only_lists_longer_than_five_are_shortened(names, written):
    assert words.join_names(names) == written
