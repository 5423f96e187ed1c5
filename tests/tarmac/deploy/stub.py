"""A service that says what it has to say and no more, with a fault that the bundle names."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

RELEASE = json.loads(Path("bundle/release.json").read_text())
FAULT = RELEASE.get("fault")
EXAMPLE = {"content": {"application/json": {"examples": {"one": {"value": {"row": 7}}}}}}


class Handler(BaseHTTPRequestHandler):
    """Answers what `make smoke` asks."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(503 if FAULT == "ill" else 200, {})
        elif self.path == "/model":
            self._answer(200, {"version": "v9.9.9" if FAULT == "other" else RELEASE["version"]})
        else:
            paths = {} if FAULT == "silent" else EXAMPLE
            self._answer(
                200,
                {
                    "paths": {
                        "/predict": {
                            "post": {"requestBody": {"content": {"application/json": {}}, **paths}}
                        }
                    }
                },
            )

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(500 if FAULT == "wrong" else 200, {"given": given})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if FAULT == "ends":
    sys.exit("it cannot start")
if FAULT == "writes":
    Path("notes").write_text("x")
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
HTTPServer(
    (os.environ.get("TARMAC_HOST", "0.0.0.0"), int(os.environ["TARMAC_PORT"])), Handler
).serve_forever()
