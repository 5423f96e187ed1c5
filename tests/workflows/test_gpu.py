"""The GPU training job of the workflow runs on two machines.

One has no GPU. On the other the CPU stands in.
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands
from tests.conftest import Workspace
from tests.workflows.actions import install
from tests.workflows.rehearsal import TOKEN, Rehearsal
from tests.workflows.runner import Job, executable

pytestmark = pytest.mark.program

TRAIN, PUSH, SHOW = "Train, and compare", "Push the result", "review/report.md >>"
RECORD = """#!{python}
import json, subprocess, sys
with open("{record}", "a") as record:
    record.write(json.dumps([{name!r}, *sys.argv[1:]]) + "\\n")
if not {run} and sys.argv[1] == "exp":
    open("params.yaml", "a").write("# trained\\n")
if {run}:
    arguments = [argument.replace("device=cuda", "device=cpu") for argument in sys.argv[1:]]
    sys.exit(subprocess.run([sys.executable, "-m", "dvc", *arguments]).returncode)
"""
# Shows every command that Git itself runs, too.
TRACED = '#!/bin/sh\nexport GIT_TRACE={trace}\nexec {git} "$@"\n'
ODD = (
    r"""a.b=$(touch${IFS}pwned) c="x `touch pwned` ;touch pwned&&touch pwned | * """
    r"""../* ~ $HOME \ 'e f' --queue"""
)


class Machine:
    """A way to install the environment with some of its programs replaced.

    These are recorded instead of being run, or while they run.
    """

    def __init__(self, folder: Path, *recorded: str, run: bool) -> None:
        self.record, self._recorded, self._run = folder / "record", recorded, run
        folder.mkdir(parents=True)

    def __call__(self, checkout: Path) -> None:
        install(checkout)
        python = checkout / ".venv" / "bin" / "python"
        for name in self._recorded:
            path = python.with_name(name)
            path.unlink()
            executable(
                path, RECORD.format(python=python, record=self.record, name=name, run=self._run)
            )

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]


def train(rehearsal: Rehearsal, machine: Machine, parameters: str, **more: object) -> Job:
    """The training job, on a runner that is there."""
    context = rehearsal.context("workflow_dispatch", {}, **more)
    inputs = {"runs_on": "my-gpu", "set": parameters}
    needs = {"launch": {"result": "skipped", "outputs": {}}}
    trace = machine.record.with_name("trace")
    tools = executable(
        machine.record.parent / "git", TRACED.format(trace=trace, git=shutil.which("git"))
    )
    return rehearsal.run(
        "gpu", "train", {"github": context, "inputs": inputs, "needs": needs}, machine, [tools]
    )


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Where the CPU passes for a GPU."""
    return Machine(tmp_path_factory.mktemp("gpu") / "machine", "dvc", run=True)


@pytest.fixture(scope="module")
def trained(rehearsal: Rehearsal, machine: Machine) -> Job:
    job = train(rehearsal, machine, "train.seed=3 train.max_rounds=12")
    assert job.result == "success", job.log
    return job


@pytest.fixture(scope="module")
def branch(trained: Job) -> str:
    return f"gpu-{trained.machine.contexts['github']['run_id']}-1"


@pytest.fixture(scope="module")
def colleague(
    rehearsal: Rehearsal, branch: str, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A clone of the branch that was pushed."""
    target = tmp_path_factory.mktemp("colleague") / "repository"
    rehearsal.git(
        "clone", "--quiet", "--branch", branch, f"{rehearsal.github.url}/team/flights", str(target)
    )
    return Workspace(target)


def test_experiment_runs_on_gpu_with_given_parameters(machine, trained, branch):
    (ran,) = [call for call in machine.calls if call[1] == "exp"]
    named = ["dvc", "exp", "run", "--name", branch, "--set-param", "train.device=cuda"]
    assert ran == [*named, "--set-param", "train.seed=3", "--set-param", "train.max_rounds=12"]


def test_result_is_reviewed_and_shown_in_summary(trained):
    assert trained.summary.startswith("## ")
    assert "| `train.seed` | `7` | `3` |" in trained.summary
    assert "dvc.lock is up to date" not in trained.summary


def test_pushed_result_can_be_pulled(colleague):
    params = yaml.safe_load((colleague.path / "params.yaml").read_text())["train"]
    assert (params["seed"], params["max_rounds"]) == (3, 12)
    colleague.dvc("pull", "--quiet")
    wanted = commands.read_output_hashes(colleague.path)
    assert {path: compute_dvc_hash(colleague.path / path) for path in wanted} == wanted
    assert colleague.dvc("status", "--quiet", check=False).returncode == 0


def test_pushed_branch_adds_one_commit_with_only_result(rehearsal, trained, colleague, branch):
    log = colleague.run(
        "git", "log", "--format=%an %cn %ae %s", "origin/main..HEAD"
    ).stdout.splitlines()
    assert log == [f"octocat octocat octocat@users.noreply.github.com The result of {branch}"]
    changed = colleague.run("git", "diff", "--name-only", "origin/main", "HEAD").stdout.split()
    assert {"params.yaml", "dvc.lock", "models/card.md", "metrics/evaluate/metrics.json"} < set(
        changed
    )
    known = ("params.yaml", "dvc.lock", "models/card.md", "metrics/", "data/remote/")
    assert [path for path in changed if not path.startswith(known)] == []
    assert rehearsal.git("status", "--porcelain", folder=trained.machine.checkout) == ""
    assert rehearsal.git("rev-parse", "main", folder=rehearsal.repository()) == rehearsal.git(
        "rev-parse", "origin/main", folder=colleague.path
    )


def test_push_token_is_given_only_to_push_and_not_stored(machine, trained):
    holders = [
        (step.name.split(" | ")[0], name)
        for step in trained.steps
        for name, v in step.env.items()
        if TOKEN in v
    ]
    assert holders == [("Push the result as a branch", "PUSH_TOKEN")]
    files = [
        path
        for path in trained.machine.folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    traced = machine.record.with_name("trace").read_text()
    assert "built-in: git push" in traced
    assert "f get" in traced, "the credential helper was not asked"
    assert TOKEN not in traced


def test_missing_gpu_fails_job_with_reason_and_no_push(rehearsal, tmp_path):
    job = train(rehearsal, Machine(tmp_path / "machine", run=True), "")
    assert [job.step(words).outcome for words in (TRAIN, PUSH, SHOW)] == [
        "failure",
        "skipped",
        "success",
    ]
    assert job.result == "failure"
    assert (
        "error: train.device is cuda but XGBoost trained on cpu: no GPU, or no CUDA build"
        in job.log
    )
    assert job.summary == ""
    assert f"gpu-{job.machine.contexts['github']['run_id']}-1" not in rehearsal.git(
        "branch", "--list", folder=rehearsal.repository()
    )


@pytest.mark.parametrize("parameters", ["", ODD])
def test_parameters_are_passed_whole_and_not_executed(rehearsal, tmp_path, parameters):
    machine = Machine(tmp_path / "machine", "dvc", "tarmac", run=False)
    job = train(rehearsal, machine, parameters)
    assert job.result == "success", job.log
    named = ["dvc", "exp", "run", "--name", machine.calls[1][4], "--set-param", "train.device=cuda"]
    pairs = [word for pair in parameters.split() for word in ("--set-param", pair)]
    assert machine.calls[:3] == [["tarmac", "pull"], [*named, *pairs], ["tarmac", "review"]]
    assert [*job.machine.folder.rglob("pwned"), *job.machine.folder.parent.glob("pwned")] == []


def test_publishes_outputs_when_remote_is_outside_repository(rehearsal, person, tmp_path):
    person.run("git", "rm", "-r", "--quiet", "data/remote")
    rehearsal.change(person, branch="elsewhere")
    machine = Machine(tmp_path / "machine", "dvc", "tarmac", run=False)
    job = train(rehearsal, machine, "", ref="refs/heads/elsewhere")
    assert job.result == "success", job.log
    assert ["tarmac", "push"] in machine.calls


def test_label_trains_branch_of_pull_request(rehearsal, person, tmp_path):
    (person.path / "NOTES.md").write_text("on the branch\n")
    rehearsal.change(person, "NOTES.md", branch="labelled")
    machine = Machine(tmp_path / "machine", "dvc", "tarmac", run=False)
    refs = {"ref": "refs/pull/99/merge", "head_ref": "labelled", "base_ref": "main"}
    job = train(rehearsal, machine, "", **refs)
    assert job.result == "success", job.log
    assert (job.machine.checkout / "NOTES.md").exists()
    assert job.step(TRAIN).env["GITHUB_BASE_REF"] == "main"
    assert (
        rehearsal.git("branch", "--list", "labelled", folder=job.machine.checkout).strip()
        == "labelled"
    )
