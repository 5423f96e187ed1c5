"""What each test needs beyond the clone: markers, and a guard for tests without one."""

import os
import shutil
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

MARKERS = {
    "pipeline": "runs stages, DVC or a command of Tarmac in a workspace",
    "server": "starts a server: the service, PostgreSQL, S3, SSH, WebDAV, a fake of GitHub",
    "browser": "opens a page in Chromium",
    "java": "runs Spark",
    "node": "runs a program of Node",
    "program": "starts another program",
    "kill": "kills programs that run",
    "slow": "takes long without any of these",
    "repeated": "simulates, or kills at random: `make test-nightly` does it far more often",
}
BY_FIXTURE = {
    "finished_template": "pipeline",
    "small_template": "pipeline",
    "repository": "pipeline",
    "founded": "pipeline",
    "github": "server",
    "service": "server",
    "journal": "server",
    "chromium": "browser",
}
NIGHT = "NIGHTLY" in os.environ
STARTED: list[str] = []  # programs, by this process during the present test
ALLOWED = {"git", "lscpu"}  # in tests without a marker; joblib counts cores by lscpu, once
# Files that take longest are started first, so that no worker ends with one of them alone.
LONG = """
    e2e/test_project e2e/test_retrain problems/test_multiclass e2e/test_faults e2e/test_reproducible
    workflows/test_review_and_comment e2e/test_experiments e2e/test_sweep e2e/test_spark
    e2e/test_review e2e/test_merge problems/test_regression e2e/test_team e2e/test_kills
    problems/test_binary tarmac/monitoring/test_bad_months tarmac/repository/dvc/test_commands
    test_secrets e2e/test_bad_input e2e/test_machines e2e/test_registry
    tarmac/repository/dvc/test_recovery graph/test_files workflows/test_gpu
"""


# A busy machine is no fault of the code.
settings.register_profile("day", deadline=None, max_examples=50)
settings.register_profile("night", deadline=None, max_examples=1000)
settings.register_profile("once", deadline=None, max_examples=1)  # whether a test can run at all
settings.load_profile("night" if NIGHT else "day")


def times(by_day: int, by_night: int) -> int:
    """Return how often a test repeats what is random."""
    return by_night if NIGHT else by_day


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and `quick` for tests without one."""
    for name, meaning in {**MARKERS, "quick": "needs nothing but the clone"}.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark tests by their fixtures, those without a need as quick.

    Put files that take long first.
    """
    for item in items:
        for fixture in BY_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(BY_FIXTURE[fixture])
        if not any(item.get_closest_marker(name) for name in MARKERS):
            item.add_marker("quick")
    yield
    places = {f"tests/{name}.py": place for place, name in enumerate(LONG.split())}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(places)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Forget which programs were started before this test."""
    STARTED.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a quick test that starts a program, in its fixtures too."""
    result = yield
    others = sorted(set(STARTED) - ALLOWED)
    if others and item.get_closest_marker("quick"):
        names, markers = ", ".join(others), ", ".join(MARKERS)
        pytest.fail(f"a quick test starts {names}: mark it with one of {markers}")
    return result


def note_start(event: str, arguments: tuple[object, ...]) -> None:
    """Note the name of a program that this process starts."""
    if event == "subprocess.Popen" and shutil.which(str(arguments[0])):  # dulwich tries hooks
        STARTED.append(str(arguments[0]).rpartition("/")[2])


sys.addaudithook(note_start)
