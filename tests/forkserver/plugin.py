"""The server of forked Python processes during a test run, for all its workers."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests import forkserver, share_cores


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real-python", action="store_true", help="fork no Python process")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.real_python:
        return
    folder = Path(tempfile.mkdtemp(prefix="tarmac-"))
    cores = share_cores(config.option.numprocesses or 1)
    server = forkserver.start(folder, forkserver.isolate({**cores, **os.environ}))
    config.add_cleanup(lambda: (forkserver.stop(server), shutil.rmtree(folder)))
