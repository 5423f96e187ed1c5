"""The mutation benchmark: the mutants that it makes, and how it counts those that tests detect."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.mutation.conventions import ELSEWHERE, find_tests
from benchmarks.mutation.report import read_equivalents, summarize
from benchmarks.mutation.sites import SWAPS, draw_mutants, find_mutants
from benchmarks.mutation.worker import Outcome, Plugin, Result, Runner, Task
from tests.conftest import ROOT

MODULE = """
'''A module.'''
from queue import SimpleQueue
SIZE = 3
def clip(value):
    return min(value, SIZE)
def double(value):
    return value * 2
def drain(queue):
    while not queue.empty():
        queue.get()
def sign(value):
    return value < 0
"""
TESTS = """
import queue, subprocess, sys
from tarmac.tiny import clip, double, drain
def test_clips():
    assert clip(5) == 3
def test_doubles():
    assert double(0) == 0
def test_drains():
    drain(queue.SimpleQueue())
def test_sign():
    code = "from tarmac.tiny import sign; print(sign(0), sign(-0.5))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"False True\\n"
"""
EVERY_OPERATOR = """
from typing import Literal, TYPE_CHECKING
__all__ = ["f"]
if TYPE_CHECKING:
    kept = 1
LIMIT: Literal[7] = 3
@dataclass(frozen=True)
class Box:
    size: int = 5
    def grow(self, by: Literal[8] = 1):
        '''Grow by 9.'''
        assert by > 10
        self.size += by
        self.size //= 2  # not + but //
        return True
def f(a, b, *, strict=False):
    x = [one for one in a if one and not b]
    while (a <= b) or (a is not None
           and b not in x):
        print(f"{a + 1:.2f} é {b[1:]} {a ** 2 if a == b else -a}")
    for one, other in zip(a, b, strict=True):
        x[one] = -other % (a
                           - b) * 4.5
    x += "text"
    return (
        x[1:-1]
    )
"""


def run(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark on a small checkout that has only the module and these tests."""
    package = folder / "src" / "tarmac"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tiny.py").write_text(MODULE)
    (folder / "tests" / "tarmac").mkdir(parents=True)
    (folder / "tests" / "tarmac" / "test_tiny.py").write_text(tests)
    command = [
        sys.executable,
        "-m",
        "benchmarks.mutation",
        "--root",
        folder,
        "--modules",
        "tarmac/tiny",
    ]
    return subprocess.run(
        [*command, "--seed", "1", "--count", "99", "--margin", "1", *options],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("mutation")
    done = run(folder, TESTS, "--json", str(folder / "found.json"))
    assert done.returncode == 0, done.stderr
    (module,) = json.loads((folder / "found.json").read_text())["modules"]
    return {**module, "table": done.stdout, "progress": done.stderr}


@pytest.mark.program
def test_lists_mutants_that_no_test_detects(measured):
    survivors = [(one["line"], one["after"]) for one in measured["survivors"]]
    doubled = [(8, f"return value {changed}") for changed in ("* 1", "* 3", "/ 2")]
    assert sorted(survivors) == sorted([*doubled, (11, "pass")])
    diff = "src/tarmac/tiny.py:8 arithmetic\n- return value * 2\n+ return value / 2\n"
    assert diff in measured["table"]


@pytest.mark.program
def test_counts_every_other_mutant_as_killed(measured):
    assert measured["run"] == measured["sites"]
    assert measured["killed"] == measured["sites"] - 4
    assert measured["share"] == round(measured["killed"] / measured["sites"], 3)


@pytest.mark.program
def test_kills_mutants_of_module_level_constant(measured):
    assert measured["progress"].count("tarmac/tiny:4 number failed") == 2


@pytest.mark.program
def test_kills_mutant_that_runs_without_end(measured):
    assert "tarmac/tiny:10 not timeout" in measured["progress"]


@pytest.mark.program
def test_kills_mutant_in_child_process_of_test(measured):
    assert "tarmac/tiny:13 comparison failed" in measured["progress"]


@pytest.mark.parametrize(
    ("seconds", "ended"),
    [([1.0, 1.1], "timeout"), ([1.0, 9.0], "failed"), ([1.0, 9.0, 90.0], "survived")],
)
def test_timeout_counts_only_if_clean_run_is_not_slower(tmp_path, seconds, ended):
    class Scripted(Runner):
        """A mutant that ends after the last limit but one, on a machine that gets slower."""

        def run_clean(self) -> float:
            return seconds.pop(0)

        def run(self, mutant: Path | None, limit: float) -> str:
            return ended if not seconds else "timeout"

    runner = Scripted(Task(str(tmp_path), "tarmac/tiny", [], 1, 1, 5.0, str(tmp_path)))
    runner.set_limit()
    assert runner.run_mutant(tmp_path / "mutant.json") == ended
    assert seconds == []


def test_runs_fast_tests_of_file_first():
    names = ["b.py::new", "b.py::slow", "b.py::fast", "a.py::slow"]
    items = [SimpleNamespace(path=name.split(":")[0], nodeid=name) for name in names]
    plugin = Plugin({"b.py::slow": 9.0, "b.py::fast": 1.0, "a.py::slow": 9.0})
    plugin.pytest_collection_modifyitems(items)
    ordered = ["a.py::slow", "b.py::new", "b.py::fast", "b.py::slow"]
    assert [item.nodeid for item in items] == ordered


@pytest.mark.program
def test_stops_if_tests_fail_without_mutant(tmp_path):
    done = run(tmp_path, "def test_fails():\n    assert not 'reason'")
    assert done.returncode == 1
    assert "error: tests of tarmac/tiny fail without a mutant" in done.stderr
    assert "assert not 'reason'" in done.stderr


def test_same_seed_draws_same_mutants():
    mutants = find_mutants(EVERY_OPERATOR.encode())
    first, again, other = (draw_mutants(mutants, 9, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_mutant_is_valid_python_and_unique():
    source = EVERY_OPERATOR.encode()
    mutants = find_mutants(source)
    trees = [ast.dump(ast.parse(mutant.apply(source))) for mutant in mutants]
    assert ast.dump(ast.parse(source)) not in trees
    assert len(set(trees)) == len(trees)


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        (6, ["LIMIT: Literal[7] = 4", "LIMIT: Literal[7] = 2"]),
        (9, ["size: int = 6", "size: int = 4"]),
        (10, [f"def grow(self, by: Literal[8] = {value}):" for value in (2, 0)]),
        (13, ["self.size -= by", "pass"]),
        (15, ["return None", "return False"]),
        (16, ["def f(a, b, *, strict=True):"]),
        (24, ["pass"]),
    ],
)
def test_makes_each_mutant_of_line_once(line, lines):
    assert sorted(changed(line)) == sorted(lines)


def changed(line: int) -> list[str]:
    source = EVERY_OPERATOR.encode()
    mutants = [one for one in find_mutants(source) if one.find_line(source) == line]
    return [mutant.show_lines(source)[1] for mutant in mutants]


@pytest.mark.parametrize(
    "line",
    [
        "x = [one for one in a if not (one and not b)]",
        "x = [one for one in a if one or not b]",
        "x = [one for one in a if one and b]",
        "while not ((a <= b) or (a is not None and b not in x)):",
        "while (a < b) or (a is not None and b not in x):",
        "while (a <= b) or (a is None and b not in x):",
        "while (a <= b) or (a is not None or b not in x):",
        "while (a <= b) or (a is not None and b in x):",
        'print(f"{a - 1:.2f} é {b[1:]} {a ** 2 if a == b else -a}")',
        'print(f"{a + 1:.2f} é {b[:]} {a ** 2 if a == b else -a}")',
        'print(f"{a + 1:.2f} é {b[1:]} {a * 2 if a == b else -a}")',
        'print(f"{a + 1:.2f} é {b[1:]} {a ** 2 if a != b else -a}")',
        'print(f"{a + 1:.2f} é {b[1:]} {a ** 2 if a == b else a}")',
        "x[one] = -other % (a - b) / 4.5",
        "x[one] = -other % (a - b) * 5.5",
        "x[one] = -other * (a - b) * 4.5",
        "x[one] = -other % (a + b) * 4.5",
        "x[one] = other % (a - b) * 4.5",
        "return ( x[:-1] )",
        "return ( x[1:] )",
        "return ( None )",
    ],
)
def test_makes_mutants_of_each_operator(line):
    source = EVERY_OPERATOR.encode()
    whole = [" ".join(mutant.apply(source).decode().split()) for mutant in find_mutants(source)]
    assert [text for text in whole if line in text]


@pytest.mark.parametrize("line", [3, 4, 5, 7, 11, 12])
def test_leaves_what_does_not_change_behavior_alone(line):
    assert changed(line) == []


def test_leaves_strictness_of_zip_alone():
    assert not [line for line in changed(21) if "strict=False" in line]


def test_swaps_lead_to_known_symbols():
    assert set(SWAPS.values()) <= set(SWAPS)


def test_equivalent_mutants_are_not_counted(tmp_path):
    outcomes = [Outcome(1, "comparison", "a < b", f"a {symbol} b", "survived") for symbol in "<>"]
    outcomes.append(Outcome(2, "number", "1", "2", "failed"))
    (tmp_path / "known").write_text("# Words.\n\na/b\n- a < b\n+ a > b\nThey never are equal.\n")
    equivalents = read_equivalents(tmp_path / "known")
    summary = summarize(Result("a/b", 5, outcomes, 1.0, 1.0), equivalents)
    assert (summary["killed"], summary["survived"], summary["equivalent"]) == (1, 1, 1)
    assert summary["share"] == 0.5
    assert [one["after"] for one in summary["survivors"]] == ["a < b"]


def test_finds_own_tests_by_name_and_by_exception():
    assert find_tests(ROOT, "tarmac/repository/dvc/object_store") == [
        "tests/tarmac/repository/dvc/test_object_store.py"
    ]
    names = [
        "tests/tarmac/pipeline/metrics/test_metrics.py",
        "tests/tarmac/pipeline/metrics/test_slices.py",
    ]
    assert find_tests(ROOT, "tarmac/pipeline/metrics/metrics") == names
    assert find_tests(ROOT, "flights/tables/clean") == ["tests/flights/tables/test_clean.py"]
    assert find_tests(ROOT, "no/module") == []


def test_exceptions_name_modules_and_tests_that_exist():
    modules = [f"src/{module}.py" for module in ELSEWHERE]
    tests = [f"tests/{name}" for names in ELSEWHERE.values() for name in names]
    assert [name for name in modules + tests if not (ROOT / name).is_file()] == []


def test_known_equivalents_are_lines_of_their_modules():
    for module, before, _ in read_equivalents():
        source = (ROOT / "src" / f"{module}.py").read_text(encoding="utf-8")
        assert before in " ".join(source.split()), (module, before)
