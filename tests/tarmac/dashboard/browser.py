"""A headless Chromium for one test, driven over a pipe in its own developer tools' protocol."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *(
        "--headless",
        "--remote-debugging-pipe",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ),
    *(
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing of the browser's own gets out either
)


class Page:
    """One tab, and all that was asked for, printed or thrown in it."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._rest, self._number, self._session = read, write, b"", 0, ""
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.loaded = False
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a command; what is told meanwhile is noted."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(message | session).encode() + b"\0")
        while (told := self._hear()).get("id") != self._number:
            self._note(told)
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    def clear_storage(self) -> None:
        """Delete what pages that are files have stored, such as the theme that was chosen."""
        self.ask("Storage.clearDataForOrigin", origin="file://", storageTypes="all")

    def open(self, path: Path, width: int = 1280, height: int = 900, theme: str = "light") -> None:
        """Open a file as a person does with a double click, on a screen of this size and theme."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.ask(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": theme}],
        )
        self.requests, self.faults, self.loaded = [], [], False
        self.ask("Page.navigate", url=path.resolve().as_uri())
        while not self.loaded:
            self._note(self._hear())

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        done = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """A key, down and up."""
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **more,
            )

    def _note(self, told: dict[str, Any]) -> None:
        params = told.get("params", {})
        match told.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.faults.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.faults.append(f"{params['type']}: {params['args']}")
            case "Log.entryAdded":
                self.faults.append(params["entry"]["text"])
            case "Page.loadEventFired":
                self.loaded = True

    def _hear(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(until - time.monotonic(), 0))
            assert ready, "Chromium does not answer"
            if not (some := os.read(self._read, 1 << 20)):
                raise EOFError("Chromium has ended")
            self._rest += some
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


def program() -> str:
    """Return the path of Chromium or Chrome, and skip the test if there is none.

    In CI the test fails instead, because a skip would look like success.
    """
    if found := next((path for name in NAMES if (path := shutil.which(name))), None):
        return found
    reason = "no Chromium is here: `make servers` brings it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def browsing() -> Iterator[Page]:
    """A browser with an empty profile, ended with the block."""
    command = [program(), *OPTIONS, *([] if os.geteuid() else ["--no-sandbox"])]
    (to_read, write), (read, to_write) = os.pipe(), os.pipe()
    given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_read, to_write)]
    profile = tempfile.mkdtemp(prefix="tarmac-chromium-")
    # Chromium hears commands on 3 and answers on 4.
    shell = ["bash", "-c", f'exec "$@" 3<&{given[0]} 4>&{given[1]}', "bash"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(
        [*shell, *command, f"--user-data-dir={profile}"], pass_fds=given, **quiet
    )
    for fd in (to_read, to_write, *given):
        os.close(fd)
    try:
        yield Page(read, write)
    finally:
        os.close(write)
        os.close(read)
        server.terminate()
        server.wait(PATIENCE)
        shutil.rmtree(profile, ignore_errors=True)
