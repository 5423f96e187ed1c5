"""The review comment: which pull request gets it, what it contains, and that there is only one."""

import re
from pathlib import Path

import pytest

from tarmac.ci.review_comment import ENTRIES
from tests.conftest import ROOT, Workspace
from tests.workflows.github import BOT
from tests.workflows.rehearsal import OUTSIDER, TOKEN, Rehearsal
from tests.workflows.runner import Job, Machine

REPORT = "## ✅ Pass: a better model\n\n| metric | base |\n| --- | ---: |\n| `roc_auc` | 0.7717 |\n"
SECRET = "what stands in a file of the machine"
MARK = 'CML watermark model-report"'
MENTION = re.compile(r"@[A-Za-z0-9]")


@pytest.fixture(scope="module")
def base(code: Workspace) -> Workspace:
    """In the place of the repository with a result: no pipeline runs in this module."""
    return code


@pytest.fixture(autouse=True)
def nothing_posted(rehearsal: Rehearsal) -> None:
    """Nothing of another test is proposed, posted, recorded or broken."""
    rehearsal.forget()
    rehearsal.github.pulls.clear()


def test_comment_contains_report_head_and_check_result(rehearsal, number):
    job = rehearsal.comment(rehearsal.reviewed(number, "failure", REPORT))
    assert job.result == "success", job.log
    body, sha = rehearsal.only_comment(number), rehearsal.pull(number)["head"]["sha"]
    assert body.startswith(
        f"❌ The check ended with **failure** for {sha[:9]}, see [the run](http://127.0.0.1"
    )
    assert f"\n\n{REPORT}" in body
    assert body.endswith(f'![](https://cml.dev/watermark.png#{sha} "{MARK})')
    assert "WARNING" not in body


def test_same_named_branches_get_comment_on_own_pull_request(rehearsal, number, person):
    other = rehearsal.change(person, "dvc.yaml", owner=OUTSIDER)
    rehearsal.comment(rehearsal.reviewed(number, report=REPORT))
    rehearsal.only_comment(number)
    rehearsal.forget()
    rehearsal.comment(rehearsal.reviewed(other, report=REPORT))
    rehearsal.only_comment(other)


@pytest.mark.parametrize("meanwhile", ["closed", "pushed to"])
def test_closed_or_outdated_pull_request_gets_no_comment(rehearsal, number, person, meanwhile):
    review = rehearsal.reviewed(number, report=REPORT)
    if meanwhile == "closed":
        rehearsal.github.pulls[0]["state"] = "closed"
    else:
        rehearsal.change(person, "params.yaml")
    job = rehearsal.comment(review)
    assert job.result == "success", job.log
    assert "nothing to post" in job.log
    assert (rehearsal.github.comments, rehearsal.calls) == ([], [])
    assert {request.method for request in rehearsal.github.requests} == {"GET"}


@pytest.mark.parametrize("different", [{"conclusion": "cancelled"}, {"event": "push"}])
def test_job_is_skipped_for_cancelled_run_or_push(rehearsal, number, different):
    assert (
        rehearsal.comment(rehearsal.reviewed(number, report=REPORT), **different).result
        == "skipped"
    )


def test_dispatched_review_gets_comment(rehearsal, number):
    """Check the comment on a pull request of a workflow's own token.

    The run that reviews it is not a run of a pull request.
    """
    job = rehearsal.comment(rehearsal.reviewed(number, report=REPORT), event="workflow_dispatch")
    assert job.result == "success", job.log
    assert REPORT in rehearsal.only_comment(number)


JUDGES = (
    "pyproject.toml",
    *(
        ".github/workflows/review.yml",
        ".github/CODEOWNERS",
        "Makefile",
        "src/tarmac/review/verdict.py",
    ),
    *(
        "src/tarmac/ci/github_api.py",
        "src/tarmac/ci/pull_request.py",
        "src/tarmac/cli/run_and_compare.py",
    ),
    *("src/tarmac/pipeline/intervals/bootstrap.py", "src/tarmac/policy/review.py"),
    *(
        "src/json.py",
        "json.py",
        "src/tarmac/review/verdict/__init__.py",
    ),  # imported instead of a module of that name
)
LOADED = """
import sys, {}
own = [module for name, module in sys.modules.items() \
if name.partition(".")[0] in ("tarmac", "flights")]
print(*(module.__file__ for module in own))
"""


@pytest.mark.parametrize("changed", JUDGES)
def test_change_of_review_code_adds_warning(rehearsal, person, changed):
    body = warned(rehearsal, rehearsal.change(person, "params.yaml", changed))
    assert "> [!WARNING]\n> Files that decide how it is judged are changed here (1)" in body
    assert ("the pull request's own word" in body) == changed.startswith(".github/")
    assert ("They judge after the merge" in body) != changed.startswith(".github/")


def judged(sha: str, conclusion: str | None = "success", owner: str = "team", **more: str) -> dict:
    """A run of the review of a commit of the branch `change`."""
    run = {"name": "review.yml", "event": "pull_request", "head_branch": "change", "head_sha": sha}
    return {**run, "conclusion": conclusion, "head_repository": {"owner": {"login": owner}}, **more}


@pytest.mark.parametrize(
    ("runs", "count"),
    [
        ([judged("a")], 0),
        ([judged("a"), judged("b", "failure"), judged("c")], 3),
        ([judged("a"), judged("a", "failure")], 0),
        ([judged("a"), judged("b", "cancelled"), judged("c", None)], 0),
        ([judged("a"), judged("b", owner="somebody"), judged("c", head_branch="other")], 0),
        ([judged("a"), judged("b", event="workflow_dispatch"), judged("c")], 2),
    ],
)
def test_comment_counts_reviewed_commits_of_branch(rehearsal, number, runs, count):
    rehearsal.github.runs[:] = runs
    body = warned(rehearsal, number)
    assert (f"{count} commits of this branch have been judged" in body) == bool(count)
    assert ("have been judged" in body) == bool(count)


def test_warning_covers_every_module_that_review_loads(rehearsal, person):
    entries = ", ".join(ENTRIES)
    loaded = person.run(
        "python", "-c", LOADED.format(entries), env={"PYTHONPATH": str(ROOT / "src")}
    ).stdout
    paths = {str(Path(path).relative_to(ROOT)) for path in loaded.split()}
    assert len(paths) > 50
    assert f"({len(paths)})" in warned(rehearsal, rehearsal.change(person, *paths))


@pytest.mark.parametrize(
    "path", ["src/flights/tables/clean.py", "src/tarmac/serving/app.py", "docs/json.py"]
)
def test_no_warning_for_files_that_review_does_not_load(rehearsal, person, path):
    assert "WARNING" not in warned(rehearsal, rehearsal.change(person, path))


def test_comment_is_posted_without_unknown_review_count(rehearsal, number):
    rehearsal.github.broken["actions/workflows"] = 500
    assert "have been judged" not in warned(rehearsal, number)


def test_review_code_among_many_changed_files_adds_warning(rehearsal, person):
    many = [f".a/{count}" for count in range(199)]
    assert "(1)" in warned(
        rehearsal, rehearsal.change(person, *many, "src/tarmac/review/verdict.py")
    )


@pytest.mark.parametrize("away", ["rm", "mv"])
def test_deleted_or_moved_review_code_adds_warning(rehearsal, person, away):
    new = ["src/tarmac/elsewhere.py"] if away == "mv" else []
    person.run("git", away, "src/tarmac/review/verdict.py", *new)
    assert "WARNING" in warned(rehearsal, rehearsal.change(person))


def warned(rehearsal: Rehearsal, number: int) -> str:
    assert rehearsal.comment(rehearsal.reviewed(number, report=REPORT)).result == "success"
    return rehearsal.only_comment(number)


@pytest.mark.parametrize("broken", ["client", "program", "installer"])
def test_api_posts_and_edits_same_comment_when_cml_fails(rehearsal, number, monkeypatch, broken):
    rehearsal.comment(rehearsal.reviewed(number, report=REPORT))
    by_cml = rehearsal.only_comment(number)
    rehearsal.forget()
    if broken == "client":
        (rehearsal.folder / "cml" / "broken").touch()
    else:
        monkeypatch.setattr(
            rehearsal, "cml", rehearsal.python if broken == "program" else rehearsal.folder / "none"
        )
    for report in ("first", REPORT):
        job = rehearsal.comment(rehearsal.reviewed(number, report=report))
        assert job.result == "success", job.log
        assert "posted through GitHub's API instead" in job.log
        assert TOKEN not in job.log
    assert without_run(rehearsal.only_comment(number)) == without_run(by_cml)
    assert rehearsal.github.comments[0]["edits"] == 1
    rehearsal.github.broken.clear()


def test_cml_edits_comment_posted_by_api(rehearsal, number):
    (rehearsal.folder / "cml" / "broken").touch()
    rehearsal.comment(rehearsal.reviewed(number, report="first"))
    (rehearsal.folder / "cml" / "broken").unlink()
    rehearsal.comment(rehearsal.reviewed(number, report="second"))
    assert "second" in rehearsal.only_comment(number)
    assert rehearsal.github.comments[0]["edits"] == 1


def without_run(body: str) -> str:
    """A comment without the number of the run that it names."""
    return re.sub(r"/actions/runs/\d+", "", body)


PULLS, FILES, COMMENTS = "/flights/pulls", "/files", "GET /api/v3/repos/team/flights/issues"


@pytest.mark.parametrize(
    ("part", "status"), [(PULLS, 500), (PULLS, 401), (FILES, 403), (COMMENTS, 502), ("POST", 403)]
)
def test_api_error_fails_job_and_is_reported(rehearsal, number, part, status):
    rehearsal.github.broken[part] = status
    failed(rehearsal, number, "error: ", str(status))


def failed(rehearsal: Rehearsal, number: int, *words: str) -> None:
    """The job fails with these words in its log, and nothing is posted."""
    job = rehearsal.comment(rehearsal.reviewed(number, report=REPORT))
    assert job.result == "failure"
    assert [word for word in words if word not in job.log] == [], job.log
    assert "Traceback" not in job.log
    assert TOKEN not in job.log
    assert rehearsal.github.comments == []


def test_second_report_edits_existing_comment(rehearsal, number):
    for text in ("first", "second"):
        rehearsal.comment(rehearsal.reviewed(number, report=text))
    body = rehearsal.only_comment(number)
    assert rehearsal.github.comments[0]["edits"] == 1
    assert ("second" in body, "first" in body) == (True, False)


@pytest.mark.parametrize("before", [29, 30, 130])
def test_second_report_edits_comment_below_many_others(rehearsal, number, before):
    for count in range(before):
        rehearsal.github.write(number, f"remark {count}", "reader")
    for text in ("first", "second"):
        assert rehearsal.comment(rehearsal.reviewed(number, report=text)).result == "success"
    reports = [
        comment for comment in rehearsal.github.on(number) if comment["user"]["login"] == BOT
    ]
    assert ["second" in comment["body"] for comment in reports] == [True]
    assert len(rehearsal.github.on(number)) == before + 1


def test_reply_that_quotes_report_is_kept(rehearsal, number):
    rehearsal.comment(rehearsal.reviewed(number, report="first"))
    quote = f"> {rehearsal.github.comments[0]['body']}\n\nwhy?"
    rehearsal.github.write(number, quote, "reader")
    for text in ("second", "third"):
        rehearsal.comment(rehearsal.reviewed(number, report=text))
    bodies = [
        (comment["user"]["login"], comment["body"]) for comment in rehearsal.github.on(number)
    ]
    assert ("reader", quote) in bodies
    assert ["third" in body for user, body in bodies if user == BOT] == [True]


def test_token_is_given_only_to_steps_that_need_it(rehearsal, number):
    job = rehearsal.comment(rehearsal.reviewed(number, report=REPORT))
    given = {step.name.split(" | ")[0].split("@")[0]: name for step, name in where(job, TOKEN)}
    assert given == {
        "iterative/setup-cml": "GITHUB_TOKEN",
        "Post the report, or edit the comment that is there": "REPO_TOKEN",
    }
    assert not leaked(job.machine)
    assert {request.token for request in rehearsal.github.requests} == {TOKEN}
    assert TOKEN not in " ".join(rehearsal.calls[0]["argv"])


def where(job: Job, value: str) -> list:
    return [(step, name) for step in job.steps for name, held in step.env.items() if value in held]


def leaked(machine: Machine) -> list[Path]:
    """Files of the machine that hold the token."""
    files = [path for path in machine.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if TOKEN.encode() in path.read_bytes()]
