"""The page on security claims nothing without naming what holds it."""

import re

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()
PATHS = sorted(set(re.findall(r"`((?:tests|src|docs|requirements|benchmarks)/[\w/.*-]+|Makefile)`", PAGE)))
TESTS = sorted(set(re.findall(r"`(test_\w+)` in `([\w/.]+)`", PAGE)))


def test_the_page_is_not_read():
    assert len(PATHS) > 15
    assert len(TESTS) > 10


@pytest.mark.parametrize("path", PATHS)
def test_a_file_that_is_named_does_not_exist(path):
    assert list(ROOT.glob(path))


@pytest.mark.parametrize(("name", "path"), TESTS)
def test_a_test_that_is_named_does_not_exist(name, path):
    assert re.search(rf"^(?:    )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)
