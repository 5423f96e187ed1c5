"""A retraining round reports its most severe month and evaluates a new model on labelled months."""

from pathlib import Path

import pandas as pd
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.retraining import run

FOUND = {
    "2013-11": {"decision": "none", "verdict": "ok", "period": {"last": "2013-11-30"}},
    "2013-12": {"decision": "none", "verdict": "watch", "period": {"last": "2013-12-31"}},
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
    assert run.monitor_months(list(FOUND), None)["verdict"] == "watch"
