"""The service's end of a connection."""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LAST_SECONDS = 1.0
UPGRADE = re.compile(rb"(?<=\r\n)upgrade(?=:)", re.IGNORECASE)


class GracefulProtocol(HttpToolsProtocol):
    """HTTP by uvicorn that ignores offered protocols, and waits before it closes connections."""

    def data_received(self, data: bytes) -> None:
        """Rename the header of a request that offers another protocol.

        Some clients offer HTTP/2 with their first request. The parser would leave out its body.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.more_body:
            data = UPGRADE.sub(b"Ignored", data)
        super().data_received(data)

    def shutdown(self) -> None:
        """Close the connection with a second of delay.

        A client or proxy that was accepted before cannot know yet that the service stops.
        """
        self.loop.call_later(LAST_SECONDS, super().shutdown)
