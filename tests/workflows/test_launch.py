"""GPU machines: when one is launched, with which options, and that it is torn down."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Workspace
from tests.workflows.expressions import condition, render
from tests.workflows.rehearsal import SLUG, Rehearsal
from tests.workflows.runner import Job, needs_status, workflow

pytestmark = pytest.mark.program

SECRET = "github_pat_that_registers_runners"
VARS = {
    "GPU_ROLE": "arn:aws:iam::1:role/gpu",
    "GPU_REGION": "us-east-1",
    "GPU_TYPE": "g5.xlarge",
    "GPU_IMAGE": "team-gpu-8f2c41",
    "GPU_SECURITY_GROUP": "sg-0a",
    "GPU_SUBNET": "subnet-0b",
    "GPU_INSTANCE_PROFILE": "arn:aws:iam::1:instance-profile/gpu",
}
NEEDED = ("GPU_REGION", "GPU_TYPE", "GPU_IMAGE", "GPU_SECURITY_GROUP", "GPU_SUBNET")
ALL, NONE = {"launch", "train", "teardown"}, set()


@pytest.fixture(scope="module")
def base(code: Workspace) -> Workspace:
    """In the place of the repository with a result: no pipeline runs in this module."""
    return code


def labelled(label: str, repository: str | None = SLUG) -> dict[str, Any]:
    """Return the event of a label that is put on a pull request.

    A fork that is deleted has no repository.
    """
    head = {"repo": {"full_name": repository} if repository else None}
    event = {"action": "labeled", "label": {"name": label}, "pull_request": {"head": head}}
    return {
        "github": {"event_name": "pull_request", "repository": SLUG, "event": event},
        "inputs": None,
    }


def dispatched(runs_on: str) -> dict[str, Any]:
    """The event of a click."""
    github = {"event_name": "workflow_dispatch", "repository": SLUG, "event": {"inputs": {}}}
    return {"github": github, "inputs": {"runs_on": runs_on, "set": ""}}


def started(contexts: Mapping[str, Any], ended: Mapping[str, str]) -> set[str]:
    """Return the jobs of the workflow that run.

    They end as `ended` says, by default well.
    """
    needs: dict[str, dict[str, str]] = {}
    for name, job in workflow("gpu")["jobs"].items():
        given = {**contexts, "needs": needs}
        # By a person: the whole run is.
        cancelled = "cancelled" in [job["result"] for job in needs.values()]
        status = "cancelled" if cancelled else needs_status(job, given)
        runs = condition(job.get("if"), given, status)
        needs[name] = {"result": ended.get(name, "success") if runs else "skipped"}
    return {name for name, job in needs.items() if job["result"] != "skipped"}


@pytest.mark.parametrize(
    ("contexts", "wanted"),
    [
        (dispatched(""), ALL),
        (dispatched("a-machine-under-a-desk"), {"train"}),
        (labelled("gpu"), ALL),
        (labelled("gpu", "somebody/flights"), NONE),
        (labelled("gpu", "team/flights-two"), NONE),
        (labelled("gpu", None), NONE),
        (labelled("gpu-later"), NONE),
        (labelled("documentation"), NONE),
        (labelled("documentation", "somebody/flights"), NONE),
    ],
)
def test_jobs_start_only_for_dispatch_or_own_gpu_label(contexts, wanted):
    assert started(contexts, {}) == wanted


@pytest.mark.parametrize(
    ("ended", "wanted"),
    [
        ({"launch": "failure"}, {"launch", "teardown"}),
        ({"launch": "cancelled"}, {"launch", "teardown"}),
        ({"train": "failure"}, ALL),
        ({"train": "cancelled"}, ALL),
    ],
)
def test_teardown_follows_failure_and_training_needs_launch(ended, wanted):
    assert started(dispatched(""), ended) == wanted


def test_workflow_starts_only_on_label_or_dispatch():
    assert workflow("gpu")[True].keys() == {"workflow_dispatch", "pull_request"}
    assert workflow("gpu")[True]["pull_request"] == {"types": ["labeled"]}
    assert workflow("launch")[True].keys() == {"workflow_call"}


@pytest.mark.parametrize(("runs_on", "label"), [("my-gpu", "my-gpu"), ("", "gpu-7-1")])
def test_training_runs_on_given_or_launched_machine(runs_on, label):
    outputs = {"label": "gpu-7-1"} if not runs_on else {}
    given = {**dispatched(runs_on), "needs": {"launch": {"outputs": outputs}}}
    assert render(workflow("gpu")["jobs"]["train"]["runs-on"], given) == label
    output = workflow("launch")[True]["workflow_call"]["outputs"]["label"]["value"]
    assert render(output, {"jobs": {"launch": {"outputs": {"label": "gpu-7-1"}}}}) == "gpu-7-1"


def launch(rehearsal: Rehearsal, variables: Mapping[str, str]) -> Job:
    rehearsal.forget()
    context = rehearsal.context("workflow_dispatch", {})
    secrets = {"RUNNER_TOKEN": SECRET, "OTHER": "another secret"}
    return rehearsal.run(
        "launch", "launch", {"github": context, "vars": variables, "secrets": secrets}
    )


@pytest.fixture(scope="module")
def launched(rehearsal: Rehearsal) -> tuple[Job, dict[str, Any], dict[str, list[str]]]:
    """The job, the one call of the client, and its options."""
    job = launch(rehearsal, VARS)
    assert job.result == "success", job.log
    (call,) = rehearsal.calls
    options: dict[str, list[str]] = {}
    for argument in call["argv"][2:]:
        name, _, value = argument.removeprefix("--").partition("=")
        options.setdefault(name, []).append(value)
    return job, call, options


def test_launch_options_set_timeout_network_and_janitor_tags(rehearsal, launched):
    job, call, options = launched
    label = job.outputs["label"]
    assert re.fullmatch(r"gpu-\d+-1", label)
    assert call["argv"][:2] == ["runner", "launch"]
    assert options == {
        "repo": [f"{rehearsal.github.url}/{SLUG}"],
        "single": [""],
        "idle-timeout": ["10min"],
        "name": [label],
        "labels": [label],
        "cloud": ["aws"],
        "cloud-region": ["us-east-1"],
        "cloud-type": ["g5.xlarge"],
        "cloud-hdd-size": ["100"],
        "cloud-image": ["team-gpu-8f2c41"],
        "cloud-aws-security-group": ["sg-0a"],
        "cloud-aws-subnet": ["subnet-0b"],
        "cloud-permission-set": [VARS["GPU_INSTANCE_PROFILE"]],
        "tpi-version": ["= 0.11.20"],
        "cloud-metadata": [f"tarmac={SLUG}", f"run={label.split('-')[1]}"],
    }


def test_each_launch_has_its_own_label(rehearsal, launched):
    assert launch(rehearsal, VARS).outputs["label"] != launched[0].outputs["label"]


def test_runner_token_is_given_only_to_launch_and_not_shown(launched):
    job, call, _ = launched
    holders = [
        (step.name.split(" | ")[0], name)
        for step in job.steps
        for name, held in step.env.items()
        if SECRET in held
    ]
    assert holders == [("Launch", "REPO_TOKEN")]
    assert SECRET not in " ".join(call["argv"]) + job.log
    assert "another secret" not in str([step.env for step in job.steps])
    assert call["env"]["ITERATIVE_DO_NOT_TRACK"] == "1"


@pytest.mark.parametrize("name", NEEDED)
def test_launch_requires_every_variable(rehearsal, name):
    job = launch(rehearsal, {key: value for key, value in VARS.items() if key != name})
    assert job.result == "failure"
    assert name in job.log
    assert rehearsal.calls == []


def test_launch_job_has_no_repository_code(rehearsal, launched):
    assert list(launched[0].machine.checkout.iterdir()) == []
    uses = [
        step["uses"].split("@")[0]
        for step in workflow("launch")["jobs"]["launch"]["steps"]
        if "uses" in step
    ]
    assert "actions/checkout" not in uses


def test_failed_launch_fails_job(rehearsal):
    rehearsal.forget()
    (rehearsal.folder / "cml" / "broken").touch()
    context = rehearsal.context("workflow_dispatch", {})
    assert rehearsal.run("launch", "launch", {"github": context, "vars": VARS}).result == "failure"
    assert Path(rehearsal.folder / "cml" / "calls").exists()
