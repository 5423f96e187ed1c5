"""Rules that every workflow file must satisfy: short, pinned, and without unneeded permissions."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflows.expressions import render
from tests.workflows.runner import WORKFLOWS
from tests.workflows.selection import select_jobs

NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.y*ml"))
TEXTS = {name: (WORKFLOWS / f"{name}.yml").read_text() for name in NAMES}
TREES = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = [(name, job, tree) for name in NAMES for job, tree in TREES[name]["jobs"].items()]
STEPS = [(name, job, step) for name, job, tree in JOBS for step in tree.get("steps", [])]
GITLAB = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
PINNED = re.compile(
    r"uses: (?P<action>[\w-]+/[\w.-]+(?:/[\w./-]+)?)@(?P<sha>[0-9a-f]{40})  # v\d+\.\d+\.\d+$"
)
CALL = re.compile(r"(?:^|[;&|(]|\bthen\b|\n)\s*make\s+([^;&|#)\n]+)")
MAY_WRITE = {
    ("comment", "comment"): {"pull-requests"},
    ("gpu", "launch"): {"id-token"},
    ("gpu", "train"): {"contents"},
    ("gpu", "teardown"): {"id-token"},
    ("launch", "launch"): {"id-token"},
    ("janitor", "end"): {"id-token"},
    ("retrain", "retrain"): {"actions", "contents", "issues", "pull-requests"},
    ("retrain", "release"): {"actions", "contents"},
    ("deploy", "image"): {"attestations", "id-token", "packages"},
    ("image", "image"): {"attestations", "id-token", "packages"},
    ("pages", "deploy"): {"id-token", "pages"},
}
READ = {"contents": "read"}
SIGNS = {"attestations": "write", "contents": "read", "id-token": "write", "packages": "write"}
GRANTED = {  # every right of every token, so that a wider one is seen in a diff of this file
    "checks": (READ, {"scope": {"actions": "read", "contents": "read"}}),
    "comment": ({}, {"comment": {"actions": "read", "contents": "read", "pull-requests": "write"}}),
    "deploy": ({}, {"image": SIGNS, "deploy": READ}),
    "gpu": (
        {},
        {
            "launch": {"id-token": "write"},
            "train": {"contents": "write"},
            "teardown": {"id-token": "write"},
        },
    ),
    "image": ({}, {"image": SIGNS}),
    "janitor": ({}, {"end": {"id-token": "write"}}),
    "launch": ({}, {"launch": {"id-token": "write"}}),
    "retrain": (
        {},
        {
            "retrain": dict.fromkeys(("actions", "contents", "issues", "pull-requests"), "write"),
            "release": dict.fromkeys(("actions", "contents"), "write"),
        },
    ),
    "newest": (READ, {}),
    "nightly": (READ, {}),
    "pages": ({}, {"build": READ, "deploy": {"id-token": "write", "pages": "write"}}),
    "review": (READ, {}),
}
TO_DEPLOY = {"bundle", "image", "smoke", "deploy"}
ALONE = {"retrain", "propose", "ship"}
workflow = pytest.mark.parametrize("name", NAMES)


def texts(tree: object) -> Iterator[str]:
    """Every key and every text of a tree."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield str(key)
            yield from texts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from texts(value)
    else:
        yield str(tree)


def targets(commands: str) -> list[str]:
    """The make targets that commands call, in order."""
    words = [word for call in CALL.findall(commands) for word in call.split()]
    return [word for word in words if re.fullmatch("[a-z]+(?:-[a-z]+)*", word)]


def script(job: dict[str, Any]) -> str:
    """All commands of a job of either file."""
    return "\n".join(
        [*job.get("script", []), *(step.get("run", "") for step in job.get("steps", []))]
    )


def selected_jobs() -> list[dict[str, str]]:
    """The jobs that `checks` can start, which its script lists."""
    return [job for jobs in select_jobs.JOBS.values() for job in jobs]


OF_PULL_REQUESTS = [name for name in NAMES if "pull_request" in set(texts(TREES[name][True]))]


def test_list_of_checked_workflows_is_complete():
    assert set(NAMES) == {
        "checks",
        "comment",
        "deploy",
        "gpu",
        "image",
        "janitor",
        "launch",
        "newest",
        "nightly",
        "pages",
        "retrain",
        "review",
    }
    assert OF_PULL_REQUESTS == ["checks", "gpu", "review"]


@workflow
def test_workflow_is_shorter_than_60_lines(name):
    assert len(TEXTS[name].splitlines()) < 60


@workflow
def test_actions_are_pinned_to_commits(name):
    lines = [line.strip() for line in TEXTS[name].splitlines() if re.match(r"\s*(- )?uses:", line)]
    assert lines or "uses:" not in TEXTS[name]
    foreign = [
        line
        for line in lines
        if not re.search(r"uses: \./\.github/workflows/[a-z]+\.yml(  #|$)", line)
    ]
    assert [line for line in foreign if not PINNED.search(line)] == []


def test_each_action_has_one_version():
    found = {
        (match["action"], match["sha"])
        for text in TEXTS.values()
        for line in text.splitlines()
        if (match := PINNED.search(line))
    }
    assert len(found) == len({action for action, _ in found}) >= 7


def test_called_local_workflows_exist():
    called = [tree["uses"] for _, _, tree in JOBS if "uses" in tree]
    assert len(called) == 3
    assert [path for path in called if not (ROOT / path).is_file()] == []


@workflow
def test_workflow_level_permissions_are_read_only(name):
    assert set(TREES[name]["permissions"].values()) <= {"read"}


def test_only_listed_jobs_have_write_permissions():
    granted = {
        (name, job): tree["permissions"] for name, job, tree in JOBS if "permissions" in tree
    }
    assert not [value for value in granted.values() if not isinstance(value, dict)]
    writing = {
        place: {key for key, value in may.items() if value == "write"}
        for place, may in granted.items()
    }
    assert {place: keys for place, keys in writing.items() if keys} == MAY_WRITE


@workflow
def test_permissions_equal_listed_ones(name):
    jobs = TREES[name]["jobs"].items()
    given = {job: tree["permissions"] for job, tree in jobs if "permissions" in tree}
    assert (TREES[name]["permissions"], given) == GRANTED[name]


def test_every_job_has_timeout():
    assert [
        (name, job)
        for name, job, tree in JOBS
        if "uses" not in tree and "timeout-minutes" not in tree
    ] == []


def test_commands_contain_no_expressions():
    assert [step["run"] for *_, step in STEPS if "${{" in step.get("run", "")] == []


def test_checkouts_do_not_persist_token():
    checkouts = [
        (name, step)
        for name, _, step in STEPS
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert len(checkouts) == 12
    assert [
        name for name, step in checkouts if step["with"]["persist-credentials"] is not False
    ] == []


@workflow
def test_workflow_has_no_privileged_public_trigger(name):
    assert not {"pull_request_target", "issue_comment", "issues"} & set(texts(TREES[name][True]))


@pytest.mark.parametrize("name", OF_PULL_REQUESTS)
def test_pull_request_workflow_names_no_secret(name):
    assert [text for text in texts(TREES[name]) if re.search(r"\bsecrets\b", text)] == []


def test_secrets_are_used_only_in_guarding_environments():
    named = [
        (name, job) for name, job, tree in JOBS if any("secrets." in text for text in texts(tree))
    ]
    assert named == [("deploy", "deploy"), ("launch", "launch")]
    assert TREES["launch"]["jobs"]["launch"]["environment"] == "gpu"
    assert (
        TREES["deploy"]["jobs"]["deploy"]["environment"] == "${{ needs.image.outputs.environment }}"
    )


def test_token_is_used_as_listed_and_not_in_pull_request_checks():
    given = {name for name, _, tree in JOBS if any("github.token" in text for text in texts(tree))}
    assert given == {"checks", "comment", "gpu", "image", "retrain"}
    (env,) = (step["env"] for step in TREES["checks"]["jobs"]["scope"]["steps"] if "env" in step)
    events = [{"event_name": event, "token": "t"} for event in TREES["checks"][True]]
    values = [render(env["REPO_TOKEN"], {"github": github}) for github in events]
    assert dict(zip(TREES["checks"][True], values, strict=True)) == {
        "push": "t",
        "pull_request": "",
        "workflow_dispatch": "",
    }


def test_comment_workflow_follows_review_workflow():
    assert TREES["comment"][True] == {
        "workflow_run": {"workflows": [TREES["review"]["name"]], "types": ["completed"]}
    }


def test_review_artifact_is_downloaded_by_its_upload_name():
    up, down = (
        [step["with"] for *_, step in STEPS if f"actions/{way}-artifact@" in step.get("uses", "")]
        for way in ("upload", "download")
    )
    assert [(up[0]["name"], len(up), len(down))] == [(down[0]["name"], 1, 1)]
    assert down[0]["path"].startswith("${{ runner.temp }}/"), (
        "it could replace a file of the checkout"
    )


def test_called_make_targets_are_listed_and_exist():
    phony = set(" ".join(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)).split())
    jobs = [tree for *_, tree in JOBS] + [job for job in GITLAB.values() if "script" in job]
    called = {target for job in jobs for target in targets(script(job))}
    called |= {target for job in selected_jobs() for target in job["targets"].split()}
    assert called == {
        "check",
        "servers",
        "test",
        "test-all",
        "test-changed",
        "test-newest",
        "test-nightly",
        "review",
        "comment",
        "gpu",
        "publish",
        "site",
        *TO_DEPLOY,
        *ALONE,
    }
    assert called <= phony


def test_gitlab_runs_same_make_targets_as_github():
    (review,) = TREES["review"]["jobs"].values()
    assert targets(script(GITLAB["review"])) == targets(script(review)) == ["review"]
    jobs = [job for scope in select_jobs.JOBS.values() for job in scope]
    on_both = " ".join(job["targets"] for job in jobs).split()
    assert set(targets(script(GITLAB["checks"]))) == set(on_both) - {"test"}, "it has one Python"
    (nightly,) = TREES["nightly"]["jobs"].values()
    assert targets(script(GITLAB["nightly"])) == targets(script(nightly))
    assert targets(script(nightly)) == ["servers", "test-nightly", "test-all"]


def test_gitlab_uses_same_cml_version_and_uploads_no_files():
    versions = re.findall(
        r"v?(0\.\d+\.\d+)",
        "".join(
            [
                *(
                    step["with"]["version"]
                    for *_, step in STEPS
                    if "setup-cml" in step.get("uses", "")
                ),
                *GITLAB["comment"]["script"],
            ]
        ),
    )
    assert set(versions) == {"0.20.6"}
    assert len(versions) == 3
    assert "--publish=false" in script(GITLAB["comment"])
    assert GITLAB["comment"]["variables"]["ITERATIVE_DO_NOT_TRACK"] == "1"


def test_guide_requires_checks_that_always_run():
    text = (ROOT / "docs" / "ci.md").read_text()
    required = re.findall(
        r"`([^`]+)`", re.search(r"\*Require status checks\*\s+(.*?)\*Require", text, re.DOTALL)[1]
    )
    always = TREES["review"]["jobs"]["review"], TREES["checks"]["jobs"]["checks"]
    assert set(required) == {job["name"] for job in always}


def test_guides_name_every_workflow_variable():
    text = "".join(
        (ROOT / "docs" / name).read_text() for name in ("ci.md", "deploy.md", "retrain.md")
    )
    named = {
        name
        for source in TEXTS.values()
        for name in re.findall(r"\b(?:vars|secrets)\.(\w+)", source)
    }
    assert len(named) > 8
    assert [name for name in named if f"`{name}`" not in text] == []


def test_every_tier_runs_on_both_pythons_each_night():
    (nightly,) = TREES["nightly"]["jobs"].values()
    pythons = {job["python"] for job in selected_jobs()}
    assert set(nightly["strategy"]["matrix"]["python"]) == pythons
    assert "REAL=1" in script(nightly)
    assert TREES["nightly"][True]["schedule"]


@workflow
def test_workflow_uses_no_cache(name):
    assert not re.search(r"uses: actions/cache|^\s*cache:", TEXTS[name], re.MULTILINE)
    inputs = [step["with"] for used, _, step in STEPS if used == name and "with" in step]
    assert [given for given in inputs if {"cache", "enable-cache"} & set(given)] == []


def test_push_to_main_does_not_cancel_run_of_another_push():
    group = TREES["checks"]["concurrency"]["group"]
    pushes = [{"event_name": "push", "ref": "refs/heads/main", "sha": sha} for sha in "ab"]
    pulls = [{"event_name": "pull_request", "ref": "refs/pull/1/merge", "sha": sha} for sha in "ab"]
    of_pushes = {render(group, {"github": context}) for context in pushes}
    of_pulls = {render(group, {"github": context}) for context in pulls}
    assert (len(of_pushes), len(of_pulls)) == (2, 1)
