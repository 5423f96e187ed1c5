"""`dvc exp run --temp` uses the experiment's own code and parameters.

It leaves the workspace unchanged.
"""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import Workspace
from tests.graph.conftest import copy_of
from tests.graph.plant import edit
from tests.graph.trace import snapshot

pytestmark = pytest.mark.xdist_group("graph-experiment")

BINS = 5


@dataclass(frozen=True)
class Experiment:
    """A workspace, its files before and after an experiment, and the experiment's files in Git."""

    workspace: Workspace
    before: dict[str, str]
    after: dict[str, str]

    def file(self, path: str) -> str:
        """A file as the experiment committed it."""
        (ref,) = self.workspace.run(
            "git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/planted"
        ).stdout.split()
        return self.workspace.run("git", "show", f"{ref}:{path}").stdout


def digests(root: Path) -> dict[str, str]:
    """Every file's hash, without what Git and DVC keep for themselves."""
    return {path: hashlib.sha256((root / path).read_bytes()).hexdigest() for path in snapshot(root)}


@pytest.fixture(scope="module")
def experiment(
    finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Experiment:
    """Return an experiment whose `evaluate` is changed and not committed.

    The changed stage also reports where it and its code are.
    """
    workspace = copy_of(finished_template, tmp_path_factory, "experiment")
    planted = (
        '"rows": len(test.y), "changed_code": 1.0,'
        ' "own_code": float(Path(__file__).resolve().is_relative_to(Path.cwd().resolve())),'
        f' "in_workspace": float(Path.cwd().resolve() == Path({str(workspace.path.resolve())!r})),'
    )
    edit(workspace.path, "src/tarmac/pipeline/evaluate/stage.py", '"rows": len(test.y),', planted)
    before = digests(workspace.path)
    workspace.dvc(
        "exp",
        "run",
        "--temp",
        "--name",
        "planted",
        "--set-param",
        f"evaluate.calibration_bins={BINS}",
    )
    return Experiment(workspace, before, digests(workspace.path))


def test_experiment_runs_changed_code_in_its_own_folder(experiment: Experiment) -> None:
    metrics = json.loads(experiment.file("metrics/evaluate/metrics.json"))
    assert {name: metrics.get(name) for name in ("changed_code", "own_code", "in_workspace")} == {
        "changed_code": 1.0,
        "own_code": 1.0,
        "in_workspace": 0.0,
    }


def test_experiment_commits_the_code_it_ran(experiment: Experiment) -> None:
    path = "src/tarmac/pipeline/evaluate/stage.py"
    assert experiment.file(path) == (experiment.workspace.path / path).read_text()
    assert "changed_code" in experiment.file(path)


def test_experiment_uses_its_given_parameters(experiment: Experiment) -> None:
    assert yaml.safe_load(experiment.file("params.yaml"))["evaluate"]["calibration_bins"] == BINS
    bins = list(csv.DictReader(io.StringIO(experiment.file("metrics/tables/calibration.csv"))))
    assert len(bins) == BINS


def test_experiment_leaves_workspace_unchanged(experiment: Experiment) -> None:
    assert experiment.after == experiment.before
    assert experiment.workspace.params["evaluate"]["calibration_bins"] != BINS
    assert (
        experiment.workspace.run("git", "status", "--porcelain").stdout
        == " M src/tarmac/pipeline/evaluate/stage.py\n"
    )


def test_experiment_is_listed_with_its_own_metrics_and_params(experiment: Experiment) -> None:
    listed = json.loads(experiment.workspace.dvc("exp", "show", "--json").stdout)
    (head,) = [line for line in listed if line["rev"] != "workspace"]
    (shown,) = [
        run for found in head["experiments"] for run in found["revs"] if run["name"] == "planted"
    ]
    metrics = shown["data"]["metrics"]["metrics/evaluate/metrics.json"]["data"]
    assert metrics["changed_code"] == 1.0
    assert shown["data"]["params"]["params.yaml"]["data"]["evaluate"]["calibration_bins"] == BINS
