"""The service as a process of its own on the loopback, and clients that talk to it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.conftest import ROOT
from tests.postgres import HOST, free_port
from tests.waiting import PATIENCE, wait_for


@dataclass(frozen=True)
class Service:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def client(self, **settings: Any) -> httpx.Client:
        """A client that keeps its connections; without a proxy of the environment."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False, **settings)

    def logged(self, name: str, value: str) -> list[dict[str, Any]]:
        """The lines of its log where something has a value."""
        wanted = f'"{name}": "{value}"'
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if wanted in line]

    def events(self, name: str) -> list[dict[str, Any]]:
        return self.logged("event", name)

    def memory(self) -> int:
        """Return the resident bytes of the process that responds.

        If there are several workers, they are those of the parent and its workers.
        """
        whole = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in [whole, *whole.children(recursive=True)])

    def workers(self) -> list[int]:
        """Return the process numbers of the running workers.

        The resource tracker of multiprocessing is left out.
        """
        children = psutil.Process(self.process.pid).children()
        return [child.pid for child in children if "spawn_main" in _command(child)]

    def stop(self) -> int:
        """Ask it to stop, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


@contextmanager
def running(
    bundle: Path,
    log: Path,
    /,
    limits: Mapping[str, Any] | None = None,
    ready: bool = True,
    code: Path = ROOT,
    **settings: object,
) -> Iterator[Service]:
    """Run the service from its first response to its stop, which has to be clean.

    `settings` are TARMAC_<NAME>.
    """
    port = free_port()
    given = {
        "bundle": bundle,
        "shadow": log.parent / "no-shadow",
        "host": HOST,
        "port": port,
        **settings,
    }
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TARMAC_", "PROMETHEUS_"))
    }
    environment = {
        **kept,
        **{f"TARMAC_{name.upper()}": str(value) for name, value in given.items()},
    }
    environment |= {
        "LIMITS": json.dumps(limits or {}),
        "PYTHONPATH": os.pathsep.join([str(code / "src"), str(ROOT)]),
    }
    program = "tests.tarmac.serving.limited" if limits else "tarmac.serving"
    command = [sys.executable, "-m", program]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        service = Service(port, process, log)
        try:
            wait_for(lambda: _answers(service, ready), "the service answers")
            yield service
            if process.poll() is None:
                assert service.stop() == 0, log.read_text(errors="replace")[-3000:]
        finally:
            _end(process)
    assert "Traceback" not in log.read_text(errors="replace"), log.read_text(errors="replace")[
        -5000:
    ]


def _answers(service: Service, ready: bool) -> bool:
    assert service.process.poll() is None, (
        f"the service ended:\n{service.log.read_text(errors='replace')}"
    )
    try:
        return httpx.get(f"{service.url}/health", trust_env=False).status_code == 200 or not ready
    except httpx.TransportError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of it running, whatever a test did."""
    if process.poll() is None:
        for one in [*psutil.Process(process.pid).children(recursive=True), process]:
            one.kill()
        process.wait()
