"""Unattended retraining ingests, evaluates and proposes a new month.

If it does not propose the month, it reports the reason.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC, kill_when, started
from tests.needs import times
from tests.tarmac.serving.running import running, wait_for
from tests.workflows.conftest import copy_workflows, loosen
from tests.workflows.github import serving
from tests.workflows.rehearsal import SLUG, TOKEN, Rehearsal
from tests.workflows.runner import Job
from tests.workflows.team import Team

NEW, TABLES = "2013-12", ("flights", "weather")
Edit = Callable[[pd.DataFrame], pd.DataFrame]


def few_months(params: dict) -> None:
    """September to November, and a policy that such a small model meets."""
    loosen(params)
    for name, month in {"train": "2013-09", "validation": "2013-10", "test": "2013-11"}.items():
        params["split"][name] = {"first": month, "last": month}
    params["retrain"].update(every_months=1, train_months=2, validation_months=1, test_months=1)
    params["monitor"].update(
        drifted={"warning": 1.0, "critical": 1.0}, decay={"roc_auc": 0.5}, calibration=1.0
    )
    params["monitor"].update(unknown={"warning": 0.05, "critical": 0.2})  # of a tenth of the rows


@pytest.fixture(scope="module")
def template(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a repository that has run before December arrived.

    December lies next to it. Do not change it.
    """
    folder = tmp_path_factory.mktemp("waiting")
    shutil.copytree(finished_template.path, folder / "repository", symlinks=True)
    workspace = Workspace(folder / "repository")
    (folder / "new").mkdir()
    for table in TABLES:
        path = workspace.path / "data" / "raw" / table / f"{NEW}.parquet"
        shutil.copyfile(path, folder / "new" / f"{table}-{NEW}.parquet")
        path.unlink()
    workspace.dvc("add", "--quiet", "data/raw")
    workspace.set_params(few_months)
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", "before the month")
    return workspace


@pytest.fixture
def workspace(template: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(template.path.parent, tmp_path / "own", symlinks=True)
    return Workspace(tmp_path / "own" / "repository")


def arriving(workspace: Workspace, edit: Edit = lambda rows: rows) -> str:
    """The folder with the new month, its flights edited."""
    folder = workspace.path.parent / "new"
    path = folder / f"flights-{NEW}.parquet"
    edit(pd.read_parquet(path)).to_parquet(path, index=False)
    return str(folder)


def retrain(workspace: Workspace, *words: str) -> "subprocess.CompletedProcess[str]":
    return workspace.run(*TARMAC, "retrain", *words, env=FROM_SOURCE, check=False)


def found(workspace: Workspace) -> dict:
    return json.loads((workspace.path / "monitoring" / "monitoring.json").read_text())


def status(workspace: Workspace) -> list[str]:
    return workspace.run("git", "status", "--porcelain").stdout.splitlines()


def test_new_month_trains_and_reviews_model_on_moved_windows(workspace):
    done = retrain(workspace, arriving(workspace))
    assert done.returncode == 0, done.stdout + done.stderr
    facts = found(workspace)
    assert (facts["decision"], facts["made"]) == ("retrain", "a model of 2013-09 to 2013-10")
    assert facts["arrived"] == sorted(
        facts["arrived"], key=lambda line: TABLES.index(line.split("/")[0])
    )
    windows = {
        name: (window["first"], window["last"])
        for name, window in workspace.params["split"].items()
    }
    assert windows == {
        "train": ("2013-09", "2013-10"),
        "validation": ("2013-11",) * 2,
        "test": (NEW, NEW),
    }
    assert workspace.dvc("status", "--json").stdout.strip() == "{}"
    changed = {line[3:] for line in status(workspace)}
    expected = {"data/raw.dvc", "dvc.lock", "params.yaml", "models/card.md", "metrics/prepare.json"}
    assert expected <= changed
    assert all(
        re.match(r"metrics/|models/card|data/raw.dvc|dvc.lock|params.yaml", path)
        for path in changed
    )
    verdict = json.loads((workspace.path / "review" / "verdict.json").read_text())
    assert verdict["verdict"] in ("pass", "fail")
    report = (workspace.path / "monitoring" / "report.md").read_text()
    assert all(f"- {line}" in report for line in facts["arrived"])
    assert (workspace.path / "metrics" / "monitoring" / f"{NEW}.json").is_file()
    assert workspace.dvc("exp", "list", "--name-only").stdout.startswith(f"retrain-{NEW}-")
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", "accepted")
    again = retrain(workspace, str(workspace.path.parent / "new"))
    assert again.returncode == 0, again.stdout + again.stderr
    assert (found(workspace)["verdict"], found(workspace)["made"]) == ("ok", "")
    assert status(workspace) == []


@pytest.mark.kill
@pytest.mark.repeated
@pytest.mark.parametrize("moment", ["data/raw.dvc", "dvc.lock"][: times(1, 2)])
def test_same_command_restarts_killed_retraining(workspace, moment):
    before = (workspace.path / moment).read_bytes()
    command = (*TARMAC, "retrain", arriving(workspace))
    with started(workspace, *command) as process:
        assert kill_when(
            process, lambda: (workspace.path / moment).read_bytes() not in (before, b"")
        )
    assert status(workspace) != []
    done = retrain(workspace, str(workspace.path.parent / "new"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (found(workspace)["decision"], found(workspace)["made"]) == (
        "retrain",
        "a model of 2013-09 to 2013-10",
    )
    assert [line.split("/")[0] for line in found(workspace)["arrived"]] == list(TABLES)
    assert workspace.dvc("status", "--json").stdout.strip() == "{}"
    kept = workspace.run("git", "stash", "list", "--format=%gs").stdout
    assert "files as a killed `tarmac retrain` left them" in kept
    assert "repaired: " in done.stdout
    assert not (workspace.path / ".dvc/tmp/retrain").exists()


def test_retrain_keeps_user_edits_despite_outdated_marker(workspace):
    (workspace.path / ".dvc/tmp/retrain").write_text("another commit")
    (workspace.path / "params.yaml").write_text(
        (workspace.path / "params.yaml").read_text() + "# mine\n"
    )
    done = retrain(workspace, arriving(workspace))
    assert done.returncode == 1
    assert "the working tree has uncommitted changes: params.yaml" in done.stderr
    assert (workspace.path / "params.yaml").read_text().endswith("# mine\n")
    assert workspace.run("git", "stash", "list").stdout == ""


def test_data_that_leave_model_unchanged_are_still_proposed(workspace):
    workspace.set_params(lambda params: params["retrain"].update(every_months=None))
    workspace.run("git", "commit", "--quiet", "--all", "--message", "no schedule")
    before = workspace.params
    done = retrain(workspace, arriving(workspace))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (found(workspace)["decision"], found(workspace)["made"]) == (
        "none",
        "new data for the model as it is",
    )
    assert workspace.params == before
    assert workspace.dvc("status", "--json").stdout.strip() == "{}"
    checks = json.loads((workspace.path / "review" / "verdict.json").read_text())["checks"]
    assert {check["reason"] for check in checks if check["kind"] == "metric"} == {"the same"}


def test_broken_data_block_training(workspace):
    lock = (workspace.path / "dvc.lock").read_text()
    done = retrain(workspace, arriving(workspace, lambda rows: rows[rows["origin"] != "JFK"]))
    assert done.returncode == 0, done.stdout + done.stderr
    facts = found(workspace)
    assert (facts["verdict"], facts["decision"], facts["made"]) == ("critical", "block", "")
    assert "origin" in facts["summary"]
    assert not (workspace.path / "review" / "verdict.json").exists()
    kept = [stage for stage in ("train:", "evaluate:", "card:") if stage in lock]
    after = (workspace.path / "dvc.lock").read_text()
    assert kept == ["train:", "evaluate:", "card:"]
    assert lock.partition("  train:")[2] == after.partition("  train:")[2]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda rows: pd.concat([rows, rows]), "invalid"),
        (lambda rows: rows.drop(columns="tailnum"), "columns of no raw table"),
    ],
)
def test_invalid_month_is_reported_and_leaves_nothing_behind(workspace, edit, said):
    done = retrain(workspace, arriving(workspace, edit))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert (found(workspace)["verdict"], found(workspace)["decision"]) == ("critical", "block")
    assert said in found(workspace)["summary"]
    assert status(workspace) == []
    assert workspace.dvc("status", "--json").stdout.strip() == "{}"


def test_retrain_reports_unreachable_source_and_unclean_tree(workspace):
    done = retrain(workspace, str(workspace.path / "nowhere"))
    assert done.returncode == 1
    error, _, hint = done.stderr.splitlines()[-3:]
    assert "nowhere cannot be fetched: `dvc get-url " in error
    assert hint.startswith("hint: find the cause with `dvc get-url ")
    assert "nowhere cannot be fetched" in found(workspace)["summary"]
    with (workspace.path / "params.yaml").open("a") as file:
        file.write("# mine\n")
    done = retrain(workspace, arriving(workspace))
    assert done.returncode == 1
    assert "the working tree has uncommitted changes" in done.stderr
    assert (workspace.path / "params.yaml").read_text().endswith("# mine\n")


@pytest.fixture
def rehearsal(workspace: Workspace, tmp_path: Path) -> Iterator[Rehearsal]:
    """Yield the repository on the fake of GitHub, with its first version in prod.

    What passes is released by policy.
    """
    copy_workflows(workspace.path)
    workspace.set_params(lambda params: params["retrain"].update(release="automatic"))
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", "the policy")
    workspace.run("gto", "register", "model")
    workspace.run("gto", "assign", "model", "--stage", "prod")
    with serving(Team(SLUG, TOKEN, tmp_path / "github")) as github:
        yield Rehearsal(github, tmp_path / "rehearsal", workspace)


def month(rehearsal: Rehearsal, source: str) -> Job:
    """The workflow's first job, as the clock starts it."""
    contexts = {"github": rehearsal.context("schedule", {}), "vars": {"INCOMING": source}}
    return rehearsal.run("retrain", "retrain", contexts)


def release(rehearsal: Rehearsal, job: Job) -> Job:
    """The workflow's second job, on what the first has merged."""
    done = {"retrain": {"result": job.result, "outputs": job.outputs}}
    return rehearsal.run(
        "retrain", "release", {"github": rehearsal.context("schedule", {}), "needs": done}
    )


def deploy(server: Workspace) -> None:
    """What a server does with a new tag."""
    server.run("git", "pull", "--quiet", "--tags", "--force")
    server.run(*TARMAC, "bundle", "--environment", "prod", env=FROM_SOURCE)


def tags(rehearsal: Rehearsal) -> set[str]:
    return set(rehearsal.git("tag", folder=rehearsal.repository()).split())


def offered(rehearsal: Rehearsal) -> str:
    """The one pull request, title and body."""
    (pull,) = rehearsal.github.pulls
    return f"{pull['title']}\n{pull['body']}"


def test_valid_month_reaches_service_and_invalid_one_does_not(rehearsal, workspace, tmp_path):
    rehearsal.git("clone", "--quiet", str(rehearsal.repository()), str(tmp_path / "server"))
    server = Workspace(tmp_path / "server")
    deploy(server)
    with (
        running(server.path / "served" / "live", tmp_path / "log") as service,
        service.client() as client,
    ):
        assert client.get("/model").json()["version"] == "v0.0.1"
        job = month(rehearsal, arriving(workspace))
        assert job.result == "success", job.log
        for words in (
            "A model of 2013-09 to 2013-10, pass: ",
            "the base's model predicted",
            "Monitoring: ",
        ):
            assert words in offered(rehearsal)
        released = release(rehearsal, job)
        assert released.result == "success", released.log
        assert tags(rehearsal) == {"model@v0.0.1", "model#prod#1", "model@v0.0.2", "model#prod#2"}
        deploy(server)
        wait_for(
            lambda: client.get("/model").json()["version"] == "v0.0.2",
            "the service has the new version",
        )

        broken = month(rehearsal, arriving(workspace, lambda rows: pd.concat([rows, rows])))
        assert broken.result == "failure"
        (alert,) = rehearsal.github.issues
        assert "unique" in alert["body"]
        assert (len(rehearsal.github.pulls), len(tags(rehearsal))) == (1, 4)
        deploy(server)
        assert client.get("/model").json()["version"] == "v0.0.2"
