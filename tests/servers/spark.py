"""Run a real standalone cluster of Spark: a master and its workers.

Each is a process of this machine, on loopback.
"""

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.postgres import HOST, free_port
from tests.waiting import wait_for

PATIENCE = 120  # seconds for a process of Java to be there, on a machine that does much else
# What suits small data and short lives: few tasks, a compiler that starts quickly, no waiting for
# the dead.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SETTINGS = {
    "spark.driver.extraJavaOptions": JAVA,
    "spark.driver.memory": "700m",
    "spark.executor.extraJavaOptions": JAVA,
    "spark.executor.memory": "700m",
    "spark.locality.wait": "0s",
    "spark.shuffle.io.maxRetries": "1",
    "spark.shuffle.io.retryWait": "1s",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}
LOG = """rootLogger.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
"""


def home() -> Path:
    """Return the folder in which PySpark keeps Spark.

    Without it or Java a test skips. In CI the test fails, because a skip would look like success.
    """
    found = find_spec("pyspark")
    if found and found.origin and shutil.which("java"):
        return Path(found.origin).parent
    missing, target = ("Java", "servers") if found else ("PySpark", "spark")
    reason = f"{missing} is not here: `make {target}` brings it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Cluster:
    """A master, and workers of one core each.

    A worker that is killed takes what it runs with it.
    """

    home: Path
    folder: Path
    port: int = field(default_factory=free_port)
    page: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a driver needs to find it."""
        places = {
            "MASTER": f"spark://{HOST}:{self.port}",
            "SPARK_CONF_DIR": str(self.folder / "conf"),
        }
        return {**places, "SPARK_LOCAL_IP": HOST, "SPARK_HOME": str(self.home)}

    def start(self, name: str, *arguments: str) -> None:
        """Start the master or a worker, as a group of processes with scratch space of its own."""
        (self.folder / name).mkdir()
        local = {
            "SPARK_LOCAL_DIRS": str(self.folder / name),
            "SPARK_DAEMON_MEMORY": "200m",
            "SPARK_DAEMON_JAVA_OPTS": JAVA,
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [self.home / "bin" / "spark-class", *arguments],
                env={**os.environ, **self.environment, **local},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def add(self, name: str) -> None:
        """Start a worker."""
        places = ["--host", HOST, "--webui-port", "0", "--work-dir", str(self.folder / name)]
        size = ["--cores", "1", "--memory", "1g", self.environment["MASTER"]]
        self.start(name, "org.apache.spark.deploy.worker.Worker", *places, *size)

    def alive(self) -> int:
        """Workers that the master counts on."""
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://{HOST}:{self.page}/json/", timeout=5) as answer,
        ):
            return json.load(answer)["aliveworkers"]
        return -1

    def wait(self, workers: int) -> None:
        """Return when the master has so many workers, and fail where that takes too long."""

        def describe() -> str:
            logs = "".join(path.read_text() for path in self.folder.glob("*.log"))
            return f"Spark has {workers} workers:\n{logs}"

        wait_for(lambda: self.alive() == workers, describe, PATIENCE)

    def holds(self, name: str, since: float) -> bool:
        """Whether a worker has made something, since a time, that others will ask it for."""
        return any(
            path.stat().st_mtime > since for path in (self.folder / name).rglob("shuffle_*.data")
        )

    def fits(self, name: str) -> bool:
        """Return whether a worker has met another one to fit.

        Then Python of one has a connection to Python of the other.
        """
        with suppress(psutil.Error):
            ports = {
                line.laddr.port
                for other in self.processes.keys() - {name}
                for line in self.lines(other)
            }
            return any(line.raddr and line.raddr.port in ports for line in self.lines(name))
        return False

    def lines(self, name: str) -> list:
        """The connections of the Python that a process has started."""
        started = map(psutil.Process, children(self.processes[name].pid))
        return [line for one in started if "python" in one.name() for line in one.net_connections()]

    def kill(self, name: str) -> None:
        """End a process and all that it started, as a power cut would."""
        process = self.processes.pop(name)
        for child in (process.pid, *children(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.wait()


def children(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended since
            for child in map(int, task.read_text().split()):
                found += [child, *children(child)]
    return found


def configure(folder: Path, **own: str) -> None:
    """Make a `SPARK_CONF_DIR`; a setting of its own has `_` for each dot of its name."""
    folder.mkdir()
    settings = {**SETTINGS, **{name.replace("_", "."): value for name, value in own.items()}}
    (folder / "spark-defaults.conf").write_text(
        "".join(f"{name} {value}\n" for name, value in settings.items())
    )
    (folder / "log4j2.properties").write_text(LOG)


@contextmanager
def spark(folder: Path) -> Iterator[Cluster]:
    """A master and two workers."""
    cluster = Cluster(home(), folder)
    configure(folder / "conf")
    places = ["--host", HOST, "--port", str(cluster.port), "--webui-port", str(cluster.page)]
    try:
        cluster.start("master", "org.apache.spark.deploy.master.Master", *places)
        cluster.wait(0)
        for name in ("first", "second"):
            cluster.add(name)
        cluster.wait(2)
        yield cluster
    finally:
        for name in list(cluster.processes):
            cluster.kill(name)
