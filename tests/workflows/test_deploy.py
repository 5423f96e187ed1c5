"""Deployment after a promotion or rollback runs the workflow's own jobs.

Docker and kubectl are stubs.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tarmac.registry.history import ENVIRONMENTS
from tests.conftest import Workspace, required
from tests.e2e.running import FROM_SOURCE, TARMAC
from tests.tarmac.deploy.clone import STUB, calls, containers, docker, write_stub
from tests.tarmac.deploy.test_rollout import KUBECTL
from tests.workflows.actions import install, install_nothing
from tests.workflows.conftest import commit
from tests.workflows.expressions import render
from tests.workflows.rehearsal import SLUG, TOKEN, Rehearsal
from tests.workflows.runner import Job, executable, needs_status, workflow

pytestmark = pytest.mark.program

IMAGE, ROLL_OUT = workflow("image")["jobs"]["image"], workflow("deploy")["jobs"]["deploy"]
CONFIG, OLD, NEW = "the cluster's address and token", "v0.0.1", "v0.0.2"
BUILD, PUSH, ATTEST, APPLY = "Bundle, image", "Push", "actions/attest", "Apply, wait"
PUBLISHED = ("dvc.lock", "metrics", "models/card.md", "data/raw.dvc", "data/remote")


@pytest.fixture(scope="module")
def base(code: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return the code with the published result and what deploys it.

    A second commit follows. Each of the two is a version.
    """
    target = tmp_path_factory.mktemp("released") / "repository"
    shutil.copytree(code.path, target, symlinks=True)
    workspace = Workspace(target)
    for name in ("deploy", ".dockerignore", *PUBLISHED):
        path = required(name)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, target / name)
    write_stub(target)
    for number in (1, 2):
        (target / "notes.txt").write_text(str(number))
        commit(workspace, f"version {number}")
        workspace.run("gto", "register", "model", "--message", "it holds")
    return workspace


@pytest.fixture(scope="module")
def registry(rehearsal: Rehearsal, base: Workspace) -> dict[str, str]:
    """Return the tags that Tarmac's own commands push, and their commits.

    In prod was the old version, then the new one, and then the old one again.
    """
    base.run("git", "remote", "add", "origin", str(rehearsal.repository()))
    base.run("git", "push", "--quiet", "origin", "--tags")
    for words in (
        ("promote", "prod", "--version", OLD),
        ("promote", "prod", "--version", NEW),
        ("promote", "staging", "--version", NEW),
        ("rollback", "prod"),
    ):
        base.run(*TARMAC, *words, "--why", "a rehearsal", env=FROM_SOURCE)
    listed = rehearsal.git(
        "show-ref", "--tags", "--dereference", folder=rehearsal.repository()
    ).splitlines()
    pairs = [line.split() for line in listed if line.endswith("^{}")]
    return {name.removeprefix("refs/tags/").removesuffix("^{}"): commit for commit, name in pairs}


def of_tag(rehearsal: Rehearsal, registry: Mapping[str, str], tag: str) -> dict[str, Any]:
    """The contexts of a tag that was pushed."""
    return {
        "github": rehearsal.context("push", {}, ref=f"refs/tags/{tag}", sha=registry[tag]),
        "inputs": {},
    }


def of_click(rehearsal: Rehearsal, environment: str, version: str) -> dict[str, Any]:
    """The contexts of a click."""
    return {
        "github": rehearsal.context("workflow_dispatch", {}),
        "inputs": {"environment": environment, "version": version},
    }


def build(rehearsal: Rehearsal, contexts: Mapping[str, Any], folder: Path, **variables: str) -> Job:
    """The job that makes the image, called as the workflow calls it."""
    given = workflow("deploy")["jobs"]["image"]["with"]
    inputs = {name: render(value, contexts) for name, value in given.items()}
    inner = {"github": contexts["github"], "inputs": inputs, "vars": variables}
    return rehearsal.run("image", "image", inner, install, [docker(folder)])


@pytest.fixture(scope="module")
def built(
    rehearsal: Rehearsal, registry: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Job, Path]:
    """The job of the rollback's tag, and where its Docker is."""
    folder = tmp_path_factory.mktemp("built") / "docker"
    job = build(rehearsal, of_tag(rehearsal, registry, "model#prod#4"), folder)
    assert job.result == "success", job.log
    return job, folder


def argv(folder: Path, action: str) -> list[list[str]]:
    """What Docker was asked of one kind."""
    return [call["argv"][2:] for call in calls(folder) if call["argv"][1] == action]


def test_rollback_serves_version_and_code_of_its_tag(registry, built):
    job, folder = built
    (words,) = argv(folder, "build")
    assert "VERSION=v0.0.1" in words
    assert f"REVISION={registry['model#prod#4']}" in words
    assert registry["model#prod#4"] == registry["model@v0.0.1"] != registry["model@v0.0.2"]
    assert "v0.0.1 answers" in job.log
    assert containers(folder) == []


def test_pushed_and_signed_image_is_the_tested_one(built):
    job, folder = built
    (tried,), (pushed,) = (argv(folder, action) for action in ("run", "push"))
    assert tried[-1] == pushed[-1] == f"ghcr.io/{SLUG}:v0.0.1"
    asked = [call["argv"][1] for call in calls(folder)]
    assert asked.index("rm") < asked.index("login") < asked.index("push")
    name, digest = job.outputs["image"].split("@")
    assert name == f"ghcr.io/{SLUG}"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    (signed,) = (step["with"] for step in IMAGE["steps"] if ATTEST in step.get("uses", ""))
    steps = {"push": {"outputs": {"name": name, "digest": digest}}}
    assert [render(value, {"steps": steps}) for value in signed.values()] == [name, digest]
    assert job.step(ATTEST).outcome == "success"


def test_registry_token_is_given_only_to_push_and_not_shown(built):
    job, folder = built
    holders = [
        (step.name.split(" | ")[0], name)
        for step in job.steps
        for name, held in step.env.items()
        if TOKEN in held
    ]
    assert holders == [("Push", "TOKEN")]
    assert TOKEN not in str([call["argv"] for call in calls(folder)]) + job.log
    (login,) = (call for call in calls(folder) if call["argv"][1] == "login")
    assert login["given"].strip() == TOKEN
    files = [
        path for path in job.machine.folder.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


def test_rerun_for_superseded_tag_fails_before_build(rehearsal, registry, tmp_path):
    job = build(rehearsal, of_tag(rehearsal, registry, "model#prod#2"), tmp_path / "docker")
    assert job.result == "failure"
    assert "model#prod#4 came after" in job.log
    assert calls(tmp_path / "docker") == []


def test_dispatch_serves_requested_version(rehearsal, registry, tmp_path):
    job = build(rehearsal, of_click(rehearsal, "prod", NEW), tmp_path / "docker", ATTEST="no")
    assert job.result == "success", job.log
    assert "v0.0.2 answers" in job.log
    assert job.step(ATTEST).outcome == "skipped"


ODD = "v1'; touch pwned; '$(touch pwned)`touch pwned` #"


def test_version_input_is_rejected_and_not_executed(rehearsal, registry, tmp_path):
    job = build(rehearsal, of_click(rehearsal, "prod", ODD), tmp_path / "docker")
    assert job.result == "failure"
    assert f"there is no version {ODD}" in job.log
    assert not list(job.machine.folder.rglob("pwned"))


@pytest.fixture
def faulty(registry: dict[str, str], base: Workspace) -> Iterator[None]:
    """A default branch whose service does not answer, for one test."""
    before = base.run("git", "rev-parse", "HEAD").stdout.strip()
    stub = base.path / STUB
    stub.write_text(stub.read_text().replace('RELEASE.get("fault")', '"wrong"'))
    commit(base, "a fault")
    base.run("git", "push", "--quiet", "origin", "HEAD:main")
    yield
    base.run("git", "reset", "--quiet", "--hard", before)
    base.run("git", "push", "--quiet", "--force", "origin", "HEAD:main")


@pytest.mark.usefixtures("faulty")
def test_image_that_does_not_answer_is_not_pushed(rehearsal, tmp_path):
    job = build(rehearsal, of_click(rehearsal, "staging", ""), tmp_path / "docker")
    assert [job.step(words).outcome for words in (BUILD, PUSH, ATTEST)] == [
        "failure",
        "skipped",
        "skipped",
    ]
    assert argv(tmp_path / "docker", "push") == []


class Cluster:
    """A kubectl that is recorded, and fails where it is asked a certain word."""

    def __init__(self, folder: Path, broken: str = "") -> None:
        self.calls_at = folder / "calls"
        text = KUBECTL.format(python=sys.executable, calls=self.calls_at, broken=broken)
        self.tools = executable(folder / "bin" / "kubectl", text)

    @property
    def asked(self) -> list[list[str]]:
        return [json.loads(line)["argv"] for line in self.calls_at.read_text().splitlines()]


def roll_out(
    rehearsal: Rehearsal, contexts: Mapping[str, Any], cluster: Cluster, result: str, image: str
) -> Job:
    """The job that rolls out, after one that made an image."""
    needs = {"image": {"result": result, "outputs": {"environment": "prod", "image": image}}}
    secrets = {"KUBECONFIG": CONFIG, "OTHER": "another secret"}
    return rehearsal.run(
        "deploy",
        "deploy",
        {**contexts, "needs": needs, "secrets": secrets},
        install_nothing,
        [cluster.tools],
    )


@pytest.fixture(scope="module")
def rolled_out(
    rehearsal: Rehearsal, registry: dict[str, str], built: tuple[Job, Path], tmp_path_factory
) -> tuple:
    """The job that rolls that image out, and its cluster."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    job = roll_out(
        rehearsal,
        of_tag(rehearsal, registry, "model#prod#4"),
        cluster,
        "success",
        built[0].outputs["image"],
    )
    assert job.result == "success", job.log
    return job, cluster


def test_cluster_gets_pushed_image(built, rolled_out):
    _, cluster = rolled_out
    assert [words[1:3] for words in cluster.asked] == [
        ["apply", "--filename=-"],
        ["rollout", "status"],
    ]
    given = json.loads(cluster.calls_at.read_text().splitlines()[0])["given"]
    assert f"image: {built[0].outputs['image']}\n" in given
    assert {words[0] for words in cluster.asked} == {"--namespace=tarmac-prod"}


def test_cluster_secret_is_private_and_not_shown(rolled_out):
    job, _ = rolled_out
    path = job.machine.temp / "kubeconfig"
    assert (path.read_text(), path.stat().st_mode & 0o777) == (f"{CONFIG}\n", 0o600)
    assert CONFIG not in job.log
    assert "another secret" not in str([step.env for step in job.steps])


def test_rollout_that_is_not_ready_fails_and_is_undone(rehearsal, registry, built, tmp_path):
    cluster = Cluster(tmp_path, broken="status")
    job = roll_out(
        rehearsal,
        of_tag(rehearsal, registry, "model#prod#4"),
        cluster,
        "success",
        built[0].outputs["image"],
    )
    assert (job.result, job.step(APPLY).outcome) == ("failure", "failure")
    assert cluster.asked[-1][1:] == ["rollout", "undo", "deployment/tarmac"]


def test_deploy_is_skipped_after_failed_image(rehearsal, registry, tmp_path):
    contexts = of_tag(rehearsal, registry, "model#prod#4")
    assert roll_out(rehearsal, contexts, Cluster(tmp_path), "failure", "").result == "skipped"
    assert needs_status(ROLL_OUT, {"needs": {"image": {"result": "failure"}}}) == "failure"


@pytest.mark.parametrize(
    ("event", "environment"),
    [
        ({"github": {"ref": "refs/tags/model#prod#12"}, "inputs": {}}, "prod"),
        ({"github": {"ref": "refs/tags/model#staging#1"}, "inputs": {}}, "staging"),
        ({"github": {"ref": "refs/heads/main"}, "inputs": {"environment": "prod"}}, "prod"),
        (
            {"github": {"ref": "refs/tags/model#prod#12"}, "inputs": {"environment": "staging"}},
            "staging",
        ),
    ],
)
def test_event_determines_environment_and_concurrency_group(event, environment):
    assert render(workflow("deploy")["jobs"]["image"]["with"]["environment"], event) == environment
    assert render(workflow("deploy")["concurrency"]["group"], event) == f"deploy-{environment}"
    assert (
        render(
            workflow("image")[True]["workflow_call"]["outputs"]["environment"]["value"],
            {"inputs": {"environment": environment}},
        )
        == environment
    )
    needs = {"needs": {"image": {"outputs": {"environment": environment}}}}
    assert render(ROLL_OUT["environment"], needs) == environment


def matches(pattern: str, name: str) -> bool:
    """Return whether GitHub's filter accepts a tag.

    `*` is any text without a slash. No other special character is used here.
    """
    assert not set(pattern) & set("?+[]!\\")
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), name) is not None


@pytest.mark.parametrize(
    ("tag", "starts"),
    [
        ("model#prod#1", True),
        ("model#staging#112", True),
        ("model@v0.0.2", False),
        ("model#canary#1", False),
        ("other#prod#1", False),
        ("model#prod", False),
        ("v1", False),
    ],
)
def test_only_promotion_tags_start_workflow(tag, starts):
    patterns = workflow("deploy")[True]["push"]["tags"]
    assert any(matches(pattern, tag) for pattern in patterns) is starts
    assert len(patterns) == len(ENVIRONMENTS)


def test_workflow_environments_match_registry(registry):
    assert workflow("deploy")[True]["workflow_dispatch"]["inputs"]["environment"][
        "options"
    ] == list(ENVIRONMENTS)
    assert {"model#prod#1", "model#prod#2", "model#prod#4", "model#staging#3"} < set(registry)
