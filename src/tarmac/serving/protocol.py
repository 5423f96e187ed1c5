"""Limits of what a connection may do to the service.

It may not be one too many, say nothing, say it too slowly, or not listen.
"""

import asyncio
import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MOST_CONNECTIONS = (
    900  # of a worker: below the 1,024 files that a process may open almost everywhere
)
MOST_PIPELINED = 16  # requests that a client sends before it has the answer to the first
# Frames are what is around chunks.
HEAD_BYTES, FRAME_BYTES, MESSAGE_BYTES = (16 * 2**10, 128 * 2**10, 16 * 2**20)
HEAD_SECONDS, REST_SECONDS, ANSWER_SECONDS = 10.0, 10.0, 30.0
IDLE_SECONDS = 65.0  # longer than load balancers keep a connection, so that it is they who close it
UPGRADE = re.compile(rb"(?<=\r\n)upgrade(?=:)", re.IGNORECASE)
LAST_SECONDS = 1.0  # for what a client sends while it does not know yet that the service stops


class Protocol(HttpToolsProtocol):
    """HTTP by uvicorn, with an end to everything that a client may leave undone."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Add a connection.

        If there are too many, abort the one that has been waited for longest.
        """
        self._head, self._size, self._body, self._last = True, 0, 0, False
        self._deadline: asyncio.TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None
        super().connection_made(transport)
        self._restart_deadline()
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = [
                one
                for one in self.connections
                if isinstance(one, Protocol) and not one.is_responding
            ]
            min(waiting, key=lambda one: one.since).abort_connection()

    @property
    def is_responding(self) -> bool:
        """Whether it is the service's turn."""
        return (
            self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        )

    def data_received(self, data: bytes) -> None:
        """Count what a request takes, headers, body and all that is around it.

        Some clients offer HTTP/2 with their first request. It may be ignored, but the parser would
        leave out the body.
        """
        self._size += len(data)
        if self._head or self.cycle is None or not self.cycle.more_body:
            data = UPGRADE.sub(b"Ignored", data)
        super().data_received(data)
        around = self._size - self._body
        if around > (HEAD_BYTES if self._head else FRAME_BYTES) or self._size > MESSAGE_BYTES:
            self.abort_connection()

    def abort_connection(self) -> None:
        """Ends the connection whatever is on its way."""
        self._mark_disconnected()
        self.transport.abort()

    def on_message_begin(self) -> None:
        """The clock of a request starts with its first byte."""
        super().on_message_begin()
        self._head, self._size, self._body = True, 0, 0
        self._restart_deadline()

    def on_headers_complete(self) -> None:
        """Raise `ValueError` if the request may not go on.

        The error answers 400 and ends the connection. A proxy in front may read such a request
        otherwise. RFC 9112, sections 3.2 and 6.1.
        """
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("too many pipelined requests")
        names, version = [name for name, _ in self.headers], self.parser.get_http_version()
        if names.count(b"host") > 1 or (version == "1.1" and b"host" not in names):
            raise ValueError("exactly one Host header is required")
        if version == "1.0" and b"transfer-encoding" in names:
            raise ValueError("HTTP/1.0 does not allow Transfer-Encoding")
        super().on_headers_complete()
        self._head = False
        if self._last:
            self.cycle.keep_alive = False
        self._restart_deadline()

    def on_header(self, name: bytes, value: bytes) -> None:
        """What follows a body in chunks is left out."""
        if self._head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """A part of a body, or of one in chunks."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The rest of a body may come after its answer."""
        super().on_message_complete()
        self.cycle.more_body = False
        self._restart_deadline()

    def on_response_complete(self) -> None:
        """It is the client's turn."""
        super().on_response_complete()
        self._unset_keepalive_if_required()
        self._restart_deadline()

    def pause_writing(self) -> None:
        """A client that does not read is not waited for long."""
        super().pause_writing()
        self._restart_deadline()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._restart_deadline()

    def shutdown(self) -> None:
        """Stop after the requests under way are answered.

        What comes while the client cannot know is answered as well.
        """
        self._last = True
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self._restart_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._mark_disconnected()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _mark_disconnected(self) -> None:
        """Nobody hears an answer any more; uvicorn would tell only the last of several requests."""
        self._cancel_deadline()
        for cycle in (self._answering, self.cycle):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True

    def _restart_deadline(self) -> None:
        """Give the client its time for its next action, and the service as long as it takes."""
        self._cancel_deadline()
        self.since = self.loop.time()
        if (seconds := self._select_timeout()) is not None:
            self._deadline = self.loop.call_later(seconds, self._close_connection)

    def _select_timeout(self) -> float | None:
        if self.flow.write_paused or self.transport.is_closing():
            return ANSWER_SECONDS
        if self.cycle is not None and not self.cycle.response_complete:
            return None  # what is left of the body is the guard's
        if self._last:
            return LAST_SECONDS
        if self._head:
            return HEAD_SECONDS
        return REST_SECONDS if self.cycle.more_body else IDLE_SECONDS

    def _cancel_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = None

    def _close_connection(self) -> None:
        """Closes, once all is written that there is; where the client does not take it, without."""
        if self.transport.is_closing() or self.flow.write_paused:
            self.abort_connection()
            return
        self.transport.close()
        self._restart_deadline()
