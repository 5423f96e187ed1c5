"""Limits of what a request may do to the service, and may see of a failure.

A request may not keep too much in memory, nor take too long.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from tarmac.serving import meters

logger = logging.getLogger(__name__)
Message = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_BYTES = 8 * 2**20  # of a body: room for the most rows that one may hold
HELD_BYTES = 256 * 2**20  # of all bodies together
AT_ONCE = 256  # requests under way; more are told to come again
BODY_SECONDS, AGAIN_SECONDS = 10.0, 1


class HTTPRefusal(Exception):  # noqa: N818 -- an answer, no fault
    """The request is not passed on."""

    def __init__(self, status: int, detail: str) -> None:
        """Take the answer."""
        super().__init__(detail)
        self.status, self.detail = status, detail


class RequestLimitsMiddleware:
    """ASGI middleware: reads bodies whole within limits, hides failures, and records requests."""

    def __init__(self, app: App) -> None:
        """Wrap an application."""
        self._app = app
        self._held = self._under_way = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, or whatever else ASGI has."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # the server leaves the body out by itself
            scope = {**scope, "method": "GET"}
        request, parts = RequestRecord(scope, send), list[bytes]()
        try:
            if await self._read_body(scope, receive, parts):
                await self._call_app(scope, wrap_receive(b"".join(parts), receive), request)
        except HTTPRefusal as error:
            await request.send_refusal(error.status, error.detail)
        except Exception:
            logger.exception("a request failed", extra={"facts": {"route": request.route}})
            if not request.status:
                await request.send_refusal(500, "the service failed; its log says why")
        finally:
            self._held -= sum(map(len, parts))
        if request.status:
            request.log_request()

    async def _read_body(self, scope: Message, receive: Receive, parts: list[bytes]) -> bool:
        """Read the body, and return False if the client went away.

        Raise `HTTPRefusal` if the body is too large or too slow.
        """
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return True
        if int(dict(scope["headers"]).get(b"content-length", b"0")) > MOST_BYTES:
            raise TOO_LARGE
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return False
                    parts.append(message.get("body", b""))
                    size, self._held = size + len(parts[-1]), self._held + len(parts[-1])
                    if size > MOST_BYTES:
                        raise TOO_LARGE
                    if self._held > HELD_BYTES:
                        raise BUSY
                    if not message.get("more_body"):
                        return True
        except TimeoutError:
            raise HTTPRefusal(408, f"a body must come within {BODY_SECONDS:g} seconds") from None

    async def _call_app(self, scope: Message, receive: Receive, request: "RequestRecord") -> None:
        """Ask the application, unless it has too much to do."""
        if self._under_way >= AT_ONCE:
            raise BUSY
        self._under_way += 1
        request.started = time.perf_counter()
        try:
            await self._app(scope, receive, request.send_message)
        finally:
            self._under_way -= 1


TOO_LARGE = HTTPRefusal(413, f"a body may have {MOST_BYTES:,} bytes")
BUSY = HTTPRefusal(503, "there is too much to do at once: come again")


class RequestRecord:
    """Record of a request: its route and status, and how long it took.

    Neither its sender nor its content is recorded.
    """

    def __init__(self, scope: Message, send: Send) -> None:
        """Start the clock."""
        self._scope, self._send = scope, send
        self.status, self.started = 0, time.perf_counter()

    @property
    def route(self) -> str:
        """The path as it is declared: what a client made up is not told apart."""
        return getattr(self._scope.get("route"), "path", "other")

    async def send_message(self, message: Message) -> None:
        """Passes a message on, and reads the status from it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def send_refusal(self, status: int, detail: str) -> None:
        """Respond in place of the application."""
        body = json.dumps({"detail": detail}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        if status == BUSY.status:
            headers.append((b"retry-after", str(AGAIN_SECONDS).encode()))
        await self.send_message(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        await self.send_message({"type": "http.response.body", "body": body})

    def log_request(self) -> None:
        """Count the request, and log it."""
        took, route = time.perf_counter() - self.started, self.route
        meters.requests.labels(route, self.status).inc()
        meters.seconds.labels(route).observe(took)
        facts = self._scope.get("facts", {})
        level = logging.INFO if self.status < 500 else logging.ERROR
        record = {"route": route, "status": self.status, "ms": round(took * 1000, 3), **facts}
        logger.log(level, "request", extra={"facts": record})


def wrap_receive(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already, then whatever else the client sends."""
    left = [body]

    async def receive_next() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return receive_next
