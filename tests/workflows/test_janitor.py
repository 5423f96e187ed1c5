"""The janitor workflow terminates old machines, with a stub for the cloud's client."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.workflows.actions import install_nothing, stand_ins
from tests.workflows.runner import Job, Machine, executable, run_job

pytestmark = pytest.mark.program

AWS = '#!/bin/sh\nexec "{python}" "{program}" "{folder}" "$@"\n'
SLUG = "team/flights"
ODD = "$(touch pwned)"


def machine(
    identity: str, hours: float, run: str = "7", slug: str = SLUG, state: str = "running"
) -> dict:
    launched = datetime.now(UTC) - timedelta(hours=hours)
    tags = {"tarmac": slug, "run": run}
    return {
        "id": identity,
        "tags": tags,
        "state": state,
        "launched": launched.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    }


def old() -> list[dict]:
    """Machines to end, by the clock of the test that asks."""
    return [
        machine("i-old", 4.1),
        machine("i-older", 90, run="8", state="stopped"),
        machine("i-pending", 5, state="pending"),
    ]


def spared() -> list[dict]:
    """Machines to leave."""
    return [
        machine("i-young", 3.9),
        machine("i-foreign", 90, slug="team/other"),
        machine("i-like", 90, slug=f"{SLUG}-two"),
        machine("i-gone", 90, state="terminated"),
        {**machine("i-untagged", 90), "tags": {}},
    ]


def end(
    folder: Path, pages: list[list[dict]], run: str = "", role: str = "arn:janitor"
) -> tuple[Job, list[str]]:
    """The job, and the machines that it ended."""
    cloud = folder / "cloud"
    program = Path(__file__).with_name("aws.py")
    executable(cloud / "aws", AWS.format(python=sys.executable, program=program, folder=cloud))
    (cloud / "machines.json").write_text(json.dumps(pages))
    github = {"repository": SLUG, "event_name": "schedule", "run_id": "9", "token": "none"}
    contexts = {
        "github": github,
        "inputs": {"run": run},
        "vars": {"JANITOR_ROLE": role},
        "secrets": {},
        "needs": {},
    }
    made = Machine(folder / "machine", contexts, [cloud])
    job = run_job("janitor", "end", contexts, stand_ins(folder, folder, install_nothing), made)
    ended = cloud / "ended"
    return job, ended.read_text().split() if ended.exists() else []


def test_terminates_only_old_machines_of_repository(tmp_path):
    job, ended = end(tmp_path, [[*old(), *spared()]])
    assert job.result == "success", job.log
    assert ended == ["i-old", "i-older", "i-pending"]


def test_terminates_old_machines_on_every_page(tmp_path):
    assert end(tmp_path, [old()[:2], spared(), old()[2:]])[1] == ["i-old", "i-older", "i-pending"]


@pytest.mark.parametrize(
    "pages", [list, lambda: [spared()]], ids=["no machine", "machines to leave"]
)
def test_succeeds_without_machines_to_terminate(tmp_path, pages):
    job, ended = end(tmp_path, pages())
    assert (job.result, ended) == ("success", []), job.log
    assert "no machine to end" in job.log


def test_run_input_terminates_only_its_machines_at_any_age(tmp_path):
    young = [
        machine("i-now", 0, run="7"),
        machine("i-other", 90, run="77"),
        machine("i-foreign", 0, slug="team/other"),
    ]
    assert end(tmp_path, [young], run="7")[1] == ["i-now"]


def test_run_input_is_not_executed(tmp_path):
    job, ended = end(tmp_path, [old()], run=ODD)
    assert (job.result, ended) == ("success", []), job.log
    assert list(tmp_path.rglob("pwned")) == []


def test_cloud_error_fails_job(tmp_path):
    job, _ = end(tmp_path, [[{"id": "i-broken"}]])
    assert job.result == "failure"


def test_job_is_skipped_without_configured_cloud(tmp_path):
    assert end(tmp_path, [old()], role="")[0].result == "skipped"
