"""Continuous integration runs what a change can affect, and nothing twice with the same files."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Workspace
from tests.workflows.expressions import condition, evaluate
from tests.workflows.github import ROUTES, Answer, GitHub, Request, Routes, page, serving
from tests.workflows.rehearsal import OUTSIDER, SLUG, TOKEN, Rehearsal
from tests.workflows.runner import Job, Machine, needs_status, run_job, workflow
from tests.workflows.selection import select_jobs

SCOPES = {
    "a page": (["docs/ci.md"], "documents"),
    "a page in a folder": (["docs/guides/first.md"], "documents"),
    "the front page and pictures": (["README.md", "docs/a.png", "docs/b.svg"], "documents"),
    "a page and code": (["docs/ci.md", "src/tarmac/repository/git.py"], "suite"),
    "a test": (["tests/tarmac/repository/test_git.py"], "suite"),
    "a workflow": ([".github/workflows/checks.yml"], "suite"),
    "a lockfile": (["requirements/dev.txt"], "suite"),
    "data": (["data/remote/files/md5/ab/cd"], "suite"),
    "the model card, which a stage writes": (["models/card.md"], "suite"),
    "a folder that nothing knows": (["new/page.md"], "suite"),
    "a file that nothing knows": (["NOTES.md"], "suite"),
    "code among the pages": (["docs/conf.py"], "suite"),
    "a folder whose name begins as that of the pages": (["docs2/ci.md"], "suite"),
    "a page's name with more lines": (["docs/ci.md\nsrc/tarmac/repository/git.py"], "suite"),
    "no file": ([], "suite"),
    "unknown files": (None, "suite"),
}


@pytest.mark.parametrize(("paths", "scope"), SCOPES.values(), ids=SCOPES)
def test_selects_fewer_jobs_for_documents_alone(paths, scope):
    assert select_jobs.classify_files(paths)[0] == scope


def test_every_file_in_docs_counts_as_document():
    pages = [path for path in (ROOT / "docs").rglob("*") if path.is_file()]
    names = [path.relative_to(ROOT).as_posix() for path in pages]
    assert len(names) > 10
    assert [name for name in names if not select_jobs.DOCUMENT.fullmatch(name)] == []


def test_suite_runs_on_one_python_and_quick_tier_on_oldest():
    jobs = {job["python"]: job["targets"].split() for job in select_jobs.JOBS["suite"]}
    assert jobs == {"3.13": ["servers", "test-all"], "3.11": ["check", "test"]}
    assert [job["targets"] for job in select_jobs.JOBS["documents"]] == ["test-changed"]
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a page and a module, committed, and the working directory in it."""
    for name in ("docs/a.md", "src/a.py"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text("".join(f"{name} {number}\n" for number in range(20)))
    monkeypatch.chdir(tmp_path)
    run_git("init", "--quiet", "--initial-branch=main")
    commit_all("first")
    return tmp_path


def run_git(*arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null"}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "Test", f"GIT_{who}_EMAIL": "test@example.org"}
    command = ["git", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return done.stdout.strip()


def commit_all(message: str) -> str:
    run_git("add", "--all")
    run_git("commit", "--quiet", "--allow-empty", "--message", message)
    return run_git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("old", "new", "scope"),
    [
        ("docs/a.md", "docs/b.md", "documents"),
        ("src/a.py", "docs/a.png", "suite"),
        ("docs/a.md", "src/a.md", "suite"),
        ("docs/a.md", None, "documents"),
        ("src/a.py", None, "suite"),
    ],
)
def test_lists_deleted_files_and_both_names_of_renamed_files(history, old, new, scope):
    path = history / old
    path.rename(history / new) if new else path.unlink()
    commit_all("second")
    paths = select_jobs.list_changed_files("HEAD^1")
    assert set(paths) == {old, new} - {None}
    assert select_jobs.classify_files(paths)[0] == scope


def test_lists_file_name_unquoted(history):
    (history / "docs" / "ä\n.md").write_text("a page")
    commit_all("second")
    assert select_jobs.list_changed_files("HEAD^1") == ["docs/ä\n.md"]


@pytest.mark.parametrize("base", ["0" * 40, "1" * 40, "nothing", "--output=found"])
def test_invalid_base_makes_change_unknown(history, base):
    assert select_jobs.list_changed_files(base) is None
    assert not (history / "found").exists()


def test_pull_request_without_merge_commit_has_no_base(history):
    commit_all("second")
    assert select_jobs.find_base({"GITHUB_EVENT_NAME": "pull_request"}) == ""


@pytest.mark.parametrize(
    ("environment", "base"),
    [
        ({"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_DIFF_BASE_SHA": "a"}, "a"),
        ({"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BEFORE_SHA": "b"}, ""),
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": "b"}, "b"),
        ({"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BEFORE_SHA": "b"}, ""),
        ({"GITHUB_EVENT_NAME": "workflow_dispatch"}, ""),
        ({}, ""),
    ],
)
def test_base_comes_from_event_or_is_empty(environment, base):
    assert select_jobs.find_base(environment) == base


@dataclass
class Runs(GitHub):
    """The fake of GitHub with the runs of `checks`, their jobs, and comparisons of commits."""

    jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.repositories / self.slug), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def add_run(
        self,
        sha: str,
        event: str = "pull_request",
        scope: str = "suite",
        conclusion: str | None = "success",
    ) -> int:
        """A run that has ended, all of whose jobs have ended as it has."""
        head = {"id": sha, "tree_id": self.git("rev-parse", f"{sha}^{{tree}}")}
        run = {
            "id": 7000 + len(self.runs),
            "name": "checks.yml",
            "event": event,
            "head_sha": sha,
            "head_commit": head,
        }
        self.runs.insert(0, run | {"conclusion": conclusion})
        names = ["Scope", "Checks", *(job["name"] for job in select_jobs.JOBS[scope])]
        self.jobs[run["id"]] = [{"name": name, "conclusion": conclusion} for name in names]
        return run["id"]

    def routes(self) -> Routes:
        return (*ROUTES, *READING)

    def list_jobs(self, request: Request, run: int) -> Answer:
        if not self.reads_runs():
            return 403, None
        return 200, {"total_count": len(self.jobs[run]), "jobs": page(self.jobs[run], request)}

    def compare(self, request: Request, base: str, head: str) -> Answer:
        try:
            return 200, {"behind_by": int(self.git("rev-list", "--count", f"{head}..{base}"))}
        except subprocess.CalledProcessError:
            return 404, None


READING: Routes = (
    (r"GET REPO/actions/runs/(\d+)/jobs", Runs.list_jobs),
    (r"GET REPO/compare/(\w+)\.\.\.(\w+)", Runs.compare),
)


@dataclass
class Push:
    """Push to main of the small repository, whose runs a fake of GitHub knows."""

    github: Runs
    folder: Path
    output: pytest.CaptureFixture[str]
    run_id: str = "1"

    def commit(self, *paths: str, parent: str = "main") -> str:
        """Return a new commit on another one that has changed these files."""
        run_git("checkout", "--quiet", "--detach", parent)
        for path in paths:
            (self.folder / path).write_text(f"{path} on {parent}")
        return commit_all(f"change {paths}")

    def squash(self, commit: str, parent: str = "main") -> str:
        """Return a commit on another one that has the files of a commit."""
        return run_git("commit-tree", f"{commit}^{{tree}}", "-p", parent, "-m", "squashed")

    def merge(self, commit: str) -> str:
        """Return a merge commit of main and a commit that contains main."""
        parents = ["-p", "main", "-p", commit]
        return run_git("commit-tree", f"{commit}^{{tree}}", *parents, "-m", "merged")

    def to(self, commit: str) -> dict[str, str]:
        """Move main to a commit; return what the script then selects, and its log."""
        payload = self.folder / ".git" / "event.json"
        payload.write_text(json.dumps({"before": run_git("rev-parse", "main")}))
        run_git("checkout", "--quiet", "--force", "-B", "main", commit)
        of_github = {"API_URL": self.github.api, "REPOSITORY": SLUG, "RUN_ID": self.run_id}
        of_event = {"EVENT_NAME": "push", "EVENT_PATH": str(payload)}
        variables = {f"GITHUB_{name}": text for name, text in (of_github | of_event).items()}
        select_jobs.main(variables | {"REPO_TOKEN": TOKEN})
        printed = self.output.readouterr()
        lines = [line.split("=", 1) for line in printed.out.splitlines()]
        return dict(lines) | {"log": printed.err}


@pytest.fixture
def push(history: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Push]:
    repositories = history / ".git" / "served"
    (repositories / SLUG).parent.mkdir(parents=True)
    (repositories / SLUG).symlink_to(history)
    with serving(Runs(SLUG, TOKEN, repositories, may={"actions": "read"})) as github:
        yield Push(github, history, capsys)


@pytest.mark.parametrize("way", ["merge", "squash", "fast-forward"])
@pytest.mark.parametrize(("path", "scope"), [("src/a.py", "suite"), ("docs/a.md", "documents")])
def test_push_of_files_that_passed_starts_no_jobs(push, way, path, scope):
    head = push.commit(path)
    run = push.github.add_run(head, scope=scope)
    pushed = {"merge": push.merge, "squash": push.squash, "fast-forward": str}[way](head)
    selected = push.to(pushed)
    assert (selected["scope"], selected["jobs"]) == ("passed", "[]")
    assert f"run {run} has passed with the same files" in selected["log"]
    assert {request.token for request in push.github.requests} == {TOKEN}


@pytest.mark.parametrize(("path", "scope"), [("src/a.py", "suite"), ("docs/a.md", "documents")])
def test_push_of_untested_files_is_tested(push, path, scope):
    push.github.add_run(run_git("rev-parse", "main"))
    assert push.to(push.commit(path))["scope"] == scope


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "skipped", None])
def test_push_is_tested_if_any_run_with_its_files_did_not_pass(push, conclusion):
    head = push.commit("src/a.py")
    push.github.add_run(head)
    push.github.add_run(head, conclusion=conclusion)
    assert push.to(push.squash(head))["scope"] == "suite"


def test_ignores_current_run_among_earlier_runs(push):
    head = push.commit("src/a.py")
    push.github.add_run(head)
    push.run_id = str(push.github.add_run(head, event="push", conclusion=None))
    assert push.to(head)["scope"] == "passed"


@pytest.mark.parametrize("scope", ["documents", "passed"])
def test_run_without_suite_does_not_count_as_passed(push, scope):
    head = push.commit("src/a.py")
    push.github.add_run(head, scope=scope)
    assert push.to(push.squash(head))["scope"] == "suite"


def test_run_with_skipped_suite_job_does_not_count_as_passed(push):
    head = push.commit("src/a.py")
    run = push.github.add_run(head)
    push.github.jobs[run][-1]["conclusion"] = "skipped"
    assert push.to(push.squash(head))["scope"] == "suite"


@pytest.mark.parametrize(
    ("event", "scope"),
    [("pull_request", "suite"), ("workflow_dispatch", "passed"), ("push", "passed")],
)
def test_run_of_pull_request_behind_main_does_not_count(push, event, scope):
    """It was tested with that commit, which the push then takes back."""
    head = push.commit("src/a.py")
    push.github.add_run(head, event=event)
    push.to(push.commit("src/b.py"))
    assert push.to(push.squash(head))["scope"] == scope


@pytest.mark.parametrize("part", ["/runs", "/jobs", "/compare"])
def test_push_is_tested_if_github_does_not_answer(push, part):
    head = push.commit("src/a.py")
    push.github.add_run(head)
    push.github.broken[part] = 500
    selected = push.to(push.squash(head))
    assert selected["scope"] == "suite"
    assert "earlier runs are unknown: GitHub request GET" in selected["log"]


def test_push_is_tested_if_token_cannot_read_runs(push):
    head = push.commit("src/a.py")
    push.github.add_run(head)
    push.github.may = {"contents": "read"}
    assert push.to(push.squash(head))["scope"] == "suite"


def test_push_that_overwrites_history_is_tested(push):
    head = push.commit("docs/a.md")
    push.github.add_run(head)
    root = run_git("commit-tree", f"{head}^{{tree}}", "-m", "root")
    run_git("update-ref", "refs/heads/main", root)
    assert push.to(head)["scope"] == "suite"


@pytest.fixture(scope="module")
def base(code: Workspace) -> Workspace:
    """The code stands for the repository with its result: no pipeline runs in this module."""
    return code


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with serving(Runs(SLUG, TOKEN, tmp_path_factory.mktemp("github"))) as github:
        yield github


def select_for_pull(rehearsal: Rehearsal, number: int) -> Job:
    """Run the job that selects, on a machine whose Python has the standard library only."""
    pull = rehearsal.pull(number)
    payload = {"action": "synchronize", "number": number, "pull_request": pull}
    refs = {"ref": f"refs/pull/{number}/merge", "sha": pull["merge_commit_sha"]}
    return select(rehearsal, rehearsal.context("pull_request", payload, **refs))


def select(rehearsal: Rehearsal, context: dict[str, Any]) -> Job:
    rehearsal.github.requests.clear()
    job = rehearsal.run("checks", "scope", {"github": context}, path=[rehearsal.python])
    assert job.result == "success", job.log
    return job


def started_jobs(selected: Job) -> list[str]:
    """Return the names of the jobs that follow, by the expressions of the workflow."""
    job = workflow("checks")["jobs"]["test"]
    contexts = {"needs": {"scope": {"result": selected.result, "outputs": selected.outputs}}}
    if not condition(job["if"], contexts, needs_status(job, contexts)):
        return []
    include = job["strategy"]["matrix"]["include"].removeprefix("${{").removesuffix("}}")
    return [entry["name"] for entry in evaluate(include, contexts)]


def names(scope: str) -> list[str]:
    return [job["name"] for job in select_jobs.JOBS[scope]]


def test_pull_request_of_documents_starts_only_their_tests(rehearsal, person):
    paths = ("docs/page.md", "README.md")
    number = rehearsal.change(person, *paths, branch="pages", owner=OUTSIDER)
    job = select_for_pull(rehearsal, number)
    assert started_jobs(job) == names("documents")
    assert "only documents are changed (2)" in job.log


def test_pull_request_of_code_starts_suite_without_token(rehearsal, person):
    paths = ("docs/page.md", "src/tarmac/repository/git.py")
    job = select_for_pull(rehearsal, rehearsal.change(person, *paths, branch="code"))
    assert started_jobs(job) == names("suite")
    assert "'src/tarmac/repository/git.py' is changed" in job.log
    assert rehearsal.github.requests == []
    assert [value for step in job.steps for value in step.env.values() if TOKEN in value] == []


def test_pull_request_scope_ignores_changes_of_its_base(rehearsal, person):
    number = rehearsal.change(person, "docs/page.md", branch="behind")
    other = rehearsal.work("other")
    (other.path / "new.py").write_text("")
    other.run("git", "add", "--all")
    other.run("git", "commit", "--quiet", "--message", "code")
    other.run("git", "push", "--quiet", str(rehearsal.repository()), "HEAD:refs/heads/ahead")
    rehearsal.github.pulls[-1]["base"]["ref"] = "ahead"
    rehearsal.propose(person, "behind")
    assert started_jobs(select_for_pull(rehearsal, number)) == names("documents")


def test_merge_of_passed_pull_request_is_not_tested_again(rehearsal, person):
    pull = rehearsal.pull(rehearsal.change(person, "params.yaml", branch="passed"))
    assert started_jobs(select_for_pull(rehearsal, pull["number"])) == names("suite")
    rehearsal.github.add_run(pull["head"]["sha"])
    before = rehearsal.github.git("rev-parse", "main")
    rehearsal.github.git("update-ref", "refs/heads/main", pull["merge_commit_sha"])
    context = rehearsal.context("push", {"before": before}, sha=pull["merge_commit_sha"])
    assert started_jobs(select(rehearsal, context)) == []


@pytest.mark.program
@pytest.mark.parametrize(
    ("scope", "test", "result"),
    [
        ("success", "success", "success"),
        ("success", "skipped", "success"),
        ("success", "failure", "failure"),
        ("success", "cancelled", "failure"),
        ("failure", "skipped", "failure"),
        ("cancelled", "skipped", "failure"),
    ],
)
def test_required_check_passes_only_if_no_job_failed(tmp_path, scope, test, result):
    contexts = {"github": {}, "needs": {"scope": {"result": scope}, "test": {"result": test}}}
    assert run_job("checks", "checks", contexts, {}, Machine(tmp_path, contexts)).result == result


def list_commands(name: str, job: str, contexts: dict[str, Any]) -> list[str]:
    """Return the first lines of a job's commands whose conditions hold."""
    steps = [step for step in workflow(name)["jobs"][job]["steps"] if "run" in step]
    running = [step for step in steps if condition(step.get("if"), contexts, "success")]
    return [step["run"].splitlines()[0] for step in running]


def test_every_selected_job_runs_its_make_targets():
    for job in (*select_jobs.JOBS["suite"], *select_jobs.JOBS["documents"]):
        assert list_commands("checks", "test", {"matrix": job}) == ["make $TARGETS"]


def test_pull_request_of_documents_passes_without_rebuild(rehearsal, person):
    review = rehearsal.review(rehearsal.change(person, "docs/page.md", branch="verdict"))
    assert review.job.result == "success", review.job.log
    assert review.report == "## ✅ Pass: only documents are changed, and no stage reads them\n"
    assert review.job.summary == review.report
    done = [step.name for step in review.job.steps if step.outcome != "skipped"]
    assert [name for name in done if re.search("make|install|setup-python", name)] == []


@pytest.mark.parametrize("scope", ["suite", "passed", "", None])
def test_review_runs_in_full_for_all_scopes_but_documents(scope):
    contexts = {"steps": {"select": {"outputs": {"scope": scope}}}}
    commands = list_commands("review", "review", contexts)
    assert (
        "command -v bwrap || sudo apt-get install --yes --quiet --no-install-recommends bubblewrap"
        in commands
    )
    assert "mkdir review" not in commands
