"""The pull request text is within GitHub's limits and safe for hostile input.

Its first line identifies it.
"""

from pathlib import Path

import pytest

from tarmac.ci import pull_request
from tarmac.ci.branch import PushedCommit
from tarmac.ci.outcome import MONITORING, REVIEW, RunOutcome
from tests.github import Page
from tests.hostile import WORST

PUSHED = PushedCommit("c" * 40, "main", "a" * 64, new=True)
FOUND = RunOutcome(
    "critical",
    "retrain",
    "temp has drifted",
    "a model",
    "pass",
    "better: roc_auc",
    (),
    automatic=False,
)
LIMIT, TITLE = 65_536, 256  # characters that GitHub takes


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (MONITORING, REVIEW):
        path.parent.mkdir()
        path.write_text(f"what {path.parent} found\n")


def test_body_shows_verdict_before_both_reports():
    body = pull_request.render_body(PUSHED, FOUND)
    assert body.splitlines()[0] == f"<!-- retraining {'a' * 64} -->"
    assert (
        body.index("temp has drifted")
        < body.index("what review found")
        < body.index("what monitoring found")
    )
    assert Page(body).around("what monitoring found")[0] == "details"


@pytest.mark.parametrize("long", ["x" * 59_000 + "\n", "x\n" * 29_000, "```\n" + "x\n" * 29_000])
def test_body_and_title_stay_within_github_limits(long):
    for path in (MONITORING, REVIEW):
        path.write_text(long)
    body = pull_request.render_body(PUSHED, FOUND)
    assert len(body) <= LIMIT
    assert body.count("The report is cut here") == 2
    assert body.endswith("</details>")
    assert (
        len(
            pull_request.format_title(
                RunOutcome(
                    "critical", "retrain", "", "a model", "fail", "x" * 1000, (), automatic=False
                )
            )
        )
        <= TITLE
    )


def test_missing_or_linked_report_is_replaced_by_notice(tmp_path):
    REVIEW.unlink()
    (tmp_path / "secret").write_text("secret")
    MONITORING.unlink()
    MONITORING.symlink_to(tmp_path / "secret")
    body = pull_request.render_body(PUSHED, FOUND)
    assert body.count("There is no report to show") == 2
    assert "secret" not in body


def test_marker_in_report_does_not_replace_body_marker():
    REVIEW.write_text(f"<!-- retraining {'b' * 64} -->")
    assert pull_request.MARK.search(pull_request.render_body(PUSHED, FOUND))[1] == "a" * 64


def test_monitoring_summary_adds_no_markup_or_references():
    hostile = RunOutcome("critical", "retrain", WORST, "a model", "pass", "", (), automatic=False)
    usual = RunOutcome("critical", "retrain", "x", "a model", "pass", "", (), automatic=False)
    assert (
        Page(pull_request.render_body(PUSHED, hostile)).tags
        == Page(pull_request.render_body(PUSHED, usual)).tags
    )
    assert Page(pull_request.render_body(PUSHED, hostile)).references == []


@pytest.mark.parametrize(
    ("automatic", "words"), [(True, "without a person"), (False, "`make release`")]
)
def test_body_states_the_release_policy(automatic, words):
    found = RunOutcome("critical", "retrain", "", "a model", "pass", "", (), automatic=automatic)
    assert words in pull_request.render_body(PUSHED, found)
