"""Clients that are slow, endless or false.

Each has what it sends at first, what it goes on with, and the response it gets.
"""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.postgres import HOST
from tests.waiting import PATIENCE

POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
CHUNKED, LENGTH = b"Transfer-Encoding: chunked\r\n", b"Content-Length: "


@dataclass(frozen=True)
class Hostile:
    """`status` is what the answer says, 0 where there is none; `every` are seconds."""

    first: bytes
    status: int = 0
    then: bytes = b""
    every: float = 0.1


CLIENTS = {
    "says nothing": Hostile(b""),
    "says nothing but newlines": Hostile(b"\r\n", then=b"\r\n"),
    "half a header": Hostile(b"GET /health HTTP/1.1\r\nX: "),
    "a header byte by byte": Hostile(b"GET /health HTTP/1.1\r\nX: ", then=b"a"),
    "headers without end": Hostile(b"GET /health HTTP/1.1\r\n", 400, b"a: b\r\n" * 1000, 0),
    "a header without end": Hostile(b"GET /health HTTP/1.1\r\nX: ", 400, b"a" * 9000, 0),
    "a path without end": Hostile(b"GET /", 414, b"a" * 9000, 0),
    "a body that does not come": Hostile(POST + LENGTH + b"10\r\n\r\n", 408),
    "a body that is waited for": Hostile(
        POST + b"Expect: 100-continue\r\n" + LENGTH + b"10\r\n\r\n", 100
    ),
    "a body byte by byte": Hostile(POST + LENGTH + b"100000\r\n\r\n", 408, b" "),
    "a body shorter than it says": Hostile(POST + LENGTH + b"9\r\n\r\n{}", 408),
    "a body longer than it says": Hostile(POST + LENGTH + b"2\r\n\r\n{}{}{}{}", 422),
    "chunks without end": Hostile(POST + CHUNKED + b"\r\n", 408, b"1\r\n \r\n"),
    "many chunks without end": Hostile(POST + CHUNKED + b"\r\n", 413, b"1\r\n \r\n" * 9000, 0),
    "large chunks without end": Hostile(
        POST + CHUNKED + b"\r\n", 413, b"100000\r\n" + b" " * 2**20 + b"\r\n", 0
    ),
    "a chunk's extension without end": Hostile(POST + CHUNKED + b"\r\n1;a=", 408, b"a" * 90_000, 0),
    "trailers without end": Hostile(POST + CHUNKED + b"\r\n0\r\n", 408, b"a: b\r\n" * 9000, 0),
    "a body where there is none": Hostile(GET + LENGTH + b"100000\r\n\r\n", 200, b" "),
    "newlines behind the answer": Hostile(GET + b"\r\n", 200, b"\r\n"),
    "half a header behind the answer": Hostile(GET + b"\r\n" + b"GET /heal", 200, b"t"),
    "a negative length": Hostile(POST + LENGTH + b"-1\r\n\r\n", 400),
    "two lengths": Hostile(POST + LENGTH + b"2\r\n" + LENGTH + b"3\r\n\r\n{}", 400),
    "a length and chunks": Hostile(POST + LENGTH + b"5\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
    "chunks, and something else": Hostile(
        POST + b"Transfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n", 501
    ),
    "a length in hexadecimal": Hostile(POST + LENGTH + b"0x2\r\n\r\n{}", 400),
    "a length of 100 digits": Hostile(POST + LENGTH + b"9" * 100 + b"\r\n\r\n", 400),
    "a length beyond any disk": Hostile(POST + LENGTH + b"18446744073709551615\r\n\r\n", 400),
    "TLS": Hostile(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
    "HTTP/2": Hostile(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a proxy is wanted": Hostile(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a null byte in a header": Hostile(GET + b"X: a\0b\r\n\r\n", 400),
    "a folded header": Hostile(GET + b"X: a\r\n b\r\n\r\n", 400),
    "a path that is no ASCII": Hostile(b"GET /\xff HTTP/1.1\r\n\r\n", 400),
    "every byte there is": Hostile(bytes(range(256)), 400),
    "no host": Hostile(b"GET /health HTTP/1.1\r\n\r\n", 400),
    "two hosts": Hostile(GET + b"Host: y\r\n\r\n", 400),
    "the same host twice": Hostile(GET + b"host: x\r\n\r\n", 400),
    "no host in HTTP/1.0": Hostile(b"GET /health HTTP/1.0\r\n\r\n", 200),
    "chunks in HTTP/1.0": Hostile(
        POST.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n\r\n", 400
    ),
    "an upgrade": Hostile(GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
}


@dataclass(frozen=True)
class Outcome:
    """What a hostile client saw.

    It is the status of the response (0: none), and the seconds until the client was cut off.
    """

    status: int
    seconds: float


def connected(port: int) -> socket.socket:
    """A connection that waits for an answer no longer than it is watched."""
    made = socket.create_connection((HOST, port))
    made.settimeout(PATIENCE)
    return made


def attack(port: int, client: Hostile) -> Outcome:
    """Do what the client does until it is cut off. Raises `TimeoutError` where it is not."""
    with connected(port) as line:
        begin, heard = time.monotonic(), b""
        line.sendall(client.first)
        threading.Thread(target=go_on, args=(line, client), daemon=True).start()
        try:
            while part := line.recv(65_536):
                heard += part
        except ConnectionError:
            pass
        return Outcome(int(heard[9:12] or 0), time.monotonic() - begin)


@contextmanager
def going_on(port: int, client: Hostile) -> Iterator[None]:
    """Do what a client does until the block ends, and read nothing that it is sent."""
    with connected(port) as line:
        line.sendall(client.first)
        threading.Thread(target=go_on, args=(line, client), daemon=True).start()
        yield
        with suppress(OSError):  # it was cut off
            line.shutdown(socket.SHUT_RDWR)  # wakes the thread


def go_on(line: socket.socket, client: Hostile) -> None:
    """Send more until the connection ends."""
    try:
        for _ in itertools.count() if client.then else ():
            line.sendall(client.then)
            time.sleep(client.every)
    except OSError:
        return
