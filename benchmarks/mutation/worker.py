"""Run the own tests of one module once per mutant, each in a forked process.

Libraries are imported before the first fork. The module and its tests are imported in each fork: a
mutant can be anywhere in the module, also in its constants, classes and decorators.
"""

import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from benchmarks.mutation import loader
from benchmarks.mutation.sites import draw_mutants, find_mutants

FACTOR = 10  # a mutant may take so many times the seconds of the clean run, plus the margin
SLOWER = 1.5  # if the limit has grown so much since, a mutant is run again
MEMORY = 8 * 2**30  # bytes that a process of a mutant may take
POLL = 0.02  # seconds
LOCAL = ("src", "tests", "benchmarks")  # folders whose modules each fork imports itself


@dataclass(frozen=True)
class Task:
    """A module of a checkout, its tests, the sample of its mutants, and a folder for files."""

    root: str
    module: str
    tests: list[str]
    count: int
    seed: int
    margin: float
    scratch: str


@dataclass(frozen=True)
class Outcome:
    """A mutant, and how its tests ended: `failed`, `timeout` or `survived`."""

    line: int
    operator: str
    before: str
    after: str
    ended: str


@dataclass(frozen=True)
class Result:
    """The mutants of a module that were run, and the seconds that this took."""

    module: str
    sites: int
    outcomes: list[Outcome]
    wall: float
    cpu: float


class Plugin:
    """A plugin of pytest: runs fast tests of a file first, and makes Hypothesis reproducible."""

    def __init__(self, seconds: dict[str, float]) -> None:
        """Take the seconds of known tests."""
        self.seconds = seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Order the tests."""
        items.sort(key=lambda item: (item.path, self.seconds.get(item.nodeid, 0)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the seconds of a test."""
        if report.when == "call":
            self.seconds[report.nodeid] = report.duration

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Derive a profile from that of the tests: the same examples every time, not shrunk."""
        changes = {
            "database": None,
            "derandomize": True,
            "phases": (Phase.explicit, Phase.generate),
            "suppress_health_check": (HealthCheck.too_slow,),
        }
        settings.register_profile("mutation", settings.default, **changes)
        settings.load_profile("mutation")


class Runner:
    """Run the tests of a task in forked processes."""

    def __init__(self, task: Task) -> None:
        """Take the task."""
        self.task, self.scratch = task, Path(task.scratch)
        self.log, self.notes = self.scratch / "log", self.scratch / "notes.json"
        self.seconds: dict[str, float] = {}
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--rootdir={task.root}"]
        self.arguments = [*options, f"--basetemp={self.scratch / 'session'}", *task.tests]

    def run_clean(self) -> float:
        """Return the seconds of a run without a mutant. End the program if the tests fail."""
        begin = time.monotonic()
        if self.run(None, float("inf")) != "survived":
            output = self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
            sys.exit(f"error: tests of {self.task.module} fail without a mutant\n{output}")
        return time.monotonic() - begin

    def run_mutant(self, mutant: Path) -> str:
        """Return how the tests end. A timeout counts if a clean run is not slower than before."""
        ended, limit = self.run(mutant, self.limit), self.limit
        if ended == "timeout":
            self.set_limit()
            if self.limit > SLOWER * limit:  # because of what else the machine does
                return self.run_mutant(mutant)
        return ended

    def set_limit(self) -> None:
        """Give mutants a multiple of the seconds of a clean run."""
        self.limit = FACTOR * self.run_clean() + self.task.margin

    def run(self, mutant: Path | None, limit: float) -> str:
        """Return how the tests end with a mutant, within a limit in seconds."""
        child, end, ended = os.fork(), time.monotonic() + limit, (0, 0)
        if not child:
            self._run_tests(mutant)
        while not ended[0] and time.monotonic() < end:
            time.sleep(POLL)
            ended = os.waitpid(child, os.WNOHANG)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # also what the tests have left running
        if not ended[0]:
            os.waitpid(child, 0)
            return "timeout"
        return "failed" if ended[1] else "survived"

    def _run_tests(self, mutant: Path | None) -> None:
        """Run pytest in this process, and end it."""
        code = 1
        try:
            os.setsid()
            output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for stream in (1, 2):
                os.dup2(output, stream)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            if mutant is not None:
                os.environ[loader.VARIABLE] = str(mutant)
                loader.install_loader()
            plugin = Plugin(self.seconds)
            code = pytest.main(self.arguments, plugins=[plugin])
            if mutant is None:
                notes = [list_libraries(self.task.root), plugin.seconds]
                self.notes.write_text(json.dumps(notes), encoding="utf-8")
        finally:
            sys.stdout.flush()
            os._exit(code)

    def read_notes(self) -> None:
        """Import the libraries that the clean run has imported, and learn how long each test is."""
        libraries, self.seconds = json.loads(self.notes.read_text(encoding="utf-8"))
        for name in libraries:
            with suppress(Exception):  # some modules can be imported only by their own program
                importlib.import_module(name)
        gc.freeze()  # otherwise every collection copies the memory that forks share


def list_libraries(root: str) -> list[str]:
    """Return the names of the imported modules that are not of the checkout."""
    local = tuple(f"{root}/{name}/" for name in LOCAL)
    modules = [(name, getattr(module, "__file__", "")) for name, module in sys.modules.items()]
    return [name for name, path in modules if not (path or "").startswith(local)]


def measure(task: Task) -> Result:
    """Run the tests on the clean module twice, then on each mutant."""
    begin, runner, outcomes = time.monotonic(), Runner(task), []
    source = Path(task.root, "src", f"{task.module}.py").read_bytes()
    name = task.module.removesuffix("/__init__").replace("/", ".")
    mutants, path = find_mutants(source), runner.scratch / "mutant.json"
    runner.run_clean()
    runner.read_notes()
    runner.set_limit()
    for mutant in draw_mutants(mutants, task.count, task.seed):
        loader.write_mutant(path, name, source, mutant.apply(source))
        line, lines = mutant.find_line(source), mutant.show_lines(source)
        outcomes.append(Outcome(line, mutant.operator, *lines, runner.run_mutant(path)))
        print(f"{task.module}:{line} {mutant.operator} {outcomes[-1].ended}", file=sys.stderr)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
    return Result(task.module, len(mutants), outcomes, time.monotonic() - begin, cpu)


if __name__ == "__main__":
    del os.environ["PYTHONPATH"]  # only this process finds `benchmarks` by it
    os.environ["PYTEST_XDIST_WORKER"] = "mutant"  # forks share what `tests.conftest.once` makes
    print(json.dumps(asdict(measure(Task(**json.loads(sys.argv[1]))))))
