"""Experiments work as DVC documents them: run, listed, applied, queued and shared.

Each has its own result.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands
from tests.conftest import Workspace
from tests.e2e.running import DVC
from tests.e2e.test_reproducible import clone, stages_run
from tests.needs import times
from tests.waiting import wait_for

TRAINED = ["train", "evaluate", "card"]  # the stages that a parameter of training starts again
RATE, DEPTH = "train.xgboost.learning_rate", "train.xgboost.max_depth"
MEASURED = ("metrics/train/metrics.json", "metrics/evaluate/metrics.json")
LOCK = "dvc.lock"
PATIENCE = 900  # seconds for a whole queue, on a machine that does much else
# Stands in for the Python of the stages: it keeps what a stage was about to run with, under the
# stage's name.
NOTING = """#!/bin/sh
stage=${{2%.stage}}
cp params.yaml "$(mktemp "{ran}/${{stage##*.}}-XXXXXX")" && exec "{python}" "$@"
"""


@pytest.fixture(autouse=True)
def no_worker_left(tmp_path: Path) -> Iterator[None]:
    """End the workers that a queue leaves behind.

    They are found by the folder that their environment names.
    """
    yield
    wait_for(lambda: not kill_all_in(tmp_path), "the workers of the queue end")


def kill_all_in(folder: Path) -> list[int]:
    """Kill what works in a folder. Return the processes."""
    found = working_in(folder)
    for process in found:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return found


def working_in(folder: Path) -> list[int]:
    """The processes that a workspace in this folder started, and those that they did."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"DVC_SITE_CACHE_DIR={folder}{os.sep}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has ended since, or belongs to somebody else
            continue
    return found


@pytest.fixture(scope="module")
def tried_template(
    finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """Return a workspace with the experiments `faster` and `shallower`.

    Each starts from what is committed. Copy the workspace.
    """
    workspace = Workspace(tmp_path_factory.mktemp("tried") / "repository")
    shutil.copytree(finished_template.path, workspace.path, symlinks=True)
    for name, change in {"faster": f"{RATE}=0.2", "shallower": f"{DEPTH}=4"}.items():
        workspace.run("git", "reset", "--quiet", "--hard")
        workspace.dvc("checkout", "--quiet")
        done = workspace.dvc("exp", "run", "--name", name, "-S", change)
        (workspace.path.parent / f"{name}.txt").write_text(done.stdout)
    return workspace


@pytest.fixture
def tried(tried_template: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(tried_template.path, tmp_path / "repository", symlinks=True)
    return Workspace(tmp_path / "repository")


def committed(workspace: Workspace, name: str, path: str) -> str:
    """A file as the experiment has committed it."""
    refs = workspace.run(
        "git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/*"
    ).stdout.split()
    (ref,) = [ref for ref in refs if ref.endswith(f"/{name}")]
    return workspace.run("git", "show", f"{ref}:{path}").stdout


def xgboost(params: dict) -> tuple[float, int]:
    return params["train"]["xgboost"]["learning_rate"], params["train"]["xgboost"]["max_depth"]


def listed(workspace: Workspace) -> list[dict]:
    """The experiments of HEAD as `dvc exp show` has them, with those that failed or wait."""
    (head,) = [
        line
        for line in json.loads(workspace.dvc("exp", "show", "--json").stdout)
        if line["rev"] != "workspace"
    ]
    return head["experiments"] or []


def shown(entry: dict) -> tuple[tuple[float, int], dict[str, dict]]:
    """The parameters and the metrics of a listed experiment."""
    (run,) = entry["revs"]
    data = run["data"]
    return xgboost(data["params"]["params.yaml"]["data"]), {
        name: data["metrics"][name]["data"] for name in MEASURED
    }


def result(workspace: Workspace) -> dict[str, str]:
    """Return the hash of everything that a run leaves.

    This includes outputs in the workspace, metrics, the parameters and the lock.
    """
    return {
        path: compute_dvc_hash(workspace.path / path)
        for path in [*commands.read_output_hashes(workspace.path), "params.yaml", LOCK]
    }


def is_clean(workspace: Workspace) -> bool:
    """Whether both Git and DVC find the workspace as it is committed."""
    return (
        workspace.run("git", "status", "--porcelain").stdout == ""
        and workspace.dvc("status", "--quiet", check=False).returncode == 0
    )


def queue(workspace: Workspace, *arguments: str, workers: int) -> list[tuple[str, dict]]:
    """Queue experiments and wait for all of them.

    Return what ran: stages, and the parameters of each run.
    """
    tools, ran = workspace.path.parent / "tools", workspace.path.parent / "ran"
    for folder in (tools, ran):
        folder.mkdir()
    (tools / "python").write_text(NOTING.format(ran=ran, python=sys.executable))
    (tools / "python").chmod(0o755)
    workspace.dvc("exp", "run", "--queue", *arguments)
    start_workers(workspace, workers, tools)
    wait_for(
        lambda: not {"Queued", "Running"} & {state for _, state in tasks(workspace)},
        lambda: f"the queue is empty:\n{workspace.dvc('queue', 'status').stdout}",
        PATIENCE,
        pause=5,  # each look takes a second of the workers' time
    )
    return [(file.name.split("-")[0], yaml.safe_load(file.read_text())) for file in ran.iterdir()]


def start_workers(workspace: Workspace, count: int, tools: Path) -> None:
    """Start the workers of a queue with these tools first on the path.

    They outlive the command that starts them.
    """
    path = os.pathsep.join([str(tools), workspace.environment["PATH"]])
    environment = {**workspace.environment, "PATH": path, "OMP_NUM_THREADS": "1"}  # a worker a core
    with (workspace.path.parent / "workers.txt").open(
        "w"
    ) as said:  # a pipe would stay open as long as a worker lives
        subprocess.run(
            [*DVC, "queue", "start", "--jobs", str(count)],
            cwd=workspace.path,
            env=environment,
            check=True,
            stdout=said,
            stderr=said,
        )


def tasks(workspace: Workspace) -> list[tuple[str, str]]:
    """Return the name and state of each task of the queue.

    A task that ends while DVC lists them is there twice.
    """
    text = workspace.dvc("queue", "status").stdout
    return re.findall(r"^[0-9a-f]{7} +(\S+) .* (\w+) *$", text, re.MULTILINE)


def states(workspace: Workspace) -> dict[str, str]:
    """The state of each task of a queue that has come to rest, by the experiment's name."""
    found = tasks(workspace)
    assert len(dict(found)) == len(found), found
    return dict(found)


def test_experiment_runs_only_stages_affected_by_change(tried_template):
    for name in ("faster", "shallower"):
        assert stages_run((tried_template.path.parent / f"{name}.txt").read_text()) == TRAINED


def test_experiments_are_listed_with_own_params_and_metrics(tried):
    names = {entry["name"]: shown(entry) for entry in listed(tried)}
    assert {name: params for name, (params, _) in names.items()} == {
        "faster": (0.2, 6),
        "shallower": (0.3, 4),
    }
    for name, (_, metrics) in names.items():
        assert metrics == {path: json.loads(committed(tried, name, path)) for path in MEASURED}
    assert names["faster"][1] != names["shallower"][1]
    assert set(tried.dvc("exp", "list", "--name-only").stdout.split()) == set(names)


def test_applying_experiment_restores_its_complete_result(tried):
    ran = result(tried)
    assert xgboost(tried.params) == (0.3, 4)
    for name in ("faster", "shallower"):
        tried.dvc("exp", "apply", name)
        applied = {
            path: (tried.path / path).read_text() for path in ("params.yaml", LOCK, *MEASURED)
        }
        assert applied == {path: committed(tried, name, path) for path in applied}
        assert {
            path: compute_dvc_hash(tried.path / path)
            for path in commands.read_output_hashes(tried.path)
        } == commands.read_output_hashes(tried.path)
        assert tried.dvc("status", "--quiet", check=False).returncode == 0
    assert result(tried) == ran


def test_experiment_branch_has_complete_result(tried):
    wanted = result(tried)
    tried.dvc("exp", "branch", "shallower", "proposal")
    tried.run("git", "reset", "--quiet", "--hard")
    tried.dvc("checkout", "--quiet")
    assert result(tried) != wanted
    tried.run("git", "switch", "--quiet", "proposal")
    tried.dvc("checkout", "--quiet")
    assert result(tried) == wanted
    assert is_clean(tried)


@pytest.mark.repeated
def test_queue_runs_each_of_its_experiments_once(finished):
    """Three for two workers: one takes the third while the other is at work."""
    rates = [round(0.11 + number / 100, 2) for number in range(times(3, 20))]
    ran = queue(finished, "-S", f"{RATE}={','.join(map(str, rates))}", workers=2)
    assert Counter((stage, xgboost(params)) for stage, params in ran) == dict.fromkeys(
        [(stage, (rate, 6)) for stage in TRAINED for rate in rates], 1
    )
    assert list(states(finished).values()) == ["Success"] * len(rates)
    found = listed(finished)
    assert {entry["name"] for entry in found} == set(states(finished))
    assert sorted(params for params, _ in map(shown, found)) == [(rate, 6) for rate in rates]
    assert is_clean(finished), "a queue must leave the workspace as it is"

    lock = {shown(entry)[0]: committed(finished, entry["name"], LOCK) for entry in found}
    metrics = dict(map(shown, found))
    finished.set_params(lambda params: params["train"]["xgboost"].update(learning_rate=rates[0]))
    finished.dvc("repro")
    first = rates[0], 6
    assert {path: json.loads((finished.path / path).read_text()) for path in MEASURED} == metrics[
        first
    ]
    assert (finished.path / LOCK).read_text() == lock[first]
    assert len({json.dumps(measured) for measured in metrics.values()}) == len(rates)


def colleague(bare: Workspace, target: Path, store_folder: Path) -> Workspace:
    """A clone of the team's Git repository, with the team's DVC remote as its default."""
    workspace = clone(bare, target)
    workspace.run("git", "config", "user.name", target.name)
    workspace.run("git", "config", "user.email", f"{target.name}@example.org")
    workspace.dvc("remote", "add", "--local", "--default", "team", str(store_folder))
    workspace.dvc("remote", "modify", "--local", "team", "verify", "true")
    return workspace


def bare_of(workspace: Workspace, target: Path) -> Workspace:
    workspace.run("git", "clone", "--quiet", "--bare", ".", str(target))
    return Workspace(target)


def test_shared_experiment_is_identical_for_colleague(finished_template, tmp_path):
    bare = bare_of(finished_template, tmp_path / "shared.git")
    first, second = (
        colleague(bare, tmp_path / name, tmp_path / "store") for name in ("first", "second")
    )
    first.dvc("pull", "--quiet", "--remote", "embedded")
    first.dvc("exp", "run", "--name", "mine", "-S", f"{RATE}=0.2")
    first.dvc("exp", "push", "origin", "mine")
    assert second.dvc("exp", "list", "origin", "--name-only").stdout.split() == ["mine"]
    second.dvc("exp", "pull", "origin", "mine")
    second.dvc("exp", "apply", "mine")
    assert xgboost(second.params) == (0.2, 6)
    assert result(second) == result(first)
    assert second.dvc("status", "--quiet", check=False).returncode == 0

    second.dvc("exp", "branch", "mine", "proposal")
    second.run("git", "reset", "--quiet", "--hard")
    second.run("git", "switch", "--quiet", "proposal")
    second.dvc("checkout", "--quiet")
    assert result(second) == result(first)
    assert is_clean(second)


def test_clone_and_fetch_do_not_bring_experiments(tried, tmp_path):
    bare = bare_of(tried, tmp_path / "shared.git")
    tried.run("git", "remote", "add", "origin", str(bare.path))
    tried.dvc("exp", "push", "--no-cache", "origin", "faster", "shallower")
    assert "/faster\n" in bare.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout
    workspace = clone(bare, tmp_path / "clone")
    for _ in range(2):
        assert workspace.run("git", "for-each-ref", "refs/exps").stdout == ""
        workspace.run("git", "fetch", "--quiet")
    assert workspace.dvc("exp", "list", "--all", "--name-only").stdout.split() == []


def test_pull_completes_experiment_shared_without_data(tried, tmp_path):
    bare = bare_of(tried, tmp_path / "shared.git")
    tried.run("git", "remote", "add", "origin", str(bare.path))
    tried.dvc("exp", "push", "--no-cache", "origin", "shallower")
    tried.dvc("push", "--quiet")
    workspace = clone(bare, tmp_path / "clone")
    shutil.copytree(
        tried.path / "data" / "remote", workspace.path / "data" / "remote", dirs_exist_ok=True
    )
    # DVC takes the remote's folder, relative in the committed configuration, for one below the root
    # of the machine.
    workspace.dvc("exp", "pull", "origin", "shallower")
    done = workspace.dvc("exp", "apply", "shallower", check=False)
    assert done.returncode != 0, (
        "DVC finds the embedded remote by now: experiments can be shared through it"
    )
    workspace.dvc("pull", "--quiet")
    assert result(workspace) == result(tried)
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0
