"""A retraining round reports its most severe month and evaluates a new model on labelled months."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.repository.dvc import commands
from tarmac.retraining import run
from tarmac.retraining.arrival import ArrivalError, ingest_arrivals
from tests import commits

FOUND = {
    "2013-11": {"decision": "none", "verdict": "ok", "period": {"last": "2013-11-30"}},
    "2013-12": {"decision": "none", "verdict": "warning", "period": {"last": "2013-12-31"}},
}


def test_last_labelled_ignores_months_without_labels(tmp_path: Path):
    for month, label in {"2013-11": 1.0, "2013-12": None}.items():
        pd.DataFrame({problem.contract.TARGET: [label]}, dtype="float64").to_parquet(
            tmp_path / f"{month}.parquet"
        )
    assert run.find_last_labeled_month(["2013-11", "2013-12"], tmp_path) == "2013-11"
    with pytest.raises(UserError, match="no month"):
        run.find_last_labeled_month(["2013-12"], tmp_path)


def test_most_severe_month_determines_verdict(monkeypatch):
    monkeypatch.setattr(run, "monitor", lambda month, model: FOUND[month])
    assert run.monitor_months(list(FOUND), None)["verdict"] == "warning"


def test_library_error_is_recorded_and_raised(tmp_path, monkeypatch):
    commits.work_in(tmp_path / "clone", monkeypatch)
    commits.run("init", "--quiet", "--initial-branch=main")
    commits.commit(params_yaml="train: {}\n")
    run.BEGUN.parent.mkdir(parents=True)
    run.BEGUN.write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        run.run_retraining_round("anywhere")
    found = json.loads(Path("monitoring/monitoring.json").read_text())
    assert (found["verdict"], found["decision"]) == ("critical", "block")
    assert found["summary"].startswith("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff")


@pytest.mark.program
@pytest.mark.parametrize(
    ("least", "reason", "advice"),
    [
        (0, "failed with exit status 1", "see DVC's messages above"),
        (2**80, "the disk is full", "free some disk space, then run the same command again"),
    ],
)
def test_failed_fetch_keeps_reason_and_hint_of_dvc(tmp_path, monkeypatch, least, reason, advice):
    monkeypatch.setattr(commands, "LITTLE", least)  # bytes below which a disk counts as full
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArrivalError) as caught:
        ingest_arrivals(str(tmp_path / "no where"))
    assert str(caught.value).startswith(f"{tmp_path}/no where cannot be fetched: `dvc get-url ")
    assert str(caught.value).endswith(reason)
    assert caught.value.hint.splitlines() == [
        advice,
        f"find the cause with `dvc get-url '{tmp_path}/no where'`",
    ]
