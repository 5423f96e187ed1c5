"""Spark session on the cluster that the machine's own Spark settings name.

Without such settings it is on this machine.
"""

import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.resources import ADDRESS, OWN_ADDRESS

PATIENCE = 5  # seconds for a master to answer; Spark itself would try for a minute
ALONE = 120  # seconds for workers to come back; Spark itself would wait for ever, and say nothing
LOG = Path(".dvc/tmp/tarmac/spark.log")  # what Java says, for whoever looks for a cause


class ClusterError(UserError):
    """Spark cannot be had here, or gave up."""


@cache
def open_session() -> Any:
    """Return the one session of this process.

    Spark's own settings say where it runs (`MASTER`, or `spark.master` in its
    `spark-defaults.conf`). Without them it runs on this machine. Raise `ClusterError` if PySpark,
    Java or the master is missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        message = "engine is pyspark, but PySpark is not installed"
        raise ClusterError(message, "install it with `make spark`") from None
    if not shutil.which("java", path=_find_java()):
        raise ClusterError(
            "Spark needs Java 17 or newer, and no Java was found",
            "install it (Debian: `apt-get install default-jre-headless`), or set JAVA_HOME",
        )
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if ADDRESS is None:
        os.environ.pop(OWN_ADDRESS, None)
    with translate_errors():
        _check_master(_find_master())
        return _configure_builder(SparkSession.builder).getOrCreate()


def _find_java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin")) if home else None


def _configure_builder(builder: Any) -> Any:
    """Set only what results and workers need.

    Memory, cores and all else are for the machine's own settings.
    """
    # Both packages.
    code = dict.fromkeys([str(Path(__file__).resolve().parents[2]), str(problem.folder.parent)])
    settings = {
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(
            code
        ),  # a worker runs this code, from where it is
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.showConsoleProgress": "false",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.appName("tarmac")


def _find_master() -> str:
    """The master that Spark's settings come to."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is None and LOG.parents[2].is_dir():
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open("wb") as log:
            start: Any = launch_gateway  # it has no types
            gateway = start(popen_kwargs={"stderr": log})
            SparkContext._ensure_initialized(gateway=gateway)
    SparkContext._ensure_initialized()  # starts Java, which alone reads all of the settings
    return str(SparkConf().get("spark.master", "local[*]"))


def _check_master(master: str) -> None:
    """Raise `ClusterError` where no standalone master of `spark://host:port,host:port` answers."""
    scheme, _, places = master.partition("://")
    if scheme != "spark":
        return
    for place in places.split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), PATIENCE).close()
        except (OSError, ValueError):
            continue
        return
    raise ClusterError(
        f"no Spark master responds at {master}",
        "start the master, or set MASTER=spark://host:7077 to another",
    )


def format_url(path: Path) -> str:
    """Return a path as Spark takes it, with nothing escaped.

    It is of this file system, whatever Spark's default one is.
    """
    return f"file://{path.resolve()}"


def count_free_cores() -> int:
    """Tasks that the cluster can run at once."""
    context = open_session().sparkContext._jsc.sc()
    return int(
        context.maxNumConcurrentTasks(context.resourceProfileManager().resourceProfileFromId(0))
    )


@contextmanager
def watch_jobs(cores: int = 1) -> Iterator[None]:
    """Turn what goes wrong with Spark jobs into `ClusterError`.

    This includes their waiting for cores that stay away.
    """
    over, starved = threading.Event(), threading.Event()
    watch = threading.Thread(target=_cancel_starved_jobs, args=(cores, over, starved), daemon=True)
    watch.start()
    try:
        with translate_errors():
            yield
    except ClusterError as error:
        if not starved.is_set():
            raise
        raise ClusterError(
            f"Spark needs {cores} cores, and its cluster had fewer for {ALONE} seconds",
            "start workers, then run the command again",
        ) from error
    finally:
        over.set()
        watch.join()


def _cancel_starved_jobs(cores: int, over: threading.Event, starved: threading.Event) -> None:
    """Cancel all jobs when there have been too few cores for long.

    YARN and Kubernetes have queues, to wait in.
    """
    from py4j.protocol import Py4JError

    context, last = open_session().sparkContext, time.monotonic()
    with suppress(Py4JError, OSError):  # Java is gone: whoever waits for the jobs is told by them
        while context.master.startswith(("spark://", "local")) and not over.wait(0.5):
            if count_free_cores() >= cores:
                last = time.monotonic()
            elif time.monotonic() - last > ALONE:
                starved.set()
                context.cancelAllJobs()


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn what Spark raises into `ClusterError`, with the line that says why."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        advice = f"read {LOG}" if LOG.exists() else ""
        raise ClusterError(f"Spark failed: {_find_reason(str(error))}", advice) from error


def _find_reason(text: str) -> str:
    """The line of a message that says why: of a chain of Java's exceptions the last cause."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith(("Caused by: ", ": "))]
    return (
        (causes or lines or ["no reason given"])[-1].removeprefix("Caused by: ").removeprefix(": ")
    )
