"""Outcome of a retraining run: valid records are read as written.

Unreadable records block the outcome and raise an alert.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tarmac.ci.outcome import (
    MONITORED,
    REVIEW,
    REVIEWED,
    RunOutcome,
    read_run_outcome,
    render_report,
)

OK = {"verdict": "ok", "decision": "none", "summary": "all as usual", "checks": []}
DRIFTED = {
    "verdict": "critical",
    "decision": "retrain",
    "summary": "temp has drifted",
    "made": "a model",
    "checks": [],
}
ACTING = [
    {"kind": "drift", "name": name, "outcome": outcome}
    for name, outcome in (("b", "critical"), ("a", "critical"), ("c", "ok"))
]
HELD = {"verdict": "critical", "decision": "block", "summary": "temp is missing", "checks": ACTING}
PASS = {"verdict": "pass", "summary": "better: roc_auc", "checks": []}
FAIL = {
    "verdict": "fail",
    "summary": "roc_auc: worse",
    "checks": [{"kind": "metric", "name": "x", "outcome": "fail"}],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in (MONITORED, REVIEWED):
        path.parent.mkdir()
    return tmp_path


def left(monitored: object = None, reviewed: object = None, outcome: str = "success") -> RunOutcome:
    for path, tree in ((MONITORED, monitored), (REVIEWED, reviewed)):
        path.unlink(missing_ok=True)
        if tree is not None:
            path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return read_run_outcome(outcome)


def test_ok_run_is_not_blocked_and_raises_no_alert():
    run = left(OK)
    assert (run.verdict, run.decision, run.alert, run.automatic) == ("ok", "none", "", False)


@pytest.mark.parametrize(
    ("reviewed", "alert"),
    [(PASS, ""), (FAIL, "what was made did not pass its review: roc_auc: worse")],
)
def test_retraining_reports_verdict_of_its_review(reviewed, alert):
    run = left(DRIFTED, reviewed)
    assert (run.decision, run.review, run.headline, run.alert) == (
        "retrain",
        reviewed["verdict"],
        reviewed["summary"],
        alert,
    )


def test_review_is_ignored_without_retraining():
    assert left(OK, FAIL).review == ""
    assert left(HELD, FAIL).alert == "temp is missing"


BROKEN = {
    "nothing": (
        None,
        None,
        "success",
        "monitoring/monitoring.json is missing; open the log of the run",
    ),
    "cut": (
        '{"verdict"',
        None,
        "success",
        "the run failed: monitoring/monitoring.json is not valid JSON: line 1, column 11: "
        "Expecting ':' delimiter; open the log of the run",
    ),
    "a list": ([OK], None, "success", "monitoring.json is not a JSON object"),
    "deep": ("[" * 100_000, None, "success", "monitoring.json is not valid JSON: "),
    "no decision": ({"verdict": "ok"}, None, "success", "has no valid decision"),
    "another decision": (
        {**OK, "decision": "release"},
        None,
        "success",
        "has no valid decision",
    ),
    "another verdict": (
        {**OK, "verdict": "</summary>"},
        None,
        "success",
        "has no valid verdict",
    ),
    "a list for a word": (
        {**OK, "verdict": ["ok"]},
        None,
        "success",
        "has no valid verdict",
    ),
    "checks that are none": (
        {**HELD, "checks": ["x"]},
        None,
        "success",
        "`checks` in monitoring/monitoring.json is not",
    ),
    "no review": (DRIFTED, None, "success", "review/verdict.json is missing or has no verdict"),
    "a review without verdict": (
        DRIFTED,
        {"summary": "x"},
        "success",
        "review/verdict.json is missing or has no verdict",
    ),
    "a cut review": (DRIFTED, "{", "success", "verdict.json is not valid JSON: line 1, "),
    "a failure after": (DRIFTED, PASS, "failure", "failed after monitoring"),
    "a failure in spite of it": (OK, None, "failure", "failed after monitoring"),
    "a step that did not run": (OK, None, "skipped", "failed after monitoring"),
}


@pytest.mark.parametrize(("monitored", "reviewed", "outcome", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_run_is_blocked_with_an_alert(monitored, reviewed, outcome, words):
    run = left(monitored, reviewed, outcome)
    assert (run.verdict, run.decision, run.automatic) == ("critical", "block", False)
    assert words in run.alert


def test_alert_of_blocked_month_is_its_own_summary():
    assert left({**HELD, "checks": []}, None, "failure").alert == "temp is missing"


def test_symbolic_links_are_not_followed(here):
    (here / "secret").write_text(json.dumps(OK))
    MONITORED.symlink_to(here / "secret")
    assert read_run_outcome().decision == "block"
    REVIEW.symlink_to(here / "secret")
    assert (
        render_report(REVIEW)
        == "There is no report to show: review/report.md is behind a symbolic link; open the log "
        "of the run, and look for the step that writes this file."
    )


@pytest.mark.parametrize(
    "release", ["manual", "Automatic", "automatic ", True, 1, None, ["automatic"]]
)
def test_only_exact_word_automatic_enables_automatic_release(release):
    assert left({**DRIFTED, "release": release}, PASS).automatic is False
    assert left({**DRIFTED, "release": "automatic"}, PASS).automatic is True


def test_reason_depends_on_critical_checks_not_on_summary():
    run = left(HELD)
    assert run.acting == ("drift:a", "drift:b")
    assert run.reason == left({**HELD, "summary": "91 %", "checks": ACTING[::-1]}).reason
    others: list[tuple[Any, Any]] = [
        ({**HELD, "checks": ACTING[1:]}, None),
        (DRIFTED, FAIL),
        ({**HELD, "checks": []}, None),
    ]
    assert len({run.reason, *(left(*other).reason for other in others)}) == 4


def test_summary_is_one_short_line_without_mentions():
    run = left({**HELD, "summary": "a\n::warning::b\r@octocat &#64;team" + "x" * 1000})
    assert "\n" not in run.summary
    assert run.summary.startswith("a ::warning::b @\u200boctocat @\u200bteam")
    assert len(run.summary) == 300
    assert dataclasses.replace(run, decision="none").alert == ""
