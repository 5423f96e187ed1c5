"""Posts a report as the one comment of its pull request, by CML. Runs with a token: it trusts nothing in the report.

Only the standard library is imported: the job that has the token installs nothing but CML.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TITLE = "model-report"  # CML finds its comment again by it: letters, digits and hyphens only
MENTION, APART = re.compile(r"@(?=\w)"), "\u200b"  # a space that is not seen: nobody is notified
LIMIT = 60_000  # characters of a report; GitHub's own limit is not far above
PAGES = 30  # of a hundred files each: GitHub lists no more than 3,000
JUDGES = (".github/", "Makefile", "src/tarmac/review/", "src/tarmac/evaluation/", "src/tarmac/reproduce.py")


class ReportError(ValueError):
    """The report is not one that may be posted."""


def main(environment: Mapping[str, str]) -> None:
    """Finds the pull request and posts. Raises `ReportError`, after a notice was posted, on a report that is hostile.

    A pull request that is closed, or has a newer commit, gets nothing: its own run will post.
    """
    number = pull_request(environment)
    if number is None:
        print(f"no open pull request has {environment['HEAD_SHA']} as its head: nothing to post")
        return
    try:
        body, refused = read(Path(environment["REPORT"])), None
    except ReportError as error:
        body, refused = f"There is no report to show: {error}.", error
    post(heading(environment, touched(environment, number)) + body, number, environment)
    if refused and Path(environment["REPORT"]).parent.exists():
        raise refused


def read(path: Path) -> str:
    """The text of a report, without mentions. Raises `ReportError` where it is no small, regular file of text."""
    if path.is_symlink() or path.parent.is_symlink():
        raise ReportError("it is a symbolic link")
    if not path.is_file():
        raise ReportError("the run did not get as far as writing one")
    if path.stat().st_size > 4 * LIMIT:  # bytes of the widest characters
        raise ReportError(f"it is larger than {LIMIT:,} characters")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ReportError("it is not text") from None
    if len(text) > LIMIT or not text.strip():
        raise ReportError(f"it is empty, or longer than {LIMIT:,} characters")
    return MENTION.sub(f"@{APART}", text)


def pull_request(environment: Mapping[str, str]) -> int | None:
    """Number of the open pull request whose head is this commit: the event names none where it comes from a fork."""
    head = f"{environment['HEAD_OWNER']}:{environment['HEAD_BRANCH']}"
    query = urllib.parse.urlencode({"state": "open", "head": head, "per_page": 100})
    pulls = api(f"pulls?{query}", environment)
    return next((int(pull["number"]) for pull in pulls if pull["head"]["sha"] == environment["HEAD_SHA"]), None)


def touched(environment: Mapping[str, str], number: int) -> list[str]:
    """Files of the pull request that decide how it is judged."""
    found: list[str] = []
    for page in range(1, PAGES + 1):
        files = api(f"pulls/{number}/files?per_page=100&page={page}", environment)
        found += [str(file["filename"]) for file in files]
        if len(files) < 100:
            break
    return [name for name in found if name.startswith(JUDGES)]


def heading(environment: Mapping[str, str], judges: list[str]) -> str:
    """What the report cannot say of itself: whether the check passed, and whether the judge was changed."""
    mark = "✅" if environment["CONCLUSION"] == "success" else "❌"
    run = f"[the run]({environment['RUN_URL']})"
    line = (
        f"{mark} The check ended with **{environment['CONCLUSION']}** for {environment['HEAD_SHA'][:9]}, see {run}.\n\n"
    )
    if judges:
        line += f"> [!WARNING]\n> {len(judges)} changed files decide how this pull request is judged: read them.\n\n"
    return line


def post(body: str, number: int, environment: Mapping[str, str]) -> None:
    """Posts the comment, or edits the one that is there. CML's exit status becomes this program's."""
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "comment.md"
        path.write_text(body, encoding="utf-8")
        command = ["cml", "comment", "update", f"--repo={server}/{environment['GITHUB_REPOSITORY']}"]
        command += [f"--target=pr/{number}", "--publish=false", f"--watermark-title={TITLE}", str(path)]
        own = {"GITHUB_SHA": environment["HEAD_SHA"], "ITERATIVE_DO_NOT_TRACK": "1"}
        done = subprocess.run(command, check=False, env={**environment, **own})
    if done.returncode:
        sys.exit(done.returncode)


def api(path: str, environment: Mapping[str, str]) -> list[Any]:
    """A list from GitHub's REST API of this repository."""
    base = environment.get("GITHUB_API_URL", "https://api.github.com")
    headers = {"Authorization": f"Bearer {environment['REPO_TOKEN']}", "Accept": "application/vnd.github+json"}
    request = urllib.request.Request(f"{base}/repos/{environment['GITHUB_REPOSITORY']}/{path}", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- the address is the runner's own
        return list(json.load(answer))


if __name__ == "__main__":
    try:
        main(os.environ)
    except ReportError as error:
        sys.exit(f"comment: error: the report was not posted: {error}")
