"""A pull request gets its comment from two workflows in sequence.

They are the review workflow and the comment workflow.
"""

from copy import deepcopy

import pytest

from tests.conftest import Workspace
from tests.sandboxed import needs_sandbox
from tests.workflows.conftest import commit, commit_result
from tests.workflows.rehearsal import OUTSIDER, TOKEN, Rehearsal, Review
from tests.workflows.runner import Job

TAKE, JUDGE, SHOW = "Take the base's code", "Rebuild in the sandbox", "Show the report"
ODD_BASE = "base$(touch${IFS}pwned);`touch${IFS}pwned`"
ODD_HEAD = """it's$(touch${IFS}pwned);"x&&touch${IFS}pwned|`touch${IFS}pwned`#$HOME"""


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> None:
    needs_sandbox()


@pytest.fixture(scope="module")
def author(rehearsal: Rehearsal) -> Workspace:
    return rehearsal.work("author")


@pytest.fixture(scope="module")
def goal(rehearsal: Rehearsal) -> str:
    """Return the commit that the pull request is to continue from.

    It is the tip of a branch of its own, not that of the default one.
    """
    other = rehearsal.work("other")
    other.run("git", "commit", "--quiet", "--allow-empty", "--message", "release")
    other.run("git", "push", "--quiet", str(rehearsal.repository()), f"HEAD:refs/heads/{ODD_BASE}")
    return other.run("git", "rev-parse", "HEAD").stdout.strip()


@pytest.fixture(scope="module")
def first(rehearsal: Rehearsal, author: Workspace, goal: str) -> Review:
    """A parameter is changed, the pipeline has run, everything is pushed.

    It comes from a branch and goes into a branch whose names are commands to a careless shell.
    """
    author.set_params(lambda params: params["train"]["xgboost"].update(max_depth=4))
    commit_result(author, "shallower")
    return rehearsal.review(rehearsal.propose(author, ODD_HEAD, base=ODD_BASE))


@pytest.fixture(scope="module")
def second(rehearsal: Rehearsal, author: Workspace, first: Review) -> Review:
    """A second push to the same branch: a model that learns next to nothing."""
    author.set_params(lambda params: params["train"].update(max_rounds=1))
    commit_result(author, "one round")
    return rehearsal.review(rehearsal.propose(author, ODD_HEAD, base=ODD_BASE))


@pytest.fixture(scope="module")
def forked(rehearsal: Rehearsal) -> Review:
    """Change a text and nothing of the model in somebody's fork.

    Its branch has the same name as the default one.
    """
    outsider = rehearsal.work("outsider")
    (outsider.path / "NOTES.md").write_text("a note\n")
    commit(outsider, "note")
    return rehearsal.review(rehearsal.propose(outsider, "main", owner=OUTSIDER))


def comment(rehearsal: Rehearsal, review: Review) -> str:
    """The one comment after this review, which was the last; the pull request is as it was then."""
    pulls = [pull for pull in rehearsal.github.pulls if pull["number"] != review.number]
    rehearsal.github.pulls[:] = [*pulls, deepcopy(dict(review.pull))]
    job = rehearsal.comment(review)
    assert job.result == "success", job.log
    return rehearsal.only_comment(review.number)


def outcomes(job: Job | None) -> list[str]:
    """How the three steps of the review ended that are commands."""
    assert job is not None
    return [job.step(name).outcome for name in (TAKE, JUDGE, SHOW)]


def test_changed_parameter_with_result_passes_with_comment(rehearsal, first):
    rehearsal.forget()
    assert outcomes(first.job) == ["success"] * 3, first.job.log
    assert first.job.result == "success"
    assert (first.verdict["verdict"], first.report.split(":")[0]) == ("pass", "## ✅ Pass")
    assert "| `train.xgboost.max_depth` | `6` | `4` |" in first.report
    assert "rebuilt from raw data in a sandbox, bit for bit" in first.report
    body = comment(rehearsal, first)
    assert body.startswith(
        f"✅ The check ended with **success** for {first.sha[:9]}, see [the run]("
    )
    assert f"\n\n{first.report}\n" in body
    assert first.sha in body.splitlines()[-1]
    assert "WARNING" not in body


def test_report_is_in_run_summary_and_artifact(first, second, forked):
    for review in (first, second, forked):
        assert review.job.summary == review.report
        assert sorted(path.name for path in review.artifact.iterdir()) == [
            "report.md",
            "verdict.json",
        ]


def test_second_push_edits_existing_comment(rehearsal, first, second):
    rehearsal.forget()
    before, after = comment(rehearsal, first), comment(rehearsal, second)
    assert rehearsal.github.comments[0]["edits"] == 1
    assert (first.sha[:9] in before, second.sha[:9] in before) == (True, False)
    assert (first.sha[:9] in after, second.sha[:9] in after) == (False, True)
    assert second.report in after


def test_much_worse_model_fails(rehearsal, second):
    rehearsal.forget()
    assert outcomes(second.job) == ["success", "failure", "success"]
    assert second.job.result == "failure"
    assert "log_loss" in failing(second)
    assert "`log_loss` ↓ | " in second.report
    body = comment(rehearsal, second)
    assert body.startswith("❌ The check ended with **failure**")
    assert "## ❌ Fail: " in body


def failing(review: Review) -> dict[str, str]:
    """Reasons of the checks that fail, by name."""
    return {
        check["name"]: check["reason"]
        for check in review.verdict["checks"]
        if check["outcome"] == "fail"
    }


def test_fork_gets_review_and_comment(rehearsal, forked):
    rehearsal.forget()
    assert forked.pull["head"]["repo"]["full_name"] == f"{OUTSIDER}/flights"
    assert (outcomes(forked.job), forked.job.result) == (["success"] * 3, "success")
    body = comment(rehearsal, forked)
    assert body.startswith("✅ The check ended with **success**")
    assert forked.report in body


def test_unchanged_model_is_reported_as_identical(forked):
    assert forked.report.startswith("## ✅ Pass: the metrics are the same\n")
    assert "| reproduced | `identical` |" in forked.report
    assert "`NOTES.md`" in forked.report


def test_branch_name_is_not_executed_and_base_is_found(rehearsal, first, goal):
    rehearsal.forget()
    assert first.job.step(JUDGE).env["GITHUB_BASE_REF"] == ODD_BASE
    assert first.pull["head"]["ref"] == ODD_HEAD
    assert first.verdict["lineage"]["base"] == goal
    comment(rehearsal, first)
    asked = [
        request.query["head"]
        for request in rehearsal.github.requests
        if request.path.endswith("/pulls")
    ]
    assert asked == [f"team:{ODD_HEAD}"]
    assert list(rehearsal.folder.rglob("pwned")) == []


def test_pull_request_code_cannot_read_token(first, second, forked):
    for review in (first, second, forked):
        assert review.job.machine.contexts["github"]["token"] == TOKEN
        held = [value for step in review.job.steps for value in step.env.values()]
        assert [value for value in held if TOKEN in value] == []
        files = [
            path
            for path in review.job.machine.folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        ]
        assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
