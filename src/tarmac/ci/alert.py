"""Notify a person by one issue: open it once, update it in place, close it when all is well."""

import re
from collections.abc import Mapping
from typing import Any

from tarmac.ci.github_api import call_api, fetch_entries
from tarmac.ci.outcome import MONITORING, RunOutcome, render_report
from tarmac.reporting.markdown import escape_text, truncate_report

LABEL = "monitoring"
MARK = re.compile(r"<!-- alert ([0-9a-f]{16}) -->")


def update_alert(outcome: RunOutcome, environment: Mapping[str, str]) -> None:
    """Open, update or close the alert.

    Leave it as it is if the outcome is neither well nor a reason to notify a person.
    """
    issue = _find_open_alert(environment)
    if outcome.alert:
        _raise_alert(issue, outcome, environment)
    elif issue is not None and (outcome.verdict == "ok" or outcome.review == "pass"):
        why = (
            "a retraining has passed its review"
            if outcome.review == "pass"
            else f"all is well again: {escape_text(outcome.summary)}"
        )
        call_api(
            "POST",
            f"issues/{issue['number']}/comments",
            environment,
            {"body": f"Closed by the monitoring: {why}"},
        )
        call_api(
            "PATCH",
            f"issues/{issue['number']}",
            environment,
            {"state": "closed", "state_reason": "completed"},
        )
        print(f"closed {issue['html_url']}")


def _raise_alert(
    issue: Mapping[str, Any] | None, outcome: RunOutcome, environment: Mapping[str, str]
) -> None:
    wanted = {
        "title": f"Monitoring: {outcome.alert}"[:200],
        "body": render_alert(outcome, environment),
    }
    if issue is None:
        created = call_api("POST", "issues", environment, {**wanted, "labels": [LABEL]})
        print(f"opened {created['html_url']}")
        return
    marked = MARK.search(issue["body"])
    if marked is None or marked[1] != outcome.reason:
        comment = {"body": f"The reason is another one now: {escape_text(outcome.alert)}"}
        call_api("POST", f"issues/{issue['number']}/comments", environment, comment)
    call_api("PATCH", f"issues/{issue['number']}", environment, wanted)
    print(f"updated {issue['html_url']}")


def render_alert(outcome: RunOutcome, environment: Mapping[str, str]) -> str:
    """The reason, what stays as it was, and the report. What it is found again by comes first."""
    run = _format_run_url(environment)
    head = f"<!-- alert {outcome.reason} -->\n**{escape_text(outcome.alert)}**\n\n"
    stays = "The live model stays as it is; `docs/retrain.md` says what to do."
    link = f" What was done: [the run]({run})." if run else ""
    return truncate_report(f"{head}{stays}{link}\n\n{render_report(MONITORING)}\n")


def _format_run_url(environment: Mapping[str, str]) -> str:
    """The page of the run, where it is one of GitHub's."""
    if not environment.get("GITHUB_RUN_ID"):
        return ""
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    return (
        f"{server}/{environment['GITHUB_REPOSITORY']}/actions/runs/{environment['GITHUB_RUN_ID']}"
    )


def _find_open_alert(environment: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The alert that is open: of the issues with the label the oldest that a run wrote."""
    labelled = fetch_entries("issues", environment, state="open", labels=LABEL, direction="asc")
    return next(
        (one for one in labelled if "pull_request" not in one and MARK.search(one["body"] or "")),
        None,
    )
