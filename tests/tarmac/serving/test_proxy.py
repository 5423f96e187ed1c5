"""Behind the proxy of `deploy/nginx.conf`, slow and hostile clients are cut off.

A normal client is answered all the while.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path

import psutil
import pytest

from tests.tarmac.serving.hostile import (
    CLIENTS,
    GET,
    LENGTH,
    POST,
    Hostile,
    Outcome,
    attack,
    connected,
    go_on,
    going_on,
)
from tests.tarmac.serving.proxy import start_proxy
from tests.tarmac.serving.running import Service, running
from tests.tarmac.serving.test_http import ROW, ROWS, TEXT, post
from tests.waiting import wait_for

pytestmark = pytest.mark.server

SERVICE = {"guard.BODY_SECONDS": 1.5}
PROXY = {
    "client_header_timeout": "1500ms",
    "client_body_timeout": "2s",
    "send_timeout": "2s",
    "keepalive_timeout": "3s",
    "lingering_time": "2s",
    "worker_connections": "500",
}
CONNECTIONS = 500
PATIENT = PROXY | {name: "1h" for name in PROXY if name != "worker_connections"}
MB = 1e6
ESTABLISHED = 1  # Linux's number of the state of a connection
ASKED = POST + LENGTH + str(len(TEXT)).encode() + b"\r\n\r\n" + TEXT.encode()


@pytest.fixture(scope="module")
def direct(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service that the proxy of most tests has behind it."""
    log = tmp_path_factory.mktemp("service") / "log"
    with running(bundle_folder, log, limits=SERVICE) as service:
        yield service


@pytest.fixture(scope="module")
def service(direct: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with start_proxy(direct, tmp_path_factory.mktemp("proxy") / "short", PROXY) as proxied:
        yield proxied


@pytest.fixture(scope="module")
def patient(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A proxy and a service that cut no client off for being slow."""
    folder = tmp_path_factory.mktemp("patient")
    with (
        running(bundle_folder, folder / "log", limits={"guard.BODY_SECONDS": 3600}) as service,
        start_proxy(service, folder / "proxy", PATIENT) as proxied,
    ):
        yield proxied


def beside(service: Service, done: Callable[[], bool] = lambda: True) -> None:
    """A normal client that is answered a hundred times, and until something is done."""
    with service.client() as client:

        def answered() -> bool:
            assert post(client, ROW).status_code == 200
            return done()

        for _ in range(100):
            answered()
        wait_for(answered, "what is waited for beside a normal client", pause=0)


@pytest.fixture(scope="module")
def outcomes(service: Service) -> dict[str, Outcome]:
    """What all of them see, at once, three of each."""
    before = service.memory()
    many = [name for name in CLIENTS for _ in range(3)]
    with ThreadPoolExecutor(len(many)) as pool:
        found = [pool.submit(attack, service.port, CLIENTS[name]) for name in many]
        beside(service, lambda: all(one.done() for one in found))
    assert service.memory() < before + 150 * MB, "the service grew"
    return dict(zip(many, (one.result() for one in found), strict=True))


@pytest.mark.parametrize("name", CLIENTS)
def test_hostile_client_is_cut_off_with_expected_status(outcomes, name):
    """Check the status that a hostile client gets.

    A client that sends as fast as it can may be cut off before it gets one. With many such clients
    it may be too slow.
    """
    allowed = {CLIENTS[name].status} | ({0, 408} if CLIENTS[name].every == 0 else set())
    assert outcomes[name].status in allowed, outcomes[name]


def test_normal_client_is_answered_among_hostile_clients(patient):
    with ExitStack() as stack:
        for client in CLIENTS.values():
            stack.enter_context(going_on(patient.port, client))
        beside(patient)


def test_silent_connections_are_capped_without_blocking_others(patient):
    with ExitStack() as stack:
        for _ in range(CONNECTIONS + 100):
            stack.enter_context(connected(patient.port))
        beside(patient)


def test_silent_connections_are_closed(service):
    with ExitStack() as stack:
        lines = [stack.enter_context(connected(service.port)) for _ in range(CONNECTIONS + 100)]
        for line in lines:
            assert has_ended(line)


def test_clients_that_never_read_are_disconnected(direct, service):
    row = {**ROWS[1], "live": None, "dest": "ZZZ"}
    asked = question({"rows": [row] * 2000})
    with ExitStack() as stack:
        lines = [stack.enter_context(connected(service.port)) for _ in range(3)]
        for line in lines:
            threading.Thread(
                target=go_on, args=(line, Hostile(b"", then=asked, every=0)), daemon=True
            ).start()
        wait_for(lambda: not any(map(is_open, lines)), "they are cut off")
        beside(service)
    wait_for(lambda: not lines_open(direct), "the service has no connection left")


def has_ended(line: socket.socket) -> bool:
    """Return whether the other end closes a connection without a word."""
    try:
        return line.recv(1) == b""
    except ConnectionError:
        return True


def is_open(line: socket.socket) -> bool:
    """Return whether the other end still takes what is sent."""
    try:
        line.send(b"", socket.MSG_DONTWAIT)
    except OSError:
        return False
    return line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED


def question(content: object) -> bytes:
    """A whole request."""
    body = json.dumps(content).encode()
    return POST + LENGTH + str(len(body)).encode() + b"\r\n\r\n" + body


def lines_open(service: Service) -> int:
    """Connections that the service has not closed; one that listens is none."""
    found = psutil.Process(service.process.pid).net_connections("tcp")
    return sum(line.status in {psutil.CONN_ESTABLISHED, psutil.CONN_CLOSE_WAIT} for line in found)


def test_memory_stays_bounded_under_pipelined_requests(service):
    before = service.memory()
    with connected(service.port) as line:
        go_on(line, Hostile(b"", then=(GET + b"\r\n" + ASKED) * 1000, every=0))
    beside(service)
    assert service.memory() < before + 50 * MB


def test_pipelined_requests_are_answered_in_order(service):
    with connected(service.port) as line:
        line.sendall(GET + b"\r\n" + ASKED + GET + b"Connection: close\r\n\r\n")
        heard = b"".join(iter(lambda: line.recv(65_536), b""))
    parts = heard.split(b"HTTP/1.1 200 OK")
    assert [b"ready" in part for part in parts] == [False, True, False, True]
    assert b'"missing": [' in parts[2]


@pytest.mark.parametrize("kept", range(0, len(ASKED), 61))
def test_service_survives_connection_closed_mid_request(service, kept):
    for linger in (b"", struct.pack("ii", 1, 0)):  # by a FIN, and by a reset
        with connected(service.port) as line:
            line.sendall(ASKED[:kept])
            if linger:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    beside(service)


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
@pytest.mark.parametrize("front", ["service", "direct"])
def test_ignores_offered_protocol_upgrade(request, front, protocol):
    offer = b"\r\nConnection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    with connected(request.getfixturevalue(front).port) as line:
        for _ in range(2):  # the second one on the same connection
            line.sendall(ASKED.replace(b"\r\n", offer, 1))
            response = HTTPResponse(line)
            response.begin()
            assert response.status == 200
            assert json.loads(response.read())["version"]


def test_excess_load_gets_503_until_capacity_returns(bundle_folder, tmp_path):
    """Check a worker that is busy with one request and keeps at most the bytes of one body.

    Other clients come again.
    """
    limits = {"guard.AT_ONCE": 1, "guard.HELD_BYTES": len(TEXT) * 3 // 2}
    with (
        running(bundle_folder, tmp_path / "log", limits=limits) as service,
        service.client() as client,
    ):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: post(client, ROW, "/explain"), range(16)))
        assert {answer.status_code for answer in answers} == {200, 503}
        assert {
            answer.headers.get("retry-after") for answer in answers if answer.status_code == 503
        } == {"1"}
        with connected(service.port) as line:
            line.sendall(ASKED[:-1])
            wait_for(lambda: post(client, ROW).status_code == 503, "a second body is too much")
            line.sendall(ASKED[-1:])
            assert line.recv(15) == b"HTTP/1.1 200 OK"
        wait_for(lambda: post(client, ROW).status_code == 200, "there is room again")


def test_excess_connections_get_503_until_they_are_closed(bundle_folder, tmp_path):
    limits = {"__main__.MOST_CONNECTIONS": 20}
    with running(bundle_folder, tmp_path / "log", limits=limits) as service:
        with ExitStack() as stack:
            for _ in range(30):
                stack.enter_context(connected(service.port))
            with service.client() as client:
                assert post(client, ROW).status_code == 503
        with service.client() as client:
            wait_for(lambda: post(client, ROW).status_code == 200, "there is room again")
