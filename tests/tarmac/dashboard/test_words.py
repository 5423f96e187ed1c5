"""How names, numbers and months are written."""

import pytest

from tarmac.dashboard import words


def test_a_year_begins_without_a_name_on_the_axis():
    assert words.ticks(["2013-11", "2013-12", "2014-01", "2014-02"]) == ["Nov", "Dec", "2014", "Feb"]
    assert words.ticks(["2013-01", "2013-02"]) == ["Jan", "Feb"]
    assert words.span(["2013-11", "2014-01"]) == "November 2013 to January 2014"


def test_what_is_not_known_is_written_as_a_number():
    assert [words.between(None, 0.1), words.difference(None), words.share(None)] == ["–"] * 3
    assert words.estimate(None) == "not known"


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
def test_one_name_is_cut_to_say_that_there_is_one_more(names, written):
    assert words.listed(names) == written
