"""card: figures match the predictions, hashes match DVC, and missing inputs are named."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS, RowSplit
from tarmac.pipeline.card import stage
from tarmac.pipeline.card.model_card import CardError
from tarmac.pipeline.intervals.sample import Sample
from tarmac.policy import load_all_params
from tests.conftest import ROOT, Workspace, required
from tests.github import Page
from tests.tarmac.pipeline.cases import made

INPUTS = (
    *(
        "data/raw",
        "data/predictions.parquet",
        "metrics/prepare.json",
        "metrics/tables/behaviour.csv",
    ),
    *("metrics/train/metrics.json", "models/model.onnx", "requirements/stages.txt", "params.yaml"),
)
SCORES = {
    "roc_auc": roc_auc_score,
    "average_precision": average_precision_score,
    "log_loss": log_loss,
    "brier": brier_score_loss,
}


def card_of(folder: Path) -> Page:
    return Page((folder / "models" / "card.md").read_text())


def rows(page: Page, *header: str) -> list[list[str]]:
    """The rows of the one table whose header starts with these names."""
    (found,) = (table for table in page.tables if table[0][: len(header)] == list(header))
    return found[1:]


def value(cell: str) -> float:
    """A number of a table."""
    return float("nan") if cell == "–" else float(cell.replace(",", "").replace("−", "-"))


def locked(folder: Path) -> dict[str, dict]:
    """Return the entries of `dvc.lock` and of the raw data's pointer, by path.

    There is one for every dependency and output.
    """
    lock = yaml.safe_load((folder / "dvc.lock").read_text())["stages"].values()
    return {
        entry["path"]: entry
        for made in lock
        for entry in [*made.get("deps", []), *made.get("outs", [])]
    }


def assert_figures(page: Page, folder: Path) -> None:
    """The figures are those of the predictions in a folder, by scikit-learn."""
    table = pd.read_parquet(folder / "data" / "predictions.parquet")
    y, p = table["late"], table["probability"].astype("float64")
    baseline = table["baseline_probability"].astype("float64")
    found = {row[0]: row[1:] for row in rows(page, "metric", "model")}
    assert found.keys() == {*SCORES, "calibration_error"}
    for name, score in SCORES.items():
        model, interval, beside = found[name]
        assert value(model) == pytest.approx(score(y, p), abs=5.1e-5), name
        assert value(beside) == pytest.approx(score(y, baseline), abs=5.1e-5), name
        low, high = map(value, interval.split(" to "))
        assert low < value(model) < high
    assert found["calibration_error"][1] == "–"
    assert ["test rows with a label", f"{len(table):,}"] in rows(page, "what was counted")
    least = load_all_params(folder / "params.yaml").evaluate.min_slice_rows
    listed = rows(page, "slice", "value", "rows")
    for slice_, name, count, auc, interval in listed:
        part = table[table[slice_] == name]
        judged = len(part) >= least and part["late"].nunique() == 2
        assert value(count) == len(part)
        assert (auc != "–") == judged, (slice_, name)
        assert (interval != "–") == judged
        if judged:
            assert value(auc) == pytest.approx(
                roc_auc_score(part["late"], part["probability"]), abs=5.1e-5
            )
    for slice_ in {row[0] for row in listed}:
        assert sum(value(row[2]) for row in listed if row[0] == slice_) == len(table)


def assert_lineage(page: Page, folder: Path) -> None:
    """The hashes and sizes are those of the lock in a folder."""
    lock = locked(folder)
    found = dict(rows(page, "of"))
    assert found.keys() == {
        "data/raw",
        "requirements/stages.txt",
        "models/model.onnx",
        "data/predictions.parquet",
    }
    assert found == {path: lock[path]["md5"] for path in found}
    assert (
        f"models/model.onnx ({lock['models/model.onnx']['size']:,} bytes)"
        in dict(rows(page, "", ""))["file"]
    )


def assert_described(page: Page, folder: Path) -> None:
    """Counts, months, model and behaviour are those of the files of the other stages."""
    counted = json.loads((folder / "metrics" / "prepare.json").read_text())
    shown = dict(rows(page, "what was counted"))
    assert {name: value(shown[name]) for name in counted["rows"]} == counted["rows"]
    assert value(shown["rows set aside as invalid"]) == counted["set_aside"]
    params = yaml.safe_load((folder / "params.yaml").read_text())
    months = {
        name: f"{window['first']} to {window['last']}" for name, window in params["split"].items()
    }
    assert dict(rows(page, "part", "months")) == months
    trained = json.loads((folder / "metrics" / "train" / "metrics.json").read_text())
    model = dict(rows(page, "", ""))
    assert (model["kind"], model["seed"]) == (
        params["train"]["model"],
        str(params["train"]["seed"]),
    )
    assert model["feature groups"] == ", ".join(params["train"]["features"])
    assert model["boosting rounds"] == str(trained["validation"]["rounds"])
    behaviour = pd.read_csv(folder / "metrics" / "tables" / "behaviour.csv")
    measured = rows(page, "what is tried")
    assert [row[:2] for row in measured] == behaviour[
        ["behaviour", "expectation"]
    ].to_numpy().tolist()
    assert [value(row[2]) for row in measured] == pytest.approx(
        list(behaviour["value"]), abs=5.1e-5, nan_ok=True
    )
    days = [
        f"{params['problem']['late_minutes']} minutes",
        f"{params['problem']['lead_hours']} hours",
    ]
    assert all(words in page.of("p")[1] for words in days)


def test_pipeline_card_matches_its_predictions_lock_and_files(finished_template: Workspace):
    page = card_of(finished_template.path)
    assert_figures(page, finished_template.path)
    assert_lineage(page, finished_template.path)
    assert_described(page, finished_template.path)


def test_published_card_matches_published_predictions_and_lock():
    required("data/predictions.parquet")
    page = Page(required("models/card.md").read_text())
    assert_figures(page, ROOT)
    assert_lineage(page, ROOT)
    assert_described(page, ROOT)


def test_published_card_matches_metric_files():
    page = Page(required("models/card.md").read_text())
    metrics = json.loads((ROOT / "metrics" / "evaluate" / "metrics.json").read_text())
    for name, model, _, baseline in rows(page, "metric", "model"):
        assert value(model) == pytest.approx(metrics[name], abs=5.1e-5), name
        if name in metrics["baseline"]:
            assert value(baseline) == pytest.approx(metrics["baseline"][name], abs=5.1e-5), name
    assert ["test rows with a label", f"{metrics['rows']:,}"] in rows(page, "what was counted")
    slices = pd.read_csv(ROOT / "metrics" / "tables" / "slices.csv")
    listed = rows(page, "slice", "value")
    assert [row[:2] for row in listed] == slices[["slice", "value"]].to_numpy().tolist()
    assert [value(row[2]) for row in listed] == list(slices["rows"])
    assert [value(row[3]) for row in listed] == pytest.approx(
        list(slices["roc_auc"]), abs=1.1e-4, nan_ok=True
    )
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]["card"]
    assert (
        dict(rows(page, "of")).items() <= {dep["path"]: dep["md5"] for dep in lock["deps"]}.items()
    )


def test_published_card_is_reproduced_by_current_code(tmp_path, monkeypatch):
    for name in INPUTS:
        required(name)
    monkeypatch.chdir(copied(ROOT, tmp_path))
    stage.main()
    assert (tmp_path / "models" / "card.md").read_bytes() == (
        ROOT / "models" / "card.md"
    ).read_bytes()


def copied(source: Path, target: Path) -> Path:
    """Links to a folder's inputs of the stage, in a new folder."""
    for name in INPUTS:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to(source / name)
    return target


@pytest.fixture
def inputs(finished_template: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with the small workspace's inputs of the stage, and nothing else."""
    monkeypatch.chdir(copied(finished_template.path, tmp_path))
    return tmp_path


def test_second_run_writes_identical_card(inputs: Path, finished_template: Workspace):
    committed = (finished_template.path / "models" / "card.md").read_bytes()
    for _ in range(2):
        stage.main()
        assert (inputs / "models" / "card.md").read_bytes() == committed


@pytest.mark.parametrize("name", [name for name in INPUTS if name != "params.yaml"])
def test_missing_input_is_reported_by_name_and_writes_no_card(inputs: Path, name: str):
    (inputs / name).unlink()
    with pytest.raises(UserError, match=name) as caught:
        stage.main()
    assert len(str(caught.value).splitlines()) == 1
    assert not (inputs / "models" / "card.md").exists()


def test_error_of_program_is_one_line_and_keeps_old_card(finished: Workspace):
    shutil.rmtree(finished.path / "data" / "raw")
    before = (finished.path / "models" / "card.md").read_bytes()
    done = finished.stage("card", check=False)
    line, hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("error: ")
    assert hint.startswith("hint: ")
    assert "data/raw" in line
    assert (finished.path / "models" / "card.md").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["TITLE", "PREDICTS", "INTENDED_USE", "NOT_FOR", "DATA_SOURCE", "LIMITS"]
)
def test_card_requires_every_text_from_problem(inputs: Path, monkeypatch, name):
    monkeypatch.setattr(problem.card, name, type(getattr(problem.card, name))())
    with pytest.raises(CardError, match=name.lower().replace("_", " ")):
        stage.main()
    assert not (inputs / "models" / "card.md").exists()


def test_card_of_model_without_rounds_omits_boosting_rounds(inputs: Path):
    trained = json.loads((inputs / "metrics" / "train" / "metrics.json").read_text())
    del trained["validation"]["rounds"]
    (inputs / "metrics" / "train" / "metrics.json").unlink()
    (inputs / "metrics" / "train" / "metrics.json").write_text(json.dumps(trained))
    stage.main()
    assert "boosting rounds" not in dict(rows(card_of(inputs), "", ""))


def test_card_follows_parameters(inputs: Path):
    (inputs / "params.yaml").unlink()
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    tree["problem"]["late_minutes"] = 77
    tree["evaluate"]["min_slice_rows"] = 100_000
    tree["intervals"].update(confidence=0.8, resamples=100)
    (inputs / "params.yaml").write_text(yaml.safe_dump(tree))
    stage.main()
    page = card_of(inputs)
    assert "77 minutes" in page.of("p")[1]
    assert {row[3] for row in rows(page, "slice", "value", "rows", "ROC-AUC", "80% interval")} == {
        "–"
    }


def test_class_without_test_rows_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(problem.contract, "CLASSES", ("low", "middle", "high"))
    task = TASKS["multiclass"]
    assert stage.format_unseen_classes(pd.Series([0, 2, 0]), task) == [
        "No test row is of middle: metrics are of the other classes."
    ]
    assert (
        stage.format_unseen_classes(pd.Series([0, 2, 1]), task)
        == stage.format_unseen_classes(pd.Series([0, 2]), TASKS["binary"])
        == []
    )


@pytest.mark.parametrize("kind", TASKS)
def test_metric_table_has_metrics_of_its_target_type(kind):
    y, p = made(kind, 300, seed=1)
    params = load_all_params(ROOT / "params.yaml").intervals
    sample = Sample.from_rows(
        pd.Series(y), pd.Series(np.arange(300) // 10), params, task=TASKS[kind]
    )
    table = stage.build_metric_table(sample, p, p).set_index("metric")
    assert list(table.index) == list(TASKS[kind].metrics)
    assert table["model"].tolist() == table["baseline"].tolist()
    assert table["low"].isna().tolist() == (table.index == "calibration_error").tolist()


@pytest.mark.parametrize(
    ("by", "words"),
    [("cluster", "rows, whole days"), ("label", "rows of each class"), ("row", "rows")],
)
def test_untimed_parts_are_described_by_share_of_rows(by, words):
    split = RowSplit.model_construct(by=by, validation_share=0.125, test_share=0.2, seed=1)
    shares = {"train": "67.5%", "validation": "12.5%", "test": "20%"}
    assert split.describe_parts() == {
        name: f"{share} of the {words}" for name, share in shares.items()
    }


def test_intervals_file_matches_card() -> None:
    found = json.loads(required("metrics/intervals.json").read_text())
    measured = json.loads(required("metrics/evaluate/metrics.json").read_text())
    metrics = found["metrics"]
    assert {name: one["value"] for name, one in metrics.items()} == {
        name: round(measured[name], 6) for name in metrics
    }
    assert [name for name, one in metrics.items() if one["low"] is None] == ["calibration_error"]
    card = required("models/card.md").read_text()
    scores = [one["score"] for one in found["slices"] if one["score"]["value"] is not None]
    assert len(scores) > 10
    for one in [*metrics.values(), *scores]:
        if one["low"] is not None:
            assert one["low"] < one["value"] < one["high"]
            assert re.search(
                rf"\| {one['value']:.4f} +\| +{one['low']:.4f} to {one['high']:.4f} ", card
            ), one
    assert (
        len(found["slices"])
        == len(required("metrics/tables/slices.csv").read_text().splitlines()) - 1
    )
