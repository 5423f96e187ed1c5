"""The counts of a source tree are those that a person finds in it."""

from pathlib import Path

import pytest

from benchmarks import readability

SOURCE = '''
class Reader:
    @property
    def size(self):
        return 1

    def read_rows(self):
        return [row for row in sorted(x for x in "ab")]


def told():
    pass


def run():
    return """a line of 101 characters \
2345678901234567890123456789012345678901234567890123456789012345678"""


async def load_month():
    return {}
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a/rows.py", "b/rows.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(SOURCE)
    (tmp_path / "a/template.py").write_text("from {{ name }} import x\n")
    (tmp_path / "a/tests").mkdir()
    (tmp_path / "a/tests/rows.py").write_text(SOURCE)
    return tmp_path


def test_counts_modules_functions_and_names(tree: Path) -> None:
    found = readability.measure(tree)
    assert (found.modules, found.functions) == (2, 10)
    assert found.lines == 2 * len(SOURCE.splitlines())
    # Of told, run, read_rows, load_month; size is a property.
    assert found.one_word_names == pytest.approx(4 / 8)
    assert found.participle_names == pytest.approx(2 / 8)  # told, in both
    assert (found.class_names_twice, found.module_names_twice) == (1, 1)
    assert (found.median_function, found.longest_function) == (2, 2)
    assert found.long_lines == pytest.approx(2 / found.lines)
    assert found.comprehensions == pytest.approx(4 / 10)


def test_counts_nothing_in_an_empty_tree(tmp_path: Path) -> None:
    assert readability.measure(tmp_path) == readability.Figures(*[0] * 12)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("read_month", ["read", "month"]),
        ("_HTTPServer2", ["http", "server2"]),
        ("told", ["told"]),
        ("__init__", ["init"]),
    ],
)
def test_splits_names_into_words(name: str, words: list[str]) -> None:
    assert readability.split_words(name) == words


@pytest.mark.parametrize("word", ["told", "drawn", "joined", "found", "moved"])
def test_recognizes_participles(word: str) -> None:
    assert readability.is_participle(word)


@pytest.mark.parametrize("word", ["read", "run", "seed", "split", "feed", "score"])
def test_does_not_take_verbs_for_participles(word: str) -> None:
    assert not readability.is_participle(word)


def test_table_has_a_column_for_each_tree(tree: Path) -> None:
    lines = readability.table(["old", "new"], [readability.measure(tree)] * 2).splitlines()
    assert lines[0] == "| | old | new |"
    assert "| one word names | 50.0% | 50.0% |" in lines
    assert "| comprehensions | 0.40 | 0.40 |" in lines
