"""Two servers of folders: WebDAV with a password, and plain HTTP, which only reads."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import HOST, free_port
from tests.servers import INSTALLED, Place, program, serving

USER, PASSWORD = "alice", "not-a-secret"


@dataclass(frozen=True)
class Server:
    """A running WebDAV server with one folder to write to and one to read."""

    port: int
    folder: Path

    def place(self, path: str = "store", password: str = PASSWORD) -> Place:
        """A folder on it, with the name and password of whoever comes."""
        return Place(
            f"webdav://{HOST}:{self.port}/{path}", private=(f"user={USER}", f"password={password}")
        )


@contextmanager
def webdav(folder: Path) -> Iterator[Server]:
    """A server on a free port: everyone must say who they are; in `/fixed` nobody may write."""
    command, port = program(INSTALLED / "wsgidav"), free_port()
    (folder / "store").mkdir()
    shown = {
        "/store": str(folder / "store"),
        "/fixed": {"root": str(folder / "store"), "readonly": True},
    }
    config = {
        "host": HOST,
        "port": port,
        "server": "cheroot",
        "provider_mapping": shown,
        "http_authenticator": {
            "accept_basic": True,
            "accept_digest": False,
            "default_to_digest": False,
        },
        "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with serving([command, f"--config={folder / 'config.json'}"], port, folder / "webdav.log"):
        yield Server(port, folder)


@contextmanager
def http(folder: Path, log: Path) -> Iterator[str]:
    """The address of a folder that anyone may read."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        HOST,
        "--directory",
        folder,
    ]
    with serving(command, port, log):
        yield f"http://{HOST}:{port}"
