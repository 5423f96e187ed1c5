"""Every file and every test that the security page cites exists."""

import re

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()
PATHS = sorted(
    set(re.findall(r"`((?:tests|src|docs|requirements|benchmarks)/[\w/.*-]+|Makefile)`", PAGE))
)
TESTS = sorted(set(re.findall(r"`(test_\w+)` in `([\w/.]+)`", PAGE)))


def test_page_cites_files_and_tests():
    assert len(PATHS) > 15
    assert len(TESTS) > 10


@pytest.mark.parametrize("path", PATHS)
def test_cited_file_exists(path):
    assert list(ROOT.glob(path))


@pytest.mark.parametrize(("name", "path"), TESTS)
def test_cited_test_exists(name, path):
    assert re.search(rf"^(?:    )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)
