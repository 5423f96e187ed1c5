"""A forked Python behaves like a fresh interpreter, and a fresh one starts where it would not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import forkserver

pytestmark = pytest.mark.program

STATE = """
import json, os, sys
print(json.dumps({
    "arguments": sys.argv, "folder": os.getcwd(), "path": sys.path, "variables": dict(os.environ), \
"name": __name__,
    "input": sys.stdin.read(), "loaded": "pandas" in sys.modules, "own": "tarmac" in sys.modules,
}))
"""


def run(
    python: str, *words: str, folder: Path, code: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env = {**kept, **variables}
    return subprocess.run(
        [python, *words],
        cwd=folder,
        env=env,
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )


def state(python: str, *words: str, folder: Path, **variables: str) -> dict:
    done = run(python, *words, folder=folder, code="given", **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def python() -> str:
    if forkserver.python() == sys.executable:
        pytest.skip("--real-python: no server runs")
    return forkserver.python()


@pytest.mark.parametrize("variables", [{}, {"PYTHONPATH": "lib"}, {"TZ": "Asia/Tokyo"}], ids=str)
@pytest.mark.parametrize("kind", ["code", "module", "file", "script"])
def test_fork_sees_same_process_state_as_fresh_start(
    python: str, tmp_path: Path, kind: str, variables: dict[str, str]
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "shown.py").write_text(STATE)
    words = {
        "code": ("-c", STATE, "a b"),
        "module": ("-m", "shown", "a b"),
        "file": ("-P", "shown.py", "a b"),
        "script": (str(tmp_path / "shown.py"), "a b"),
    }[kind]
    forked, started = (
        state(each, *words, folder=tmp_path, **variables) for each in (python, sys.executable)
    )
    assert (forked.pop("loaded"), started.pop("loaded")) == (True, False)
    assert forked == started
    assert not forked["own"]


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('bad input')",
        "import os; os._exit(4)",
        "raise ValueError('no')",
        "import os; os.abort()",
        "import os; os.kill(os.getpid(), 9)",
        "import atexit; atexit.register(print, 'at exit'); print('first')",
        "import threading; threading.Timer(0.1, print, ['late']).start()",
    ],
)
def test_fork_exits_like_fresh_start(python: str, tmp_path: Path, code: str) -> None:
    forked, started = (run(each, "-c", code, folder=tmp_path) for each in (python, sys.executable))
    assert (forked.returncode, forked.stdout) == (started.returncode, started.stdout)
    assert forked.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]


@pytest.mark.parametrize(
    "variables", [{"PYTHONHASHSEED": "1"}, {"OMP_NUM_THREADS": "7"}, {"PYTHONUTF8": "0"}], ids=str
)
def test_startup_variable_forces_fresh_start(python, tmp_path, variables) -> None:
    assert not state(python, "-c", STATE, folder=tmp_path, **variables)["loaded"]


def test_changed_resource_limit_forces_fresh_start(python: str, tmp_path: Path) -> None:
    command = ["bash", "-c", f'ulimit -n 100; "{python}" -c "$0"', STATE]
    done = subprocess.run(
        command, cwd=tmp_path, input="", capture_output=True, text=True, check=True
    )
    assert not json.loads(done.stdout)["loaded"]


def test_killing_caller_ends_its_fork(python: str, tmp_path: Path) -> None:
    code = (
        "import os, pathlib, time; "
        "pathlib.Path('id').write_text(str(os.getpid()) + '.'); time.sleep(600)"
    )
    caller = subprocess.Popen([python, "-c", code], cwd=tmp_path)
    written = tmp_path / "id"
    until(lambda: written.exists() and written.read_text().endswith("."))
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    until(lambda: not Path("/proc", written.read_text().rstrip(".")).exists())


def until(holds, seconds: float = 60) -> None:
    last = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.01)
