"""The reverse proxy of `deploy/nginx.conf` in front of a service, on the loopback."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.postgres import HOST, free_port
from tests.tarmac.serving.running import Service
from tests.waiting import PATIENCE, wait_for

SETTINGS = ROOT / "deploy" / "nginx.conf"
SYSTEM = "/usr/sbin"  # where Debian keeps it, off the path of most users


def find_nginx() -> str:
    """Return the path of nginx, and skip the test if there is none; in CI the test fails."""
    if found := shutil.which("nginx", path=f"{os.environ['PATH']}:{SYSTEM}"):
        return found
    reason = "no nginx is here: `make servers` installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def start_proxy(service: Service, folder: Path, limits: Mapping[str, str]) -> Iterator[Service]:
    """Run nginx in front of a service, and yield the service under the proxy's port.

    `limits` replaces values of the settings by their directives, such as `{"send_timeout": "1s"}`.
    """
    port = free_port()
    text = SETTINGS.read_text()
    changes = {
        "listen 127.0.0.1:8081;": f"listen {HOST}:{port};",
        "http://127.0.0.1:8080;": f"{service.url};",
    }
    for directive, value in limits.items():
        start = text.index(f" {directive} ") + 1
        changes[text[start : text.index(";", start) + 1]] = f"{directive} {value};"
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    folder.mkdir(parents=True)
    (folder / "nginx.conf").write_text(text)
    # Root's worker would become another user, whom pytest's folder is closed to.
    as_root = ["-g", "user root;"] if os.geteuid() == 0 else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [find_nginx(), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr", *as_root],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    proxied = replace(service, port=port)
    try:
        wait_for(lambda: is_listening(process, port), (folder / "log").read_text)
        yield proxied
    finally:
        process.terminate()
        process.wait(PATIENCE)


def is_listening(process: subprocess.Popen[bytes], port: int) -> bool:
    """Return whether the proxy takes connections."""
    assert process.poll() is None, "nginx ended"
    return any(
        line.laddr.port == port
        for line in psutil.Process(process.pid).net_connections("tcp")
        if line.status == psutil.CONN_LISTEN
    )
