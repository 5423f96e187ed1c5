"""Fixtures of more than one story: a result that may be reviewed and released."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Workspace, once


def fit_for_review(params: dict) -> None:
    """Set parameters for a small model that passes a review.

    They are features with which the model behaves, a weak baseline, and bounds that a tenth of the
    flights can meet.
    """
    params["train"]["features"] = ["schedule", "weather", "aircraft", "traffic", "history"]
    params["baseline"]["features"] = ["aircraft"]
    policy = params["review"]
    for metric in policy["metrics"].values():
        metric["worst_allowed"] = 0 if metric["better"] == "higher" else 9
        metric.pop("suspicious_beyond", None)
    policy["slices"]["worst_allowed"] = policy["behaviour"]["usable"] = policy["behaviour"][
        "min_move"
    ] = 0


@pytest.fixture(scope="session")
def on_main(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a result that the policy accepts, pushed and committed on `main`.

    All workers share it: copy it.
    """

    def make(folder: Path) -> None:
        shutil.copytree(finished_template.path, folder / "repository", symlinks=True)
        workspace = Workspace(folder / "repository")
        workspace.set_params(fit_for_review)
        workspace.dvc("repro", "--quiet")
        workspace.dvc("push", "--quiet")
        workspace.run("git", "add", "--all")
        workspace.run("git", "commit", "--quiet", "--message", "fit for review")

    return Workspace(once(tmp_path_factory, "fit-for-review", make) / "repository")
