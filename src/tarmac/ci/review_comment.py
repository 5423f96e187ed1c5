"""Post a report as the one comment of its pull request.

The program runs with a token: it trusts nothing in the report.
CML posts. If it is not installed or fails, the same comment is posted through GitHub's API.
Only the standard library is imported: the job that has the token installs nothing but CML.
"""

import os
import re
import subprocess
import tempfile
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tarmac.ci.github_api import (
    Environment,
    GitHubError,
    ReportError,
    call_api,
    fetch_entries,
    read_report,
)
from tarmac.interface.errors import exit_on_user_error, format_error_inline
from tarmac.repository.imports import find_imported_files

TITLE = "model-report"  # CML finds its comment again by it: letters, digits and hyphens only
SEEN = 30  # comments that CML looks through for its own
ME = "github-actions[bot]"  # who writes with the token of a workflow
WATERMARK = re.compile(rf"CML watermark ({TITLE}(-[0-9]+)?)\"")
ENTRIES = ("tarmac.review.run", "tarmac.ci.review_comment", "tarmac.ci.propose", "tarmac.ci.ship")
# What starts these, and names the problem; in a project also the release that has them.
STARTERS = (
    ".github/",
    "Makefile",
    "make/",
    "pyproject.toml",
    "requirements/",
    "src/tarmac/cli/",
    "vendor/",
)
WORKFLOWS = ".github/"  # GitHub takes those of a pull request from the pull request itself
AFTER = "> They judge after the merge, and not before.\n"


def main(environment: Mapping[str, str]) -> None:
    """Find the pull request and post the report.

    A pull request that is closed, or has a newer commit, gets nothing: its own run will post. Raise
    `ReportError`, after a notice was posted, if the report is hostile.
    """
    number = find_pull_request(environment)
    if number is None:
        print(f"no open pull request has {environment['HEAD_SHA']} as its head: nothing to post")
        return
    try:
        body, refused = read_report(Path(environment["REPORT"])), None
    except ReportError as error:
        body, refused = f"There is no report to show: {format_error_inline(error)}.", error
    start = render_heading(
        environment, find_changed_review_files(environment, number)
    ) + render_attempt_count(environment)
    post_comment(start + body, number, environment)
    if refused and Path(environment["REPORT"]).parent.exists():
        raise refused


def find_pull_request(environment: Mapping[str, str]) -> int | None:
    """Return the number of the open pull request whose head is this commit, or None.

    The event does not name the pull request if it comes from a fork.
    """
    head = f"{environment['HEAD_OWNER']}:{environment['HEAD_BRANCH']}"
    query = urllib.parse.urlencode({"state": "open", "head": head, "per_page": 100})
    pulls = call_api("GET", f"pulls?{query}", environment)
    return next(
        (int(pull["number"]) for pull in pulls if pull["head"]["sha"] == environment["HEAD_SHA"]),
        None,
    )


def find_changed_review_files(environment: Mapping[str, str], number: int) -> list[str]:
    """Return the files of the pull request that decide its verdict.

    The working directory is the base's, in a project as in this repository.
    """
    files = fetch_entries(f"pulls/{number}/files", environment)
    names = []
    for file in files:
        if "previous_filename" in file:
            names.append(str(file["previous_filename"]))
        if "filename" in file:
            names.append(str(file["filename"]))
    code = {path.removesuffix(".py") for path in find_imported_files(Path.cwd(), *ENTRIES)}
    return [name for name in names if name.startswith(STARTERS) or _is_review_code(name, code)]


def _is_review_code(name: str, code: set[str]) -> bool:
    """Check whether a file is one of some modules or is imported instead of one: `src/json.py`."""
    path = Path(name)
    if path.suffix == ".py" and path.parts[:-1] in ((), ("src",)):
        return True
    return any(str(stem) in code for stem in (path.with_suffix(""), *path.parents))


def select_watermark(comments: list[Any]) -> str:
    """Return the watermark for CML: one that no comment of somebody else has.

    CML would overwrite such a comment. A reply that quotes the report has its watermark, too.
    """
    foreign = set[str]()
    for entry in comments:
        if not _is_own_comment(entry):
            foreign.update(match[1] for match in WATERMARK.finditer(entry["body"]))
    name, number = TITLE, 1
    while name in foreign:
        number += 1
        name = f"{TITLE}-{number}"
    return name


def find_outdated_comments(comments: list[Any], name: str) -> list[int]:
    """Return the ids of own reports that CML will not edit.

    They have another watermark, or stand further down than CML looks.
    """
    outdated = []
    for place, entry in enumerate(comments):
        if not _is_own_comment(entry):
            continue
        mark = WATERMARK.search(entry["body"])
        if mark and (mark[1] != name or place >= SEEN):
            outdated.append(int(entry["id"]))
    return outdated


def _is_own_comment(comment: Mapping[str, Any]) -> bool:
    return bool(comment["user"]["login"] == ME)


def render_heading(environment: Mapping[str, str], judges: list[str]) -> str:
    """Return the heading, which says what the report cannot say of itself.

    It says whether the check passed, and whether files that decide it were changed.
    """
    mark = "✅" if environment["CONCLUSION"] == "success" else "❌"
    run = f"[the run]({environment['RUN_URL']})"
    line = (
        f"{mark} The check ended with **{environment['CONCLUSION']}** "
        f"for {environment['HEAD_SHA'][:9]}, see {run}.\n\n"
    )
    warning = (
        "> [!WARNING]\n"
        f"> Files that decide how it is judged are changed here ({len(judges)}): read them.\n"
    )
    own = "> The workflow is one of them: this verdict is the pull request's own word.\n"
    mine = any(name.startswith(WORKFLOWS) for name in judges)
    return line + (f"{warning}{own if mine else AFTER}\n" if judges else "")


def render_attempt_count(environment: Mapping[str, str]) -> str:
    """Say how many commits of this branch were reviewed, if there are several.

    The best of many is good by luck. The last hundred reviews of branches of this name are counted.
    Return an empty text if GitHub does not say, so that nobody waits.
    """
    query = {"branch": environment["HEAD_BRANCH"], "event": "pull_request", "per_page": 100}
    try:
        runs = call_api(
            "GET", f"actions/workflows/review.yml/runs?{urllib.parse.urlencode(query)}", environment
        )
        own = [
            run
            for run in runs["workflow_runs"]
            if run["head_repository"]["owner"]["login"] == environment["HEAD_OWNER"]
        ]
        judged = {run["head_sha"] for run in own if run["conclusion"] in ("success", "failure")}
    except (GitHubError, KeyError, TypeError) as error:
        print(f"how many commits of this branch were judged is not known: {error!r}")
        return ""
    many = (
        f"{len(judged)} commits of this branch have been judged: "
        "the best of many passes more easily, by luck.\n\n"
    )
    return many if len(judged) > 1 else ""


def post_comment(body: str, number: int, environment: Mapping[str, str]) -> None:
    """Post the comment, or edit the one that is there: by CML, or else by GitHub's API.

    Raises `GitHubError`.
    """
    comments = fetch_entries(f"issues/{number}/comments", environment)
    name = select_watermark(comments)
    for identity in find_outdated_comments(comments, name):
        call_api("DELETE", f"issues/comments/{identity}", environment)
    problem = _post_by_cml(body, number, name, environment)
    if problem:
        print(f"{problem}: the comment is posted through GitHub's API instead")
        _post_by_api(body, number, name, environment)


def _post_by_cml(body: str, number: int, name: str, environment: Mapping[str, str]) -> str:
    """Return why CML has not posted; empty if it has."""
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    target = [f"--repo={server}/{environment['GITHUB_REPOSITORY']}", f"--target=pr/{number}"]
    own = {"GITHUB_SHA": environment["HEAD_SHA"], "ITERATIVE_DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "comment.md"
        path.write_text(body, encoding="utf-8")
        command = [
            "cml",
            "comment",
            "update",
            *target,
            "--publish=false",
            f"--watermark-title={name}",
            str(path),
        ]
        try:
            subprocess.run(command, check=True, env={**environment, **own})
        except FileNotFoundError:
            return "cml is not installed"
        except subprocess.CalledProcessError as error:
            return f"cml ended with exit status {error.returncode}"
    return ""


def _post_by_api(body: str, number: int, name: str, environment: Mapping[str, str]) -> None:
    """Write the comment that CML would write, with its watermark.

    CML finds the comment by the watermark the next time.
    """
    watermark = (
        f'![](https://cml.dev/watermark.png#{environment["HEAD_SHA"]} "CML watermark {name}")'
    )
    content = {"body": f"{body}\n\n{watermark}"}
    comments = fetch_entries(f"issues/{number}/comments", environment)
    mine = [
        entry
        for entry in comments
        if _is_own_comment(entry) and f'CML watermark {name}"' in entry["body"]
    ]
    if mine:
        call_api("PATCH", f"issues/comments/{mine[-1]['id']}", environment, content)
    else:
        call_api("POST", f"issues/{number}/comments", environment, content)


if __name__ == "__main__":
    with exit_on_user_error():
        main(Environment(os.environ))
