"""Call GitHub's REST API with a token, and read the reports that are shown there.

Nothing in a report is trusted. Only the standard library is imported, so that such a program runs
where nothing is installed.
"""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError

# An at sign, also as HTML writes it; after it stands a space that is not seen, so that nobody is
# notified.
MENTION, APART = (
    re.compile(r"@|&(?:#0*64(?!\d)|#x0*40(?![\da-f])|commat);?", re.IGNORECASE),
    "\u200b",
)
# What else a report of Tarmac's has none of, so that a forged one must do without: tags but those
# of a section, links, pictures, alerts, addresses, references to issues, commands.
FORGED = re.compile(
    r"<(?!/?(?:details|summary)>)|\](?=[(:\[])|\[(?=!)"
    r"|(?<!&)#(?=\d+\b)|:(?=//)|\bwww(?=\.)|\bGH(?=-\d)|^[ >]*/(?=\w)",
    re.IGNORECASE | re.MULTILINE,
)
LIMIT = 60_000  # characters of a report; GitHub's own limit is not far above
PAGES = 30  # of a hundred each: GitHub lists no more than 3,000 files
SHOWN = 300  # characters of what GitHub says of a request that it refuses
RETRY = "run the job again; if GitHub still refuses, check the `permissions` of the job's token"
READ_LOG = "open the log of the run: it shows the step that failed"
FIND_WRITER = "open the log of the run, and look for the step that writes this file"


class ReportError(UserError):
    """The report is not one that may be posted."""


class GitHubError(UserError):
    """GitHub refused, or could not be reached; `status` is 0 then."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Keep the status of the answer."""
        super().__init__(message, RETRY)
        self.status = status


class Environment(dict[str, str]):
    """Environment variables; one that is needed and not set is an error that names it."""

    def __missing__(self, name: str) -> str:
        """Raise `UserError`."""
        raise UserError(
            f"the environment variable {name} is not set",
            "set it as a step of `.github/workflows/comment.yml` or `retrain.yml` does;"
            " docs/ci.md and docs/retrain.md describe the tokens",
        )


def read_report(path: Path) -> str:
    """Return a report's text, made harmless.

    Raises `ReportError` if it is no small, regular file of text.
    """
    shown = Path(*path.parts[-2:])  # review/report.md
    if path.is_symlink() or path.parent.is_symlink():
        raise ReportError(f"{shown} is behind a symbolic link", FIND_WRITER)
    if not path.is_file():
        raise ReportError(f"{shown} was not written by the run", READ_LOG)
    if path.stat().st_size > 4 * LIMIT:  # bytes of the widest characters
        raise ReportError(f"{shown} is larger than {LIMIT:,} characters", FIND_WRITER)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ReportError(f"{shown} is not valid UTF-8", FIND_WRITER) from None
    if "\0" in text:
        raise ReportError(f"{shown} contains NUL bytes", FIND_WRITER)
    text = neutralize_text(text)
    if not text.strip():
        raise ReportError(f"{shown} is empty", FIND_WRITER)
    if len(text) > LIMIT:
        raise ReportError(f"{shown} is longer than {LIMIT:,} characters", FIND_WRITER)
    return text


def neutralize_text(text: str) -> str:
    """Return a text that mentions and links nobody, and shows no picture.

    A space that is not seen stands in each of them.
    """
    return FORGED.sub(rf"\g<0>{APART}", MENTION.sub(f"@{APART}", text))


def fetch_entries(path: str, environment: Mapping[str, str], **query: str) -> list[Any]:
    """All entries of a list of GitHub's REST API."""
    all_entries: list[Any] = []
    for page in range(1, PAGES + 1):
        parameters = urllib.parse.urlencode({**query, "per_page": 100, "page": page})
        entries = call_api("GET", f"{path}?{parameters}", environment)
        all_entries += entries
        if len(entries) < 100:
            break
    return all_entries


def call_api(
    method: str, path: str, environment: Mapping[str, str], data: Mapping[str, object] | None = None
) -> Any:
    """Return GitHub's response about this repository.

    Raise `GitHubError` if GitHub refuses the request or cannot be reached.
    """
    base = environment.get("GITHUB_API_URL", "https://api.github.com")
    url = f"{base}/repos/{environment['GITHUB_REPOSITORY']}/{path}"
    headers = {
        "Authorization": f"Bearer {environment['REPO_TOKEN']}",
        "Accept": "application/vnd.github+json",
    }
    body = None if data is None else json.dumps(data).encode()
    failure = f"GitHub request {method} {path.split('?', maxsplit=1)[0]} failed"
    try:
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- the address is the runner's own
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        raise GitHubError(f"{failure}: {error}{_format_reason(error)}", error.code) from None
    except (OSError, ValueError) as error:  # no line, or an answer that is none
        raise GitHubError(f"{failure}: {error}") from None


def _format_reason(error: urllib.error.HTTPError) -> str:
    """What GitHub says of a request that it refuses, in a line."""
    try:
        content = json.loads(error.read())
        messages = [content["message"]]
        messages += [str(entry.get("message", "")) for entry in content.get("errors", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f" ({' '.join(' '.join(messages).split())[:SHOWN]})"
