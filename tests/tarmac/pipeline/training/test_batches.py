"""Fitting month by month: the same model as on one table, with one month in memory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import resources
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.models.dataset import ModelInputs, MonthlyRows
from tarmac.pipeline.training import batches, export
from tarmac.pipeline.training.batches import MonthlyTrainingData
from tests.tarmac.pipeline import sample

MONTHS = ("2013-01", "2013-02", "2013-03", "2013-04")
COLUMNS = (*problem.contract.feature_names(sample.GROUPS), problem.contract.TARGET)


def written(folder: Path, parts: list[pd.DataFrame]) -> MonthlyTrainingData:
    """All parts but the last to train on, the last to tune on."""
    for month, rows in zip(MONTHS, parts, strict=True):
        rows.to_parquet(folder / f"{month}.parquet")
    return MonthlyTrainingData(
        MonthlyRows(folder, MONTHS[:-1], COLUMNS), MonthlyRows(folder, MONTHS[-1:], COLUMNS)
    )


@pytest.fixture
def parts() -> list[pd.DataFrame]:
    """Months of unequal size, one with a text that the others lack, some rows without a label."""
    found = [
        sample.rows(count, seed).astype({problem.contract.TARGET: "Int8"})
        for seed, count in enumerate((300, 500, 200, 250))
    ]
    found[1].loc[found[1].index < 40, "origin"] = "only here"
    found[0].loc[found[0].index % 9 == 0, problem.contract.TARGET] = pd.NA
    return found


def known(rows: pd.DataFrame) -> pd.DataFrame:
    return (
        rows[rows[problem.contract.TARGET].notna()]
        .astype({problem.contract.TARGET: "int8"})
        .reset_index(drop=True)
    )


@pytest.mark.parametrize("page", [1, 600, batches.PAGE])
def test_fit_by_month_yields_same_model_as_fit_on_one_table(parts, tmp_path, page, monkeypatch):
    monkeypatch.setattr(batches, "PAGE", page)
    monkeypatch.setattr(resources, "SPILL", tmp_path / ".dvc" / "tmp" / "tarmac" / "spill")
    (tmp_path / ".dvc").mkdir()
    chosen, rounds, others = sample.params("xgboost"), [], []
    inputs, whole = sample.fitted(
        chosen,
        known(pd.concat(parts[:-1])),
        known(parts[-1]),
        lambda number, seen: rounds.append((number, seen)),
    )
    streamed = batches.fit_model_monthly(
        chosen, inputs, written(tmp_path, parts), lambda number, seen: others.append((number, seen))
    )
    assert others == rounds
    rows = pd.concat(parts)[inputs.names]
    assert np.array_equal(streamed.predict_proba(rows), whole.predict_proba(rows))
    export.export_onnx(streamed, inputs, tmp_path / "streamed.onnx")
    export.export_onnx(whole, inputs, tmp_path / "whole.onnx")
    assert (tmp_path / "streamed.onnx").read_bytes() == (tmp_path / "whole.onnx").read_bytes()
    assert resources.SPILL.is_dir()
    assert not list(resources.SPILL.iterdir())


def test_fit_by_month_rejects_infinite_input_with_advice(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "SPILL", tmp_path / ".dvc" / "tmp" / "tarmac" / "spill")
    (tmp_path / ".dvc").mkdir()
    parts[1]["temp"] = np.float32(np.inf)
    chosen = sample.params("xgboost")
    inputs, stream = ModelInputs.from_groups(chosen.features), written(tmp_path, parts)
    with pytest.raises(UserError, match=r"^XGBoost cannot train: .*`inf`.*$"):
        batches.fit_model_monthly(chosen, inputs, stream, lambda *_: None)


def test_pages_keep_labelled_rows_and_close_once_full(parts, tmp_path, monkeypatch):
    stream = written(tmp_path, parts)
    monkeypatch.setattr(batches, "PAGE", 600)
    found = list(batches.iter_pages(stream.train))
    assert [len(page) for page in found] == [766, 200]
    assert pd.concat(found, ignore_index=True).equals(
        pd.concat(stream.train).dropna(subset=[problem.contract.TARGET]).reset_index(drop=True)
    )


@pytest.mark.parametrize("model", ["hist_gradient_boosting", "logistic_regression"])
def test_in_memory_models_are_fitted_to_bounded_sample(parts, tmp_path, model, monkeypatch):
    monkeypatch.setattr(batches, "DRAWN", 400)
    stream = written(tmp_path, parts)
    drawn = stream.sample_rows(ModelInputs.from_groups(sample.GROUPS).names, 7)
    assert 300 < len(drawn.y) <= 400
    assert len(drawn.y_valid) == 250
    assert stream.sample_rows(ModelInputs.from_groups(sample.GROUPS).names, 7).X.equals(drawn.X)
    inputs = ModelInputs.from_groups(("schedule",))
    pipeline = batches.fit_model_monthly(
        sample.params(model, features=["schedule"]), inputs, stream, lambda *_: None
    )
    assert pipeline.predict_proba(parts[0][inputs.names]).shape == (300, 2)


def test_table_size_limit_depends_on_rows_columns_and_model():
    assert not batches.is_too_large(batches.LARGEST // 50, 50, "xgboost")
    assert batches.is_too_large(batches.LARGEST // 50 + 1, 50, "xgboost")
    assert not batches.is_too_large(batches.DRAWN, 1, TASK.baseline)
    assert batches.is_too_large(batches.DRAWN + 1, 1, TASK.baseline)
    assert not batches.is_too_large(batches.DRAWN + 1, 1, "xgboost")
