"""The one issue by which a person is told: opened once, brought up to date where it stands, closed when all is well."""

import re
from collections.abc import Mapping
from typing import Any

from tarmac.ci.github_api import api, every
from tarmac.ci.outcome import MONITORING, Found, report
from tarmac.reporting.markdown import fit, text

LABEL = "monitoring"
MARK = re.compile(r"<!-- alert ([0-9a-f]{16}) -->")


def tell(found: Found, environment: Mapping[str, str]) -> None:
    """Opens, updates or closes the alert. What is neither well nor a reason to tell somebody leaves it as it is."""
    issue = _standing(environment)
    if found.alert:
        _raise(issue, found, environment)
    elif issue is not None and (found.verdict == "ok" or found.review == "pass"):
        why = (
            "a retraining has passed its review"
            if found.review == "pass"
            else f"all is well again: {text(found.summary)}"
        )
        api("POST", f"issues/{issue['number']}/comments", environment, {"body": f"Closed by the monitoring: {why}"})
        api("PATCH", f"issues/{issue['number']}", environment, {"state": "closed", "state_reason": "completed"})
        print(f"closed {issue['html_url']}")


def _raise(issue: Mapping[str, Any] | None, found: Found, environment: Mapping[str, str]) -> None:
    wanted = {"title": f"Monitoring: {found.alert}"[:200], "body": body(found, environment)}
    if issue is None:
        made = api("POST", "issues", environment, {**wanted, "labels": [LABEL]})
        print(f"opened {made['html_url']}")
        return
    marked = MARK.search(issue["body"])
    if marked is None or marked[1] != found.reason:
        comment = {"body": f"The reason is another one now: {text(found.alert)}"}
        api("POST", f"issues/{issue['number']}/comments", environment, comment)
    api("PATCH", f"issues/{issue['number']}", environment, wanted)
    print(f"updated {issue['html_url']}")


def body(found: Found, environment: Mapping[str, str]) -> str:
    """The reason, what stays as it was, and the report. What it is found again by comes first."""
    run = _run(environment)
    head = f"<!-- alert {found.reason} -->\n**{text(found.alert)}**\n\n"
    stays = "The live model stays as it is; `docs/retrain.md` says what to do."
    link = f" What was done: [the run]({run})." if run else ""
    return fit(f"{head}{stays}{link}\n\n{report(MONITORING)}\n")


def _run(environment: Mapping[str, str]) -> str:
    """The page of the run, where it is one of GitHub's."""
    if not environment.get("GITHUB_RUN_ID"):
        return ""
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    return f"{server}/{environment['GITHUB_REPOSITORY']}/actions/runs/{environment['GITHUB_RUN_ID']}"


def _standing(environment: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The alert that is open: of the issues with the label the oldest that a run wrote."""
    labelled = every("issues", environment, state="open", labels=LABEL, direction="asc")
    return next((one for one in labelled if "pull_request" not in one and MARK.search(one["body"] or "")), None)
