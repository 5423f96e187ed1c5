"""Fake GitHub on loopback.

It has the part of the REST API that posting a comment needs, and repositories over HTTP.
"""

import base64
import http.server
import itertools
import json
import os
import re
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

API = "/api/v3"  # where a server of one's own has it
LIMIT = 65_536  # characters of a comment
BOT = "github-actions[bot]"  # who the token of a workflow is
REFUSED = {401: "Bad credentials", 403: "Resource not accessible by integration", 404: "Not Found"}
Answer = tuple[int, Any]
Routes = tuple[tuple[Any, ...], ...]


@dataclass
class Request:
    """A request to the API, as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    token: str
    data: Mapping[str, Any]
    status: int = 0


@dataclass
class GitHub:
    """What GitHub holds of one repository, and what it was asked."""

    slug: str
    token: str
    repositories: Path  # a folder with OWNER/NAME as bare repositories
    url: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    files: dict[int, list[dict[str, str]]] = field(default_factory=dict)  # of a pull request
    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    identities: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    # Status to answer, by a part of `METHOD path`.
    broken: dict[str, int] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)  # of workflows, by `name`
    may: Mapping[str, str] | None = None  # what the job's token may; None where nobody asks

    @property
    def api(self) -> str:
        """GITHUB_API_URL."""
        return f"{self.url}{API}"

    def on(self, number: int) -> list[dict[str, Any]]:
        """The comments of a pull request."""
        return [comment for comment in self.comments if comment["issue"] == number]

    def write(self, number: int, body: str, user: str) -> dict[str, Any]:
        """Add a comment."""
        made = {
            "id": next(self.identities),
            "issue": number,
            "body": body,
            "user": {"login": user},
            "edits": 0,
        }
        made["html_url"] = f"{self.url}/{self.slug}/pull/{number}#issuecomment-{made['id']}"
        self.comments.append(made)
        return made

    def answer(self, request: Request) -> Answer:
        """Status and content of the answer, noted with the request."""
        request.status, content = self._answer(request)
        self.requests.append(request)
        told = (
            content
            if request.status < 400 or content
            else {"message": REFUSED.get(request.status, "No")}
        )
        return request.status, told

    def allows(self, *rights: str) -> bool:
        """Whether the token may write one of these."""
        return self.may is None or any(self.may.get(right) == "write" for right in rights)

    def _answer(self, request: Request) -> Answer:
        asked = f"{request.method} {request.path}"
        for part, status in self.broken.items():
            if part in asked:
                return status, None
        if request.token != self.token and (request.token or request.method != "GET"):
            return 401, None
        if len(request.data.get("body", "")) > LIMIT:
            return 422, None
        for pattern, reply, *rights in self.routes():
            if found := re.fullmatch(
                pattern.replace("REPO", re.escape(f"{API}/repos/{self.slug}")), asked
            ):
                if rights and not self.allows(*rights):
                    return 403, None
                return reply(
                    self,
                    request,
                    *(int(part) if part.isdigit() else part for part in found.groups()),
                )
        return 404, None

    def routes(self) -> Routes:
        """What it answers: method and path, by what, and which rights may write there."""
        return ROUTES

    def list_pulls(self, request: Request) -> Answer:
        """Return pull requests by state and head, as `owner:branch`.

        A head without both is no filter, as on GitHub.
        """
        state, head = request.query.get("state", "open"), request.query.get("head", "")
        of_head = re.fullmatch("[^:]+:.+", head)
        found = [pull for pull in self.pulls if state in ("all", pull["state"])]
        return 200, page(
            [pull for pull in found if not of_head or pull["head"]["label"] == head], request
        )

    def reads_runs(self) -> bool:
        """Whether the token may read runs of workflows."""
        return self.may is None or "actions" in self.may

    def list_runs(self, request: Request, name: str) -> Answer:
        """Runs of a workflow by branch, event and commit."""
        if not self.reads_runs():
            return 403, None
        keys = {"branch": "head_branch", "event": "event", "head_sha": "head_sha"}
        wanted = {keys[key]: value for key, value in request.query.items() if key in keys} | {
            "name": name
        }
        found = [run for run in self.runs if wanted.items() <= run.items()]
        return 200, {"total_count": len(found), "workflow_runs": page(found, request)}

    def list_files(self, request: Request, number: int) -> Answer:
        """Files of a pull request."""
        return 200, page(self.files[number], request)

    def list_comments(self, request: Request, number: int) -> Answer:
        """Comments of a pull request."""
        return 200, page(self.on(number), request)

    def add_comment(self, request: Request, number: int) -> Answer:
        """A new comment by the token's user."""
        return 201, self.write(number, request.data["body"], BOT)

    def edit_comment(self, request: Request, identity: int) -> Answer:
        """Another body for a comment."""
        for comment in self.comments:
            if comment["id"] == identity:
                comment.update(body=request.data["body"], edits=comment["edits"] + 1)
                return 200, comment
        return 404, None

    def delete_comment(self, request: Request, identity: int) -> Answer:
        """Take a comment away."""
        before = len(self.comments)
        self.comments = [comment for comment in self.comments if comment["id"] != identity]
        return (204, None) if len(self.comments) < before else (404, None)


COMMENTS = ("issues", "pull-requests")  # one of the two is enough
ROUTES: Routes = (
    ("GET REPO/pulls", GitHub.list_pulls),
    (r"GET REPO/pulls/(\d+)/files", GitHub.list_files),
    (r"GET REPO/actions/workflows/([\w.-]+)/runs", GitHub.list_runs),
    (r"GET REPO/issues/(\d+)/comments", GitHub.list_comments),
    (r"POST REPO/issues/(\d+)/comments", GitHub.add_comment, *COMMENTS),
    (r"PATCH REPO/issues/comments/(\d+)", GitHub.edit_comment, *COMMENTS),
    (r"DELETE REPO/issues/comments/(\d+)", GitHub.delete_comment, *COMMENTS),
)


def page(entries: list[Any], request: Request) -> list[Any]:
    """One page: thirty entries unless asked, a hundred at most."""
    size, page = min(int(request.query.get("per_page", 30)), 100), int(request.query.get("page", 1))
    return entries[(page - 1) * size : page * size]


class Handler(http.server.BaseHTTPRequestHandler):
    """The API under its prefix; everything else is Git's own protocol."""

    protocol_version = "HTTP/1.1"
    github: GitHub

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""

    def serve(self) -> None:
        """Answers a request of any method."""
        body = self._body()
        url = urllib.parse.urlsplit(self.path)
        if not url.path.startswith(API):
            self._git(url, body)
            return
        token = (
            (self.headers.get("Authorization") or "").removeprefix("Bearer ").removeprefix("token ")
        )
        query = dict(urllib.parse.parse_qsl(url.query))
        request = Request(self.command, url.path, query, token, json.loads(body or "{}"))
        status, content = self.github.answer(request)
        self._send(
            status,
            {"Content-Type": "application/json"},
            b"" if status == 204 else json.dumps(content).encode(),
        )

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve  # noqa: N815 -- the names that the server looks for

    def _body(self) -> bytes:
        """What was sent with the request; Git sends a large pack in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _git(self, url: urllib.parse.SplitResult, body: bytes) -> None:
        """Anybody may read; to push, the token must come as the password."""
        basic = base64.b64encode(f"x-access-token:{self.github.token}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {basic}"
        if "git-receive-pack" in self.path and not (known and self.github.allows("contents")):
            self._send(401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, b"")
            return
        asked = {
            "REQUEST_METHOD": self.command,
            "QUERY_STRING": url.query,
            "PATH_INFO": urllib.parse.unquote(url.path),
        }
        sent = {"CONTENT_TYPE": "Content-Type", "HTTP_CONTENT_ENCODING": "Content-Encoding"}
        headers = {name: self.headers.get(header, "") for name, header in sent.items()}
        own = {
            "GIT_PROJECT_ROOT": str(self.github.repositories),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "bot",
        }
        env = {
            "PATH": os.environ["PATH"],
            "CONTENT_LENGTH": str(len(body)),
            **asked,
            **headers,
            **own,
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=env, check=False, capture_output=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self._send(int(fields.pop("Status", "200").split()[0]), fields, content)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(github: GitHub) -> Iterator[GitHub]:
    """Serve on a port of its own for as long as the block lasts."""
    handler = type("Bound", (Handler,), {"github": github})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        github.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()
