"""The monthly retraining workflow: what is pushed, proposed, reported, merged and released.

In the place of `make retrain` stands a recipe that leaves what a test says. Tarmac's own commands
are recorded.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Workspace
from tests.github import Page
from tests.workflows.conftest import commit
from tests.workflows.github import Request, serving
from tests.workflows.rehearsal import OWNER, SLUG, TOKEN, Rehearsal
from tests.workflows.runner import Job
from tests.workflows.team import MORE, Team
from tests.workflows.test_comment import leaked, where
from tests.workflows.test_gpu import Machine

pytestmark = pytest.mark.program

RETRAIN, PROPOSE, SHIP = "make retrain", "make propose", "make ship"
STAND_IN = '\nretrain:\n\t@cp -r "$$INCOMING/left/." . && exit $$(cat "$$INCOMING/status")\n'
KEPT = {
    "dvc.lock": "0",
    "metrics/m.json": "0",
    "models/card.md": "0",
    "data/raw.dvc": "0",
    "data/remote/ab/c": "0",
}
BOT_MAIL = "41898282+github-actions[bot]@users.noreply.github.com"
HOSTILE = (
    "@octocat &#64;octocat <!-- retraining "
    + "0" * 64
    + " --> </details> <!-- \n\n@team/admins\n\n<details>\n"
)


@dataclass
class Month:
    """What `make retrain` leaves."""

    verdict: str = "critical"
    decision: str = "retrain"
    summary: str = "temp has drifted"
    made: str = "a model of two months"
    review: str = "pass"
    release: str = "manual"
    result: str = "1"  # bytes of the model, so to say
    status: int = 0
    acting: tuple[str, ...] = ("temp",)
    failing: tuple[str, ...] = ("roc_auc",)
    report: str = "## Monitoring\n\nwhat was found\n"
    reviewed: str = "## ✅ Pass: better: roc_auc\n"
    without: tuple[str, ...] = ()  # files that are not left
    files: Mapping[str, str] = field(default_factory=dict)

    def leave(self, folder: Path) -> None:
        """Write it to a folder for the stand-in."""
        checks = [
            {"kind": "drift", "name": name, "outcome": "critical", "reason": "r"}
            for name in self.acting
        ]
        monitored = {
            "verdict": self.verdict,
            "decision": self.decision,
            "summary": self.summary,
            "checks": checks,
        }
        monitored["made"] = self.made if self.decision == "retrain" else ""
        judged = [
            {"kind": "metric", "name": name, "outcome": "fail", "reason": "r"}
            for name in self.failing
        ]
        reviewed = {"verdict": self.review, "summary": "better: roc_auc", "checks": judged}
        files = {
            "monitoring/monitoring.json": json.dumps(monitored | {"release": self.release}),
            "monitoring/report.md": self.report,
        }
        if self.decision == "retrain":
            files |= {
                "review/verdict.json": json.dumps(reviewed),
                "review/report.md": self.reviewed,
            }
            files |= {
                **dict.fromkeys(KEPT, self.result),
                f"data/remote/ab/{self.result}": "an object",
            }
        for name, text in {**files, **self.files}.items():
            if name not in self.without:
                (folder / "left" / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / "left" / name).write_text(text)
        (folder / "status").write_text(str(self.status))


RETRAINED, WELL = Month(), Month("ok", "none", "all as usual", acting=())
HELD = Month(decision="block", summary="temp is missing in 90 % of the rows")
AUTOMATIC = Month(release="automatic")


@dataclass
class Loop:
    """A repository with a machine that runs the workflow on it."""

    rehearsal: Rehearsal
    github: Team
    folder: Path
    runs: int = 0

    def run(self, month: Month, job: str = "retrain", **needs: object) -> Job:
        """One run of a job."""
        self.runs += 1
        place = self.folder / f"month-{self.runs}"
        month.leave(place)
        self.machine = Machine(place / "machine", "tarmac", run=False)
        given = {
            "github": self.rehearsal.context("schedule", {}),
            "vars": {"INCOMING": str(place)},
            "needs": needs,
        }
        return self.rehearsal.run("retrain", job, given, self.machine)

    def good(self, month: Month) -> Job:
        """A run that ends well."""
        job = self.run(month)
        assert job.result == "success", job.log
        return job

    @property
    def tip(self) -> str:
        """The commit of the branch, empty where there is none."""
        return self.github.sha("retrain")

    @property
    def calls(self) -> list[list[str]]:
        """What the last run asked of Tarmac."""
        return self.machine.calls if self.machine.record.exists() else []

    def writes(self, since: int = 0) -> list[str]:
        """What was asked of GitHub besides reading."""
        asked = [
            f"{one.method} {one.path.split('flights/')[1]}" for one in self.github.requests[since:]
        ]
        return [words for words in asked if not words.startswith("GET")]


@pytest.fixture(scope="module")
def base(code: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The code with a result of a few bytes, and the recipe that stands in for the training."""
    target = tmp_path_factory.mktemp("retrained") / "repository"
    shutil.copytree(code.path, target, symlinks=True)
    for name, text in KEPT.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text)
    with (target / "Makefile").open("a") as file:
        file.write(STAND_IN)
    commit(Workspace(target), "live")
    return Workspace(target)


@pytest.fixture
def loop(base: Workspace, tmp_path: Path) -> Iterator[Loop]:
    with serving(Team(SLUG, TOKEN, tmp_path / "github")) as github:
        yield Loop(Rehearsal(github, tmp_path / "rehearsal", base), github, tmp_path)


def test_first_retraining_opens_pull_request_and_hides_token(loop):
    job = loop.good(RETRAINED)
    pull = loop.github.only(loop.github.pulls)
    assert (pull["head"]["label"], pull["base"]["ref"], pull["head"]["sha"]) == (
        f"{OWNER}:retrain",
        "main",
        loop.tip,
    )
    assert pull["title"] == "A model of two months, pass: better: roc_auc"
    assert [
        words in pull["body"] for words in (RETRAINED.reviewed, RETRAINED.report, RETRAINED.summary)
    ] == [True] * 3
    assert "<details>\n<summary>Monitoring: critical</summary>\n\n## Monitoring" in pull["body"]
    assert loop.github.issues == []
    assert [(run["name"], run["head_sha"]) for run in loop.github.runs] == [
        ("checks.yml", loop.tip),
        ("review.yml", loop.tip),
    ]
    assert job.outputs == {"merged": ""}
    assert job.summary == RETRAINED.report + RETRAINED.reviewed
    git = loop.github.git
    assert git("rev-parse", "retrain^") == loop.github.sha("main")
    assert git("diff", "--name-only", "main", "retrain").splitlines() == sorted(
        [*KEPT, "data/remote/ab/1"]
    )
    who = f"github-actions[bot] github-actions[bot] {BOT_MAIL} {BOT_MAIL}"
    assert git("log", "-1", "--format=%an %cn %ae %ce", "retrain") == who
    assert where(job, TOKEN) == [(job.step(PROPOSE), "REPO_TOKEN")]
    assert leaked(job.machine) == []
    assert TOKEN not in job.log
    assert loop.calls == [["tarmac", "push"]]


def test_next_retraining_updates_open_pull_request(loop):
    loop.good(RETRAINED)
    first, asked = loop.tip, len(loop.github.requests)
    loop.good(Month(result="2", reviewed="## ✅ Pass: the next\n"))
    pull = loop.github.only(loop.github.pulls)
    assert "the next" in pull["body"]
    assert (pull["edits"], pull["head"]["sha"]) == (1, loop.tip)
    assert loop.github.git("rev-parse", "retrain^") == loop.github.sha("main")
    assert loop.tip != first
    assert loop.writes(asked) == [
        f"PATCH pulls/{pull['number']}",
        "POST actions/workflows/checks.yml/dispatches",
        "POST actions/workflows/review.yml/dispatches",
    ]


def test_repeated_result_changes_nothing(loop):
    loop.good(RETRAINED)
    tip, asked = loop.tip, len(loop.github.requests)
    job = loop.good(RETRAINED)
    assert (loop.tip, loop.writes(asked)) == (tip, [])
    assert "says this already" in job.log


def push(loop: Loop, branch: str, *names: str, result: str = "9") -> str:
    """Somebody's commit on a branch. Returns it."""
    folder = loop.folder / f"person-{branch}-{loop.runs}"
    loop.rehearsal.git(
        "clone", "--quiet", "--branch", branch, str(loop.rehearsal.repository()), str(folder)
    )
    for name in names:
        (folder / name).write_text(result)
    loop.rehearsal.git("add", "--all", folder=folder)
    loop.rehearsal.git("commit", "--quiet", "--allow-empty", "--message", "mine", folder=folder)
    loop.rehearsal.git("push", "--quiet", "origin", f"HEAD:{branch}", folder=folder)
    return loop.github.sha(branch)


def test_closed_pull_request_is_followed_only_by_new_content(loop):
    loop.good(RETRAINED)
    loop.github.only(loop.github.pulls)["state"] = "closed"
    job = loop.good(RETRAINED)
    assert "it is not opened again" in job.log
    assert [pull["state"] for pull in loop.github.pulls] == ["closed"]
    loop.github.git("update-ref", "-d", "refs/heads/retrain")  # somebody tidies up
    loop.good(RETRAINED)
    assert [pull["state"] for pull in loop.github.pulls] == ["closed"]
    loop.good(Month(result="2"))
    assert [pull["state"] for pull in loop.github.pulls] == ["closed", "open"]


def test_retraining_after_merge_opens_new_pull_request(loop):
    loop.good(RETRAINED)
    number, before = loop.github.only(loop.github.pulls)["number"], loop.github.sha("main")
    loop.github.may = None
    assert loop.github.merge_pull(Request("PUT", "", {}, TOKEN, {}), number)[0] == 200
    loop.good(Month(result="2"))
    assert [pull["state"] for pull in loop.github.pulls] == ["closed", "open"]
    assert loop.github.git("rev-parse", "retrain^") == loop.github.sha("main")
    loop.github.only(loop.github.pulls)["state"] = "closed"
    back = loop.github.git(
        "commit-tree", f"{before}^{{tree}}", "-p", "main", "-m", "it is taken back"
    )
    loop.github.git("update-ref", "refs/heads/main", back)
    loop.good(RETRAINED)
    assert [pull["state"] for pull in loop.github.pulls] == ["closed", "closed", "open"]


def test_commits_of_others_on_branch_are_kept_and_fail_job(loop):
    loop.good(RETRAINED)
    theirs, asked = push(loop, "retrain", "README.md"), len(loop.github.requests)
    job = loop.run(Month(result="2"))
    assert job.result == "failure"
    kept = "the branch retrain on the server has commits of another author and is kept"
    assert f"error: {kept}" in job.log
    assert (loop.tip, loop.writes(asked)) == (theirs, [])


def test_broken_data_opens_one_issue_and_updates_it(loop):
    loop.good(HELD)
    issue = loop.github.only(loop.github.issues)
    assert issue["title"] == "Monitoring: temp is missing in 90 % of the rows"
    assert [label["name"] for label in issue["labels"]] == ["monitoring"]
    assert HELD.report in issue["body"]
    assert "/actions/runs/" in issue["body"]
    loop.good(Month(decision="block", summary="temp is missing in 91 % of the rows"))
    assert loop.github.only(loop.github.issues)["title"].endswith("91 % of the rows")
    assert loop.github.comments == [], "the reason is the same"
    loop.good(Month(decision="block", summary="the months overlap", acting=("months",)))
    assert [comment["body"] for comment in loop.github.comments] == [
        "The reason is another one now: the months overlap"
    ]
    assert len(loop.github.issues) == 1
    assert (loop.tip, loop.github.pulls) == ("", [])


def test_issue_is_closed_only_when_monitoring_is_ok(loop):
    loop.good(HELD)
    loop.good(Month("warning", "none", "temp moves", acting=()))
    issue = loop.github.only(loop.github.issues)
    loop.good(WELL)
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert [comment["body"] for comment in loop.github.on(issue["number"])] == [
        "Closed by the monitoring: all is well again: all as usual"
    ]
    asked = len(loop.github.requests)
    loop.good(WELL)
    assert loop.writes(asked) == []
    loop.good(HELD)
    assert [one["state"] for one in loop.github.issues] == ["closed", "open"]


def test_other_issues_with_same_label_are_unchanged(loop):
    theirs = {
        "number": 7,
        "state": "open",
        "title": "mine",
        "labels": [{"name": "monitoring"}],
        "edits": 0,
    }
    loop.github.issues += [
        {**theirs, "body": None},
        {**theirs, "number": 8, "body": "we should look at this"},
    ]
    loop.good(HELD)
    loop.good(WELL)
    assert [(one["state"], one["edits"]) for one in loop.github.issues[:2]] == [("open", 0)] * 2
    assert loop.github.issues[2]["state"] == "closed"


def test_failed_review_opens_pull_request_and_issue(loop):
    failed = Month(review="fail", reviewed="## ❌ Fail: roc_auc\n", release="automatic")
    job = loop.good(failed)
    pull, issue = loop.github.only(loop.github.pulls), loop.github.only(loop.github.issues)
    assert pull["title"].startswith("A model of two months, fail: ")
    assert issue["title"].startswith("Monitoring: what was made did not pass its review: ")
    assert job.outputs == {"merged": ""}
    loop.good(Month(result="2"))
    assert issue["state"] == "closed"


BROKEN = {
    "nothing is left": (
        Month(status=1, without=("monitoring/monitoring.json", "review/verdict.json")),
        "the run failed",
    ),
    "after the monitoring": (Month(status=1), "the run failed after monitoring"),
}


@pytest.mark.parametrize(("month", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_run_opens_issue_and_no_pull_request(loop, month, words):
    job = loop.run(month)
    assert job.result == ("failure" if month.status else "success"), job.log
    assert job.step(PROPOSE).outcome == "success", job.log
    assert words in loop.github.only(loop.github.issues)["title"]
    assert (loop.tip, loop.github.pulls) == ("", [])


def test_automatic_policy_merges_and_releases_passing_model(loop):
    job = loop.good(AUTOMATIC)
    merged, (pull,) = job.outputs["merged"], loop.github.pulls
    assert pull["merged_at"]
    assert merged == loop.github.sha("main") != ""
    assert loop.github.git("show", "main:dvc.lock") == "1"
    released = loop.run(AUTOMATIC, "release", retrain={"result": "success", "outputs": job.outputs})
    assert released.result == "success", released.log
    assert (
        loop.rehearsal.git("rev-parse", "HEAD", folder=released.machine.checkout).strip() == merged
    )
    why = "a retraining that passed, released by policy"
    promoted = ["tarmac", "promote", "prod", "--version", "", "--why", why]
    assert loop.calls == [["tarmac", "release", "--bump", "patch"], promoted]
    started = [(one["name"], one["head_branch"], one["inputs"]) for one in loop.github.runs[-2:]]
    assert started == [("deploy.yml", "main", {"environment": "prod"}), ("pages.yml", "main", {})]
    assert where(released, TOKEN) == [(released.step(SHIP), "REPO_TOKEN")]
    assert leaked(released.machine) == []


NOT_RELEASED = {"manual": RETRAINED, "failed": Month(review="fail", release="automatic")}


@pytest.mark.parametrize("month", NOT_RELEASED.values(), ids=NOT_RELEASED)
def test_merge_and_release_require_automatic_policy_and_pass(loop, month):
    main = loop.github.sha("main")
    job = loop.good(month)
    assert not any("merge" in words for words in loop.writes())
    assert loop.github.sha("main") == main
    needs = {"retrain": {"result": "success", "outputs": job.outputs}}
    assert loop.run(month, "release", **needs).result == "skipped"


def test_head_modified_after_push_is_not_merged(loop, monkeypatch):
    start = Team.dispatch

    def pushed_meanwhile(github: Team, asked: Any, name: str) -> Any:
        if not (loop.folder / f"person-retrain-{loop.runs}").exists():
            push(loop, "retrain", "README.md")
        return start(github, asked, name)

    monkeypatch.setattr(
        "tests.workflows.team.MORE",
        tuple((a, pushed_meanwhile if b is start else b, *c) for a, b, *c in MORE),
    )
    job = loop.run(AUTOMATIC)
    assert job.result == "failure"
    assert "Head branch was modified" in job.log
    assert job.outputs == {"merged": ""}
    assert loop.github.git("show", "main:dvc.lock") == "0"


def test_forbidden_merge_fails_job_and_keeps_pull_request(loop):
    loop.github.protected = True
    job = loop.run(AUTOMATIC)
    assert job.result == "failure"
    assert "Required status check is expected" in job.log
    assert loop.github.only(loop.github.pulls)["head"]["sha"] == loop.tip


def test_refused_release_fails_job_and_is_not_deployed(loop):
    job = loop.good(AUTOMATIC)
    asked = len(loop.github.requests)
    loop.machine = None
    released = loop.rehearsal.run(
        "retrain",
        "release",
        {
            "github": loop.rehearsal.context("schedule", {}),
            "needs": {"retrain": {"result": "success", "outputs": job.outputs}},
        },
        refusing,
    )
    assert released.result == "failure"
    assert "error: `make release` failed (see above); done before it: nothing" in released.log
    assert "hint: fix the cause, then run `make ship` again" in released.log
    assert loop.writes(asked) == []


def refusing(checkout: Path) -> None:
    """An environment in which every command of Tarmac fails, and keeps what it was given."""
    Machine(checkout.parent / "machine", "tarmac", run=False)(checkout)
    (checkout / ".venv" / "bin" / "tarmac").write_text('#!/bin/sh\nenv > "$HOME/given"; exit 1\n')


def test_commit_is_not_pushed_when_outputs_cannot_be_sent(loop):
    place = loop.folder / "incoming"
    RETRAINED.leave(place)
    given = {"github": loop.rehearsal.context("schedule", {}), "vars": {"INCOMING": str(place)}}
    job = loop.rehearsal.run("retrain", "retrain", given, refusing)
    assert job.result == "failure"
    assert "error: sending the outputs to the DVC remote failed" in job.log
    assert leaked(job.machine) == [], "what sends the outputs has the token"
    assert (loop.tip, loop.github.pulls) == ("", [])


FAULTS = {
    "pulls": ("flights/pulls", 502),
    "dispatch": ("dispatches", 403),
    "issues": ("flights/issues", 500),
}


@pytest.mark.parametrize(("part", "status"), FAULTS.values(), ids=FAULTS)
def test_github_error_fails_job_and_next_run_recovers(loop, part, status):
    loop.github.broken[part] = status
    job = loop.run(RETRAINED)
    assert job.result == "failure"
    assert "error: GitHub request " in job.log
    assert "hint: run the job again" in job.log
    assert f"HTTP Error {status}" in job.log
    assert "Traceback" not in job.log
    assert TOKEN not in job.log
    tip = loop.tip
    assert loop.github.git("show", "retrain:dvc.lock") == "1"
    loop.github.broken.clear()
    loop.good(RETRAINED)
    assert loop.tip == tip
    assert loop.github.only(loop.github.pulls)["head"]["sha"] == tip
    assert [run["name"] for run in loop.github.runs] == ["checks.yml", "review.yml"]


def test_refused_push_fails_job_and_keeps_commit_locally(loop):
    """No right to write: what was made stays on the machine, as its branch."""
    loop.github.token = "another"
    job = loop.run(RETRAINED)
    assert job.result == "failure"
    assert "Traceback" not in job.log
    assert loop.tip == ""
    kept = loop.rehearsal.git("show", "retrain:dvc.lock", folder=job.machine.checkout)
    assert kept == "1"
    assert leaked(job.machine) == []


def test_reports_that_opening_pull_requests_is_forbidden(loop):
    loop.github.may_open = False
    job = loop.run(RETRAINED)
    assert job.result == "failure"
    assert "GitHub Actions is not permitted to create or approve pull requests" in job.log


def test_report_text_cannot_mention_users_or_break_marker(loop):
    hostile = Month(
        summary=HOSTILE,
        report=HOSTILE,
        reviewed=f"## Fail\n\n{HOSTILE}",
        review="fail",
        acting=(HOSTILE,),
    )
    loop.good(hostile)
    loop.good(Month(decision="block", summary=HOSTILE, report=HOSTILE, acting=("other",)))
    loop.good(hostile)
    pull, issue = loop.github.only(loop.github.pulls), loop.github.only(loop.github.issues)
    bodies = [pull["body"], issue["body"], *(comment["body"] for comment in loop.github.comments)]
    assert len(bodies) == 4
    assert [found for body in bodies for found in Page(body).references if "@" in found] == []
    assert "@o" not in pull["title"] + issue["title"]
    assert pull["edits"] == 0


def test_dispatch_input_overrides_incoming_variable(loop):
    place, other = loop.folder / "variable", loop.folder / "click"
    WELL.leave(place)
    HELD.leave(other)
    given = {
        "github": loop.rehearsal.context("workflow_dispatch", {}),
        "inputs": {"incoming": str(other)},
    }
    job = loop.rehearsal.run(
        "retrain",
        "retrain",
        {**given, "vars": {"INCOMING": str(place)}},
        Machine(place / "m", "tarmac", run=False),
    )
    assert job.result == "success", job.log
    assert len(loop.github.issues) == 1
