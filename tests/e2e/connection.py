"""A remote over real HTTP on loopback, and a line to it that is slow, breaks, or goes dead."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"
CHUNK = 4096  # bytes


@dataclass
class Line:
    """What a line does to the server's answers; it may be changed while it is in use."""

    address: tuple[str, int]  # of the server
    rate: float | None = None  # bytes a second of each connection
    breaks_after: int | None = None  # bytes of a connection's answers, then it is reset
    breaks: int = 0  # how many connections still are to break
    broken: int = 0  # how many did
    lock: threading.Lock = field(default_factory=threading.Lock)

    def may_break(self) -> bool:
        """Whether this connection breaks; each one that does is counted."""
        with self.lock:
            if self.breaks <= 0:
                return False
            self.breaks -= 1
            self.broken += 1
            return True


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Serve a connection until it ends or breaks."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """Serve a folder for reading, by its address."""
    with ThreadingHTTPServer((HOST, 0), partial(_Quiet, directory=str(folder))) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield (HOST, server.server_address[1])
        server.shutdown()


@contextmanager
def line_to(address: tuple[str, int]) -> Iterator[tuple[Line, str]]:
    """A line to a server, and the URL at its near end."""
    line = Line(address)
    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, line), daemon=True).start()
        yield line, f"http://{HOST}:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, line: Line) -> None:
    with suppress(OSError):  # closed: the test is over
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(line.address)
            threading.Thread(target=_forward, args=(near, far), daemon=True).start()
            threading.Thread(target=_answer, args=(far, near, line), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _answer(source: socket.socket, target: socket.socket, line: Line) -> None:
    passed = 0
    with suppress(OSError), source, target:
        while data := source.recv(CHUNK):
            if (
                line.breaks_after is not None
                and passed + len(data) > line.breaks_after
                and line.may_break()
            ):
                target.sendall(data[: line.breaks_after - passed])
                # Closed without waiting for what was not sent: the other end sees a reset, as when
                # a cable is pulled.
                target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                # Wakes the other thread, which holds the connection open.
                target.shutdown(socket.SHUT_RD)
                return
            target.sendall(data)
            passed += len(data)
            if line.rate:
                time.sleep(len(data) / line.rate)
