"""Start the service: `python -m tarmac.serving`.

`tarmac.serving.settings` lists its settings.
"""

import os
import signal
import sys
import tempfile

import uvicorn

from tarmac.interface.errors import exit_on_user_error
from tarmac.serving.log import log_to_stdout
from tarmac.serving.settings import Settings

STOP_SECONDS = 20  # for requests in progress when the service gets a signal to stop
IDLE_SECONDS = 65  # longer than load balancers keep a connection, so that they close it
MOST_CONNECTIONS = 900  # of a worker: below the 1,024 files that a process may open


def main() -> None:
    """Runs until it is told to stop."""
    with exit_on_user_error():
        settings = Settings.from_environment()
    log_to_stdout()
    if settings.workers == 1:
        # Uvicorn stops, then sends itself the signal once more.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        run_server(settings)
        return
    with tempfile.TemporaryDirectory(
        prefix="tarmac-meters-"
    ) as folder:  # what the workers count, together
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        run_server(settings)


def run_server(settings: Settings) -> None:
    """Run uvicorn; `deploy/nginx.conf` protects it from clients that are not trusted."""
    uvicorn.run(
        "tarmac.serving.app:create",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http="tarmac.serving.connection:GracefulProtocol",
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()
