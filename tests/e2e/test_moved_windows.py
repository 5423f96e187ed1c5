"""A review after the test window has moved: both models are evaluated on the rows of head."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import MonthWindow
from tarmac.reporting.markdown import escape_text
from tarmac.review.base_predictions import load_base_predictions
from tarmac.review.result_folder import ResultFolder, load_working_tree_result
from tests.conftest import Workspace
from tests.e2e.test_review import MODEL, PREDICTIONS, commit, copy, review
from tests.flights.small import SPLIT

EARLIER = {
    "train": {"first": "2013-09", "last": "2013-09"},
    "validation": {"first": "2013-10", "last": "2013-10"},
    "test": {"first": "2013-11", "last": "2013-11"},
}


@pytest.fixture(scope="module")
def earlier(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The model of a month before, on the branch `live`. Copy it, do not change it."""
    workspace = copy(finished_template, tmp_path_factory.mktemp("live") / "repository")
    workspace.run("git", "switch", "--quiet", "--create", "live")
    workspace.set_params(lambda params: params.update(split=EARLIER))
    workspace.dvc("repro", "--quiet")
    commit(workspace, "live")
    return workspace


@pytest.fixture
def live(earlier: Workspace, tmp_path: Path) -> Workspace:
    return copy(earlier, tmp_path / "live")


@pytest.fixture
def retrained(earlier: Workspace, tmp_path: Path) -> Workspace:
    """The model of a month later."""
    workspace = copy(earlier, tmp_path / "retrained")
    workspace.run("git", "switch", "--quiet", "main")
    workspace.dvc("checkout", "--quiet", "--force")
    return workspace


def test_models_are_compared_on_rows_of_head(retrained):
    found = review(retrained, "--base", "live")
    rows = len(pd.read_parquet(retrained.path / PREDICTIONS))
    told = f"the base's model predicted the {rows:,} rows of the test months of head"
    assert found.verdict["moved"] == {
        "first": "2013-12",
        "last": "2013-12",
        "rows": rows,
        "summary": told,
    }
    assert f"**The test months moved**: {told}." in found.report
    assert found.verdict["compared"] == {
        "common": rows,
        "only_base": 0,
        "only_head": 0,
        "relabelled": 0,
    }
    assert found.verdict["no_base"] == ""
    for metric in found.verdict["metrics"]:
        assert metric["head"] == metric["whole"]
        assert metric["base"] != metric["head"]
        assert metric["name"] == "calibration_error" or None not in metric["difference"].values()
    assert found.ran == []


def test_base_predictions_equal_those_of_its_own_pipeline(live, retrained, monkeypatch):
    """Compare with the oracle, which is base's own pipeline.

    The oracle has base's code, data and parameters. Only the test window is moved.
    """
    monkeypatch.chdir(retrained.path)
    base = ResultFolder(live.path, "live", {}, frozenset((PREDICTIONS, MODEL)))
    found, _ = load_base_predictions(
        base, load_working_tree_result("head"), MonthWindow(first="2013-12", last="2013-12")
    )
    live.set_params(lambda params: params["split"].update(test=SPLIT["test"]))
    live.stage("evaluate")
    expected = pd.read_parquet(live.path / PREDICTIONS).set_index(list(problem.contract.KEY))
    assert np.array_equal(
        found.set_index(list(problem.contract.KEY)).loc[expected.index, "probability"],
        expected["probability"],
    )
    assert len(found) == len(expected) > 1000


def test_base_is_not_evaluated_on_months_it_learned_from(live):
    """The other way round: the later model was validated on the earlier one's test month."""
    found = review(live, "--base", "main")
    reason = "the model was trained on months up to 2013-11, and head is tested from 2013-11 on"
    reason += "; set `split.test` in params.yaml to months after 2013-11"
    told = f"the base's model did not predict them: {reason}"
    assert found.verdict["moved"] == {
        "first": "2013-11",
        "last": "2013-11",
        "rows": 0,
        "summary": told,
    }
    assert found.verdict["no_base"] == f"the test months moved, and {told}"
    shown = escape_text(f"the test months moved, and {told}")
    assert f"**There is no base to compare with** ({shown}): only bounds" in found.report
    assert set(found.judged.values()) <= {"inconclusive", "fail"}
