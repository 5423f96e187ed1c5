"""The base model scores head's test rows only if the test months moved.

It must not have learned from them.
"""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import MonthWindow
from tarmac.pipeline.training.export import TOLERANCE, export_onnx
from tarmac.review.base_predictions import COMPARE, MovedTestWindow, load_base_predictions
from tarmac.review.compare import pair_predictions
from tarmac.review.result_folder import FEATURES, MODEL, PREDICTIONS, ResultFolder
from tests.tarmac.pipeline import sample

TEST = MonthWindow(first="2014-01", last="2014-02")
BEFORE = {
    "train": ("2013-10", "2013-11"),
    "validation": ("2013-12", "2013-12"),
    "test": ("2013-12", "2014-01"),
}
Windows = dict[str, tuple[str, str]]


def split(windows: Windows) -> dict[str, dict[str, str]]:
    return {name: {"first": first, "last": last} for name, (first, last) in windows.items()}


def month(name: str, seed: int) -> pd.DataFrame:
    """Feature rows of a month, of which every tenth has no label yet."""
    rows = sample.rows(100, seed)
    first = date.fromisoformat(f"{name}-01")
    rows[problem.contract.TARGET] = (
        rows[problem.contract.TARGET].astype("float64").where(np.arange(100) % 10 > 0)
    )
    return rows.assign(
        day=[first + timedelta(days=n % 28) for n in range(100)], flight=np.arange(100)
    )


def predictions(rows: pd.DataFrame, probability: float | np.ndarray) -> pd.DataFrame:
    known = rows.loc[
        rows[problem.contract.TARGET].notna(), [*problem.contract.KEY, problem.contract.TARGET]
    ].astype({problem.contract.TARGET: "int8"})
    return known.assign(probability=probability).reset_index(drop=True)


@pytest.fixture(scope="module")
def fitted():
    return sample.fitted(
        sample.params("xgboost"), sample.rows(600, seed=1), sample.rows(200, seed=2)
    )


@pytest.fixture
def sides(tmp_path: Path, fitted) -> tuple[ResultFolder, ResultFolder]:
    """Base, tested on December and January, and head, tested on January and February."""
    both = [
        ResultFolder(tmp_path / name, name, {}, frozenset((PREDICTIONS, MODEL, FEATURES)))
        for name in ("base", "head")
    ]
    for side in both:
        side.resolve_path(FEATURES).mkdir(parents=True)
    months = {
        name: month(name, seed) for seed, name in enumerate(("2013-12", "2014-01", "2014-02"), 5)
    }
    for name, rows in months.items():
        rows.to_parquet(both[1].resolve_path(FEATURES) / f"{name}.parquet")
    old, new = (
        pd.concat([months[name] for name in names])
        for names in (("2013-12", "2014-01"), ("2014-01", "2014-02"))
    )
    predictions(old, 0.25).to_parquet(both[0].resolve_path(PREDICTIONS))
    predictions(new, 0.75).to_parquet(both[1].resolve_path(PREDICTIONS))
    write_model(both[0], fitted)
    return both[0], both[1]


def write_model(base: ResultFolder, fitted, windows: Windows = BEFORE, **metadata: str) -> None:
    inputs, pipeline = fitted
    base.resolve_path(MODEL).parent.mkdir(exist_ok=True)
    export_onnx(
        pipeline,
        inputs,
        base.resolve_path(MODEL),
        metadata or {"split": json.dumps(split(windows))},
    )
    base.resolve_path("params.yaml").write_text(yaml.safe_dump({"split": split(BEFORE)}))


def test_base_predictions_equal_its_model_on_head_rows(sides, fitted):
    base, head = sides
    found, moved = load_base_predictions(base, head, TEST)
    inputs, pipeline = fitted
    rows = pd.concat(
        [
            pd.read_parquet(head.resolve_path(FEATURES) / f"{name}.parquet")
            for name in ("2014-01", "2014-02")
        ]
    )
    rows = rows[rows[problem.contract.TARGET].notna()]
    expected = predictions(rows, pipeline.predict_proba(rows[inputs.names])[:, 1]).set_index(
        list(problem.contract.KEY)
    )
    assert found[list(problem.contract.KEY)].duplicated().sum() == 0
    found = found.set_index(list(problem.contract.KEY)).loc[expected.index]
    assert np.abs(found["probability"] - expected["probability"]).max() < TOLERANCE
    assert (found[problem.contract.TARGET] == expected[problem.contract.TARGET]).all()
    told = "the base's model predicted the 180 rows of the test months of head"
    assert moved == MovedTestWindow("2014-01", "2014-02", 180, told)


def test_compares_models_on_exactly_head_rows(sides):
    base, head = sides
    found, _ = load_base_predictions(base, head, TEST)
    counts = pair_predictions(found, pd.read_parquet(head.resolve_path(PREDICTIONS))).counts
    assert counts == {"common": 180, "only_base": 0, "only_head": 0, "relabelled": 0}


def test_uses_stored_predictions_that_cover_every_row(sides):
    base, head = sides
    predictions(pd.read_parquet(head.resolve_path(FEATURES) / "2014-01.parquet"), 0.75).to_parquet(
        head.resolve_path(PREDICTIONS)
    )
    found, moved = load_base_predictions(base, head, MonthWindow(first="2014-01", last="2014-01"))
    assert moved is None
    assert set(found["probability"]) == {0.25}


def test_rejects_key_column_of_another_type(sides):
    base, head = sides
    path = head.resolve_path(PREDICTIONS)
    pd.read_parquet(path).astype({"flight": "str"}).to_parquet(path)
    with pytest.raises(UserError, match=r"cannot be joined by their key.*'flight'"):
        load_base_predictions(base, head, TEST)


def test_uses_stored_predictions_when_test_months_are_equal(sides):
    """Check that a late correction does not replace the base's own predictions.

    They come from its own features.
    """
    base, head = sides
    found, moved = load_base_predictions(
        base, head, MonthWindow(first=BEFORE["test"][0], last=BEFORE["test"][1])
    )
    assert moved is None
    assert set(found["probability"]) == {0.25}


@pytest.mark.parametrize(
    ("windows", "last"),
    [
        ({**BEFORE, "validation": ("2013-12", "2014-01")}, "2014-01"),
        ({**BEFORE, "validation": ("2014-02", "2014-02")}, "2014-02"),
        ({**BEFORE, "train": ("2013-10", "2015-01")}, "2015-01"),
    ],
)
def test_does_not_score_model_on_months_it_learned_from(sides, fitted, windows, last):
    base, head = sides
    write_model(base, fitted, windows)
    found, moved = load_base_predictions(base, head, TEST)
    assert set(found["probability"]) == {0.25}
    reason = f"the model was trained on months up to {last}, and head is tested from 2014-01 on"
    reason += f"; set `split.test` in params.yaml to months after {last}"
    assert moved == MovedTestWindow(
        "2014-01", "2014-02", 0, f"the base's model did not predict them: {reason}"
    )


@pytest.mark.parametrize(
    "metadata", [{"none": "x"}, {"split": "{"}, {"split": "[]"}, {"split": '{"train": {}}'}]
)
def test_does_not_score_model_without_valid_split_metadata(sides, fitted, metadata):
    base, head = sides
    write_model(base, fitted, **metadata)
    assert load_base_predictions(base, head, TEST)[1].summary.endswith(
        "the metadata of the model does not name the training months;"
        f" make the model again (`make run`), or {COMPARE}"
    )


def change(head: ResultFolder, name: str, **columns: object) -> None:
    path = head.resolve_path(FEATURES) / f"{name}.parquet"
    rows = pd.read_parquet(path)
    gone = [column for column, value in columns.items() if value is None]
    rows.drop(columns=gone).assign(
        **{k: v for k, v in columns.items() if v is not None}
    ).to_parquet(path)


ADD = f"add them to the features, or {COMPARE}"
WRITE = f"write them with that type, or {COMPARE}"


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (
            {"temp": None, "spare": None},
            f"the model requires temp, spare, missing in head's features; {ADD}",
        ),
        ({"dest": None}, f"the model requires dest, missing in head's features; {ADD}"),
        (
            {"temp": "warm"},
            f"the model requires temp as a number, of another type in head's features; {WRITE}",
        ),
        (
            {"dest": 3},
            f"the model requires dest as text, of another type in head's features; {WRITE}",
        ),
    ],
)
def test_does_not_score_model_with_missing_or_mistyped_inputs(sides, columns, reason):
    base, head = sides
    change(head, "2014-02", **columns)
    found, moved = load_base_predictions(base, head, TEST)
    assert set(found["probability"]) == {0.25}
    assert (moved.rows, moved.summary) == (0, f"the base's model did not predict them: {reason}")


def test_accepts_integer_column_as_numeric_input(sides):
    base, head = sides
    change(head, "2014-02", temp=50)
    assert load_base_predictions(base, head, TEST)[1].rows == 180


def test_contract_has_categorical_column_outside_key():
    assert set(problem.contract.CATEGORICAL) - set(problem.contract.KEY), (
        "otherwise the columns that are read are not put to the proof"
    )


def test_reports_missing_or_unreadable_model(sides):
    base, head = sides
    base.resolve_path(MODEL).write_bytes(base.resolve_path(MODEL).read_bytes()[:1000])
    assert load_base_predictions(base, head, TEST)[1].summary.endswith(
        "models/model.onnx of the base base cannot be read;"
        " compare with another commit: `make review BASE=COMMIT`"
    )
    lost = ResultFolder(base.folder, "base", {}, base.present - {MODEL})
    assert load_base_predictions(lost, head, TEST)[1].summary.endswith(
        "the remote does not have models/model.onnx of the base base;"
        " run `make push` in a clone that has it"
    )


def test_scores_model_when_base_has_no_params_file(sides):
    base, head = sides
    base.resolve_path("params.yaml").unlink()
    assert load_base_predictions(base, head, TEST)[1].rows == 180
