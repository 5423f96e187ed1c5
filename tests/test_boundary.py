"""The border between the problem and the rest: a team that replaces one folder must not find its words elsewhere."""

import re

import pytest

from tests.conftest import ROOT

WORDS = re.compile(
    r"flight|carrier|airport|airline|aircraft|\bplane|weather|tail ?num|\blate\b|new york", re.IGNORECASE
)
TEXTS = {".py", ".txt", ".html", ".css", ".js"}
OUTSIDE = sorted(path for path in (ROOT / "src" / "tarmac").rglob("*") if path.suffix in TEXTS)


@pytest.mark.parametrize("path", [*OUTSIDE, ROOT / "Makefile"], ids=lambda path: path.name)
def test_a_word_of_the_problem_outside_its_folder(path):
    found = [f"{number}: {line}" for number, line in enumerate(path.read_text().splitlines(), 1) if WORDS.search(line)]
    assert not found, "\n".join(found)


def test_the_search_would_see_a_word():
    flights = (ROOT / "src" / "flights").rglob("*.py")
    assert sum(bool(WORDS.search(path.read_text())) for path in flights) > 10
