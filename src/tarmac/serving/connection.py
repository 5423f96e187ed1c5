"""The service's end of a connection."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LAST_SECONDS = 1.0


class GracefulProtocol(HttpToolsProtocol):
    """HTTP by uvicorn that waits for requests on their way before it closes connections."""

    def shutdown(self) -> None:
        """Close the connection with a second of delay.

        A client or proxy that was accepted before cannot know yet that the service stops.
        """
        self.loop.call_later(LAST_SECONDS, super().shutdown)
