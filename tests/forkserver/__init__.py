"""Fork Python: a server imports the heavy packages once, and `python` requests a fork.

Starting Python and importing pandas, scikit-learn and DVC takes longer than most of what tests run.
A fork differs from a start of its own in little: what a program forgets to import may be there.
`--real-python` runs without it.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
OWN = ("DVC", "GIT", "PYTEST", "PYTHON")  # variables that a workspace must not get
FOLDER = "FORKSERVER"  # the variable that names the folder of `python`
COMMAND = """\
#!{python} -IS
import sys
sys.path.insert(0, {here!r})
import client
client.main({python!r}, {socket!r})
"""


def isolate(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a process in a workspace: none of the test run's own."""
    kept = {name: value for name, value in variables.items() if not name.startswith(OWN)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "DVC_NO_ANALYTICS": "1"}


def start(folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the server, which imports at the first request.

    The command `python` in `folder` requests forks from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "socket"
    command = folder / "python"
    command.write_text(COMMAND.format(python=sys.executable, here=str(HERE), socket=str(socket)))
    command.chmod(0o755)
    os.environ[FOLDER] = str(folder)
    command = [sys.executable, "-P", HERE / "server.py", socket]
    server = subprocess.Popen(command, env=dict(environment), cwd=folder)
    while not socket.exists() and server.poll() is None:
        os.sched_yield()
    return server


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and wait for it, so that its forks count as CPU time of the test run."""
    del os.environ[FOLDER]
    server.terminate()
    server.wait()


def python() -> str:
    """Return the command that forks Python, or Python itself where no server runs."""
    return str(Path(os.environ[FOLDER]) / "python") if FOLDER in os.environ else sys.executable


def on_path(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the command `python` of the server before others."""
    folders = [os.environ[FOLDER]] if FOLDER in os.environ else []
    return {**environment, "PATH": os.pathsep.join([*folders, environment["PATH"]])}
