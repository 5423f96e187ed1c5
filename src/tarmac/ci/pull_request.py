"""Maintain the one pull request of a retraining: open it, or update it in place, and merge it.

It is merged only if the policy says so.
"""

import re
from collections.abc import Mapping
from typing import Any

from tarmac.ci.branch import BRANCH, PushedCommit
from tarmac.ci.github_api import call_api, fetch_entries
from tarmac.ci.outcome import MONITORING, REVIEW, RunOutcome, render_report
from tarmac.reporting.markdown import escape_text, render_details, truncate_report

MARK = re.compile(r"<!-- retraining ([0-9a-f]{64}) -->")
# Characters of the body, and what the monitoring's report has of them at most.
LONGEST, MONITORED = (60_000, 15_000)
TITLE = 200  # characters
# What GitHub does not start by itself for a branch that this token pushes.
STARTED = ("checks", "review")


def submit_pull_request(
    pushed: PushedCommit, outcome: RunOutcome, environment: Mapping[str, str]
) -> Mapping[str, Any] | None:
    """Open or update the pull request; return None if this very content was refused before."""
    known = _list_pull_requests(environment)
    open_ = next((pull for pull in known if pull["state"] == "open"), None)
    wanted = {"title": format_title(outcome), "body": render_body(pushed, outcome)}
    if open_ is not None:
        return _update_pull_request(open_, wanted, environment)
    if any(
        _parse_content_hash(pull) == pushed.content and not pull.get("merged_at") for pull in known
    ):
        return None
    created = call_api(
        "POST", "pulls", environment, {**wanted, "head": BRANCH, "base": pushed.default}
    )
    print(f"opened {created['html_url']}")
    return dict(created)


def start_workflows(commit: str, environment: Mapping[str, str]) -> None:
    """Start what judges the branch, once for a commit: GitHub would wait for a person's click."""
    for name in STARTED:
        query = f"head_sha={commit}&event=workflow_dispatch&per_page=1"
        if not call_api("GET", f"actions/workflows/{name}.yml/runs?{query}", environment)[
            "total_count"
        ]:
            call_api(
                "POST", f"actions/workflows/{name}.yml/dispatches", environment, {"ref": BRANCH}
            )
            print(f"started {name}")


def merge_pull_request(number: int, pushed: PushedCommit, environment: Mapping[str, str]) -> str:
    """Merge what was pushed and nothing else; return the commit.

    Raise `GitHubError` if GitHub refuses.
    """
    return str(call_api("PUT", f"pulls/{number}/merge", environment, {"sha": pushed.commit})["sha"])


def format_title(outcome: RunOutcome) -> str:
    """The verdict in one line."""
    return f"{outcome.made[:1].upper()}{outcome.made[1:]}, {outcome.review}: {outcome.headline}"[
        :TITLE
    ]


def render_body(pushed: PushedCommit, outcome: RunOutcome) -> str:
    """Return the verdict, what a person has to do, and both reports.

    The mark by which the pull request is found again comes first.
    """
    what = (
        "Merging makes this the model of the default branch; "
        "`make release` and `make promote` put it into service."
    )
    if outcome.automatic:
        what = "The policy merges, releases and promotes what passes, without a person."
    why = f"A machine has made this: {escape_text(outcome.made)}. {escape_text(outcome.summary)}"
    head = f"<!-- retraining {pushed.content} -->\n{why}\n\n{what}\n\n"
    monitoring = "\n\n" + render_details(
        f"Monitoring: {outcome.verdict}", truncate_report(render_report(MONITORING), MONITORED)
    )
    return (
        head
        + truncate_report(render_report(REVIEW), LONGEST - len(head) - len(monitoring))
        + monitoring
    )


def _list_pull_requests(environment: Mapping[str, str]) -> list[Any]:
    owner = environment["GITHUB_REPOSITORY"].partition("/")[0]
    return fetch_entries("pulls", environment, state="all", head=f"{owner}:{BRANCH}")


def _update_pull_request(
    pull: Mapping[str, Any], wanted: Mapping[str, str], environment: Mapping[str, str]
) -> Mapping[str, Any]:
    if all(pull[name] == value for name, value in wanted.items()):
        print(f"{pull['html_url']} says this already")
        return pull
    call_api("PATCH", f"pulls/{pull['number']}", environment, wanted)
    print(f"updated {pull['html_url']}")
    return pull


def _parse_content_hash(pull: Mapping[str, Any]) -> str:
    marked = MARK.search(pull["body"] or "")
    return marked[1] if marked else ""
