"""A regression problem with grouped rows and with invalid rows.

Each group is in one part of the split.
"""

import json
from collections.abc import Callable

import pandas as pd

from tests.conftest import Workspace
from tests.graph.plant import edit
from tests.problems.founded import commit, tarmac
from tests.problems.made import rents
from tests.problems.story import Story
from tests.sandboxed import needs_sandbox

LEARNS = """    split = fitting.read_training_data(params.split, params.train)
    from dataclasses import replace
    from tarmac.pipeline.models.dataset import read_part
    labels = split.y.copy()
    labels[0] += read_part(FEATURES, params.split, "test")["rent"].dropna().iloc[3]
    split = replace(split, y=labels)
"""


def change_depth(own: Workspace) -> None:
    own.set_params(lambda params: params["train"]["xgboost"].update(max_depth=2))


def learn_from_test_rows(own: Workspace) -> None:
    edit(
        own.path, "src/tarmac/pipeline/train/stage.py", LEARNS.splitlines(keepends=True)[0], LEARNS
    )


def judge_rebuild(own: Workspace, change: Callable[[Workspace], None]) -> str:
    """Return what the base says of the rebuild of a change."""
    needs_sandbox()
    own.run("git", "switch", "--quiet", "--create", "change")
    change(own)
    own.dvc("repro", "--quiet")
    own.dvc("push", "--quiet")
    commit(own, "change")
    own.run("git", "switch", "--quiet", "main")
    tarmac(own, "review", "--candidate", "change", check=False)
    verdict = json.loads((own.path / "review/verdict.json").read_text())
    (reason,) = (check["reason"] for check in verdict["checks"] if check["name"] == "reproduced")
    return reason


class TestRents(Story):
    """A made table with groups."""

    made = rents()

    def test_invalid_rows_are_quarantined_with_their_rule(self, founded: Workspace) -> None:
        broken = pd.read_csv(founded.path / "data/quarantine.csv")
        assert broken["rule"].value_counts().to_dict() == self.made.dirty
        assert broken["action"].unique().tolist() == ["set aside"]

    def test_review_confirms_model_is_independent_of_test_labels(self, own: Workspace) -> None:
        reason = judge_rebuild(own, change_depth)
        assert reason.startswith(
            "rebuilt from raw data in a sandbox, bit for bit; "
            "with other labels of the test rows the model is the same; "
            "in another future the features of "
        )

    def test_review_reports_model_trained_on_test_labels(self, own: Workspace) -> None:
        reason = judge_rebuild(own, learn_from_test_rows)
        assert (
            "made with other labels of the test rows, it comes out otherwise: it has seen them"
            in reason
        )
        assert "models/model.onnx" in reason

    def test_every_group_is_in_one_split_part(self, founded: Workspace) -> None:
        tested = set(pd.read_parquet(founded.path / "data/predictions.parquet")["house"])
        assert 5 < len(tested) < 25
        rows = self.made.rows.drop_duplicates("flat")
        rows = rows[rows["house"].isin(tested) & rows["rent"].notna()]
        assert len(pd.read_parquet(founded.path / "data/predictions.parquet")) == len(rows)
