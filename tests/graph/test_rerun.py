"""DVC reruns nothing without a change, and after a change only the dependent stages."""

import json
import re
from collections.abc import Callable

import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASK
from tarmac.testing.pipeline_file import downstream, stages
from tests.conftest import Workspace, small
from tests.graph.plant import append

Change = Callable[[Workspace], None]
JUDGED = {"evaluate", "card"}
TRAINED = {"train", *JUDGED}
FITTED = {"baseline", *TRAINED}


def param(path: str, value: object) -> Change:
    """A change of one key of `params.yaml`."""
    *sections, name = path.split(".")

    def change(params: dict) -> None:
        for section in sections:
            params = params[section]
        assert params[name] != value
        params[name] = value

    return lambda workspace: workspace.set_params(change)


def text(path: str) -> Change:
    """A comment at the end of a file, or a new file."""
    return lambda workspace: append(workspace.path, path, "\n# changed\n")


def changed(workspace: Workspace) -> set[str]:
    """The stages that DVC itself finds changed."""
    return set(json.loads(workspace.dvc("status", "--json").stdout))


def reproduced(workspace: Workspace) -> list[str]:
    """The stages that `dvc repro` runs, in their order."""
    return re.findall(r"^Running stage '(\w+)'", workspace.dvc("repro").stdout, flags=re.MULTILINE)


def test_second_repro_runs_nothing_and_keeps_lock_unchanged(finished: Workspace) -> None:
    lock = (finished.path / "dvc.lock").read_bytes()
    output = finished.dvc("repro").stdout
    for name in stages(finished.path):
        assert f"Stage '{name}' didn't change, skipping" in output
    assert "Running stage" not in output
    assert (finished.path / "dvc.lock").read_bytes() == lock
    assert finished.dvc("status", "--quiet", check=False).returncode == 0
    assert finished.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("change", "directly", "in_the_end"),
    [
        (param("evaluate.calibration_bins", 9), {"evaluate", "card"}, JUDGED),
        (param("intervals.seed", 8), {"card"}, {"card"}),
        (param("train.xgboost.max_depth", 3), {"train"}, TRAINED),
        (param(f"train.{TASK.baseline}", {}), {"baseline", "train"}, FITTED),
        (param("train.seed", 8), {"baseline", "train", "card"}, FITTED),
        (
            param("prepare.max_quarantine_share", 0.5),
            {"prepare"},
            {"prepare", "featurize", "online", *FITTED},
        ),
        (param("online.days", 3), {"online"}, {"online"}),
        (param("review.drift", 0.5), set(), set()),
        (text("src/tarmac/pipeline/evaluate/curves.py"), {"evaluate"}, JUDGED),
        (text("src/tarmac/pipeline/training/estimators.py"), {"baseline", "train"}, FITTED),
        (
            text(f"src/{problem.name}/tables/clean.py"),
            {"prepare"},
            {"prepare", "featurize", "online", *FITTED},
        ),
        (text(f"src/{problem.name}/card/words.py"), {"card"}, {"card"}),
        (text("src/tarmac/cli/run_and_compare.py"), set(), set()),
        (text("README.md"), set(), set()),
        *(
            (param(key, value), directly, in_the_end)
            for key, value, directly, in_the_end in small.CHANGES
        ),
    ],
    ids=lambda value: None if callable(value) else "-".join(sorted(value)) or "nothing",
)
def test_change_affects_only_dependent_stages(
    finished: Workspace, change: Change, directly: set[str], in_the_end: set[str]
) -> None:
    change(finished)
    assert changed(finished) == directly
    assert downstream(finished.path, directly) == in_the_end


def test_code_change_outside_pipeline_affects_no_stage(finished: Workspace) -> None:
    package = finished.path / "src/tarmac"
    inside = [package / name for name in ("pipeline", "interface", "reporting")]
    outside = [path for path in package.rglob("*.py") if not any(map(path.is_relative_to, inside))]
    assert {path.relative_to(package).parts[0] for path in outside} > {
        "policy",
        "review",
        "serving",
        "spark",
        "sweep",
    }
    for path in outside:
        append(finished.path, str(path.relative_to(finished.path)), "\n# changed\n")
    assert changed(finished) == set()


def test_new_modification_time_with_same_bytes_affects_no_stage(finished: Workspace) -> None:
    for path in (finished.path / "src").rglob("*.py"):
        path.touch()
    assert changed(finished) == set()


def test_missing_output_marks_stage_and_dependents_changed(finished: Workspace) -> None:
    (finished.path / "models/model.onnx").unlink()
    assert changed(finished) == TRAINED


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (param("evaluate.calibration_bins", 9), ["evaluate", "card"]),
        (param("train.xgboost.max_depth", 3), ["train", "evaluate", "card"]),
    ],
    ids=["evaluate", "train"],
)
def test_repro_runs_changed_and_dependent_stages_then_is_clean(
    finished: Workspace, change: Change, expected: list[str]
) -> None:
    change(finished)
    assert reproduced(finished) == expected
    assert changed(finished) == set()
    assert reproduced(finished) == []


def test_unchanged_stage_output_skips_downstream_stages(finished: Workspace) -> None:
    text(f"src/{problem.name}/tables/clean.py")(finished)
    before = (finished.path / "data/quarantine.csv").read_bytes()
    assert reproduced(finished) == ["prepare"]
    assert (finished.path / "data/quarantine.csv").read_bytes() == before
