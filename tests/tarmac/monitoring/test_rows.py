"""Rows for monitoring, with labels.

Logs of the service and of batches give the same rows as the pipeline.
"""

import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.monitoring.judge import evaluate_observed_rows
from tarmac.monitoring.reference import load_reference
from tarmac.monitoring.rows import INPUTS, WHEN, load_prediction_log, load_scored_month
from tarmac.pipeline.base.params import RowSplit
from tarmac.pipeline.models.scorer import Scorer
from tarmac.pipeline.online.stage import list_records
from tarmac.policy import load_all_params
from tarmac.registry.live_model import LiveModel
from tests.conftest import ROOT, required
from tests.tarmac.monitoring.simulated import world
from tests.tarmac.serving.bundles import write
from tests.tarmac.serving.running import running

MONTH, ROWS = "2013-12", 400
PARAMS = load_all_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def tables() -> Path:
    return required("data/features")


@pytest.fixture(scope="module")
def journal(tmp_path_factory) -> Path:
    """The journal of a real service that answered rows of the last days, one of them twice."""
    folder = tmp_path_factory.mktemp("journal")
    planned = pd.read_parquet(required("data/prepared") / "flights" / f"{MONTH}.parquet").tail(ROWS)
    (folder / "log").mkdir()
    with (
        running(write(folder / "bundle"), folder / "output", log=folder / "log") as service,
        service.client() as client,
    ):
        rows = [problem.request.asked(row) for row in list_records(planned)]
        for body in ({"rows": rows}, rows[0]):
            assert client.post("/predict", json=body).status_code == 200
    return folder / "log"


def test_journal_rows_match_pipeline_rows(journal, tables):
    found = load_prediction_log(journal, tables)
    stored = pd.read_parquet(tables / f"{MONTH}.parquet")
    rows = found.rows.merge(
        stored, on=list(problem.contract.KEY), suffixes=("", "_stored"), validate="one_to_one"
    )
    assert len(rows) == len(found.rows) == ROWS
    for name in [*INPUTS, problem.contract.TARGET]:
        if name not in problem.contract.KEY:
            pd.testing.assert_series_equal(
                rows[name], rows[f"{name}_stored"], check_names=False, check_dtype=False
            )
    scored = Scorer(required("models/model.onnx")).score(found.rows)
    np.testing.assert_allclose(found.p, scored, atol=1e-6)
    assert (str(found.last), found.whole, found.note) == ("2013-12-31", False, "")
    assert found.labeled_count == int(stored.tail(ROWS)[problem.contract.TARGET].notna().sum())


def test_reports_model_input_that_features_lack(tables, tmp_path):
    pd.read_parquet(tables / f"{MONTH}.parquet").drop(columns="turn").to_parquet(
        tmp_path / f"{MONTH}.parquet"
    )
    with pytest.raises(UserError, match="the live model requires turn, missing in data/features"):
        load_scored_month(MONTH, Scorer(required("models/model.onnx")), tmp_path)


@pytest.mark.parametrize(
    "month", ["foo", "2013-1", "2013-13", "2013-12-01", "all", "2013-12\n", "../2013-12"]
)
def test_rejects_invalid_month_and_shows_the_form(tmp_path, month):
    with pytest.raises(UserError) as caught:
        load_scored_month(month, Formula(), tmp_path)
    assert str(caught.value) == f'invalid month "{month}"'
    assert caught.value.hint == "write it as YYYY-MM, such as 2013-12"


@pytest.mark.parametrize("month", ["2014-03", "2012-12"])
def test_error_for_month_without_data_names_stored_months(tables, month):
    with pytest.raises(UserError) as caught:
        load_scored_month(month, Formula(), tables)
    assert str(caught.value) == f"{tables} has no data for {month} (stored: 2013-01 to 2013-12)"
    assert "`make ingest FILES=path/to/files`" in caught.value.hint


def test_skips_and_counts_unreadable_journal_lines(journal, tables, tmp_path):
    lines = next(journal.glob("*.jsonl")).read_text().splitlines()
    (tmp_path / "a.jsonl").write_text(
        "\n".join([*lines, lines[0][:50], "[]", "null", '{"when": 1}']) + "\n"
    )
    found = load_prediction_log(tmp_path, tables)
    assert len(found.rows) == ROWS
    assert found.note == "4 lines of the journal could not be read"


def test_keeps_only_predictions_of_requested_version(journal, tables, tmp_path):
    lines = [json.loads(line) for line in next(journal.glob("*.jsonl")).read_text().splitlines()]
    for line in lines[:100]:
        line |= {"version": "v0.0.0", "probability": 2.0}
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines[:ROWS])))
    assert len(load_prediction_log(tmp_path, tables, "v0.0.1").rows) == ROWS - 100
    with pytest.raises(UserError, match=r"no predictions of v0\.0\.2"):
        load_prediction_log(tmp_path, tables, "v0.0.2")


def test_keeps_predictions_that_have_no_label_yet(journal, tmp_path):
    found = load_prediction_log(journal, tmp_path)
    assert (len(found.rows), found.labeled_count) == (ROWS, 0)
    assert set(INPUTS) <= set(found.rows)


@pytest.mark.slow
def test_log_of_few_days_is_not_evaluated_as_whole_month(journal, tables):
    live = LiveModel("v0.0.1", "", "", PARAMS.split, Scorer(required("models/model.onnx")))
    observed = load_prediction_log(journal, tables)
    found = evaluate_observed_rows(
        observed, load_reference(live, observed, tables), live.split, PARAMS
    )
    assert "days" not in {check.name for check in found.checks}
    weather = {"temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"}
    critical = {check.name for check in found.checks if check.outcome == "critical"}
    assert critical <= weather, "the last evening of the year has no weather"
    assert found.metrics
    assert len(found.features) == len(INPUTS)


def test_batch_inputs_equal_those_of_feature_tables(tables, tmp_path):
    stored = load_scored_month(MONTH, Scorer(required("models/model.onnx")), tables)
    scores = stored.rows[list(problem.contract.KEY)].assign(
        row=1, probability=stored.p, missing=0, unknown=0
    )
    scores.head(500).to_parquet(tmp_path / "scores.parquet")
    found = load_prediction_log(tmp_path / "scores.parquet", tables)
    pd.testing.assert_frame_equal(
        found.rows[INPUTS], stored.rows.head(500)[INPUTS], check_dtype=False
    )
    np.testing.assert_array_equal(found.p, stored.p[:500])


class Formula:
    """A model that answers by one input."""

    categories, numbers = (), ("temp",)

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        return 1 / (1 + np.exp(-rows["temp"].to_numpy("float32")))


@pytest.fixture
def whole(tmp_path: Path) -> pd.DataFrame:
    """Rows in one file, as where they have no time; a day is a name like any other."""
    rows = world(np.random.default_rng(1), date(2013, 1, 1), 20).rows
    rows["day"] = rows["day"].astype("str")
    rows = rows.assign(
        **{name: np.float32(number) for number, name in enumerate(INPUTS) if name not in rows}
    )
    (tmp_path / "tables").mkdir()
    rows.to_parquet(tmp_path / "tables" / "all.parquet")
    return rows


def logged(rows: pd.DataFrame, folder: Path) -> Path:
    """A journal of two days with the answers to some rows."""
    folder.mkdir()
    inputs = [name for name in rows if name in INPUTS and name not in problem.contract.KEY]
    lines = []
    for number, (row, p) in enumerate(
        zip(list_records(rows), Formula().score(rows).tolist(), strict=True)
    ):
        answer = dict.fromkeys(problem.contract.ANSWERS, p)
        when = f"2026-03-0{1 + (number > 5)}T10:00:00+00:00"
        key = {name: row[name] for name in problem.contract.KEY}
        lines.append(
            {
                "when": when,
                "version": "v1",
                "key": key,
                **answer,
                "inputs": {name: row[name] for name in inputs},
            }
        )
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_journal_of_untimed_rows_has_labels_and_period(whole, tmp_path):
    new = whole.iloc[50:350]
    found = load_prediction_log(logged(new, tmp_path / "log"), tmp_path / "tables", day=None)
    assert (str(found.first), str(found.last), len(found.rows)) == ("2026-03-01", "2026-03-02", 300)
    np.testing.assert_array_equal(found.rows[problem.contract.TARGET], new[problem.contract.TARGET])
    np.testing.assert_allclose(found.p, Formula().score(new))
    assert found.is_comparable
    assert not replace(found, rows=found.rows.head(99)).is_comparable
    assert not {*problem.contract.ANSWERS, WHEN} & set(found.rows)


def test_counts_journal_lines_with_invalid_dates_as_unreadable(whole, tmp_path):
    folder = logged(whole.head(20), tmp_path / "log")
    lines = (folder / "a.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines[:4]]
    entries[0]["when"] = "yesterday"
    entries[1]["key"]["day"] = "2013-02-30"
    entries[2]["key"]["day"] = None
    entries[3]["key"] = []
    (folder / "a.jsonl").write_text("\n".join([*map(json.dumps, entries), *lines[4:]]))
    found = load_prediction_log(folder, tmp_path / "tables")
    assert len(found.rows) == len(lines) - 4
    assert found.note == "4 lines of the journal could not be read"


def test_rejects_batch_with_invalid_day(tmp_path):
    rows = pd.DataFrame({"day": ["2013-02-30"], "carrier": ["UA"], "flight": [1]})
    rows = rows.assign(origin="EWR", probability=0.5)
    rows.to_parquet(tmp_path / "scores.parquet")
    with pytest.raises(UserError, match="not a Parquet file of predictions"):
        load_prediction_log(tmp_path / "scores.parquet", tmp_path)


@pytest.mark.parametrize("damage", ["cut", "page"])
def test_rejects_damaged_feature_table(whole, tmp_path, damage):
    path = tmp_path / "tables" / "all.parquet"
    content = bytearray(path.read_bytes())
    content[4:100] = b"\x99" * 96  # the header of the first page
    path.write_bytes(content[:100] if damage == "cut" else content)
    log = logged(whole.head(20), tmp_path / "log")
    with pytest.raises(UserError, match=r"all\.parquet (cannot be read|is not a complete)"):
        load_prediction_log(log, tmp_path / "tables", day=None)


def test_untimed_rows_are_excluded_from_their_reference(whole, tmp_path):
    # Days are known here.
    split = RowSplit.model_construct(by="row", validation_share=0.2, test_share=0.2, seed=1)
    found = load_prediction_log(
        logged(whole.iloc[50:350], tmp_path / "log"), tmp_path / "tables", day=None
    )
    known = load_reference(LiveModel("v1", "", "", split, Formula()), found, tmp_path / "tables")
    assert known.rows + len(known.evaluated) == len(whole) - 300
    keys = known.evaluated.merge(found.rows, on=list(problem.contract.KEY))
    assert keys.empty
    assert 0.5 < known.rows / (len(whole) - 300) < 0.7
    np.testing.assert_array_equal(known.p, Formula().score(known.evaluated))
    every = replace(found, rows=whole)
    with pytest.raises(UserError, match="no other rows to compare the monitored rows with"):
        load_reference(LiveModel("v1", "", "", split, Formula()), every, tmp_path / "tables")


def test_batch_of_untimed_rows_takes_its_period_from_file_time(whole, tmp_path):
    scores = (
        whole[list(problem.contract.KEY)]
        .head(9)
        .assign(**dict.fromkeys(problem.contract.ANSWERS, 0.5))
    )
    scores.to_parquet(tmp_path / "scores.parquet")
    os.utime(tmp_path / "scores.parquet", (86_400, 86_400))
    found = load_prediction_log(tmp_path / "scores.parquet", tmp_path / "tables", day=None)
    assert (str(found.first), found.labeled_count) == ("1970-01-02", 9)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "has no predictions"),
        (b"", "not a Parquet file of predictions"),
        (b"PAR1", "not a Parquet file"),
    ],
)
def test_rejects_empty_or_invalid_log(tmp_path, content, said):
    path = tmp_path / "log"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        load_prediction_log(path, tmp_path)


def test_rejects_batch_of_days_that_features_lack(tmp_path):
    rows = {
        "day": ["2031-01-01"],
        "carrier": ["UA"],
        "flight": [1],
        "origin": ["EWR"],
        "probability": [0.5],
    }
    pd.DataFrame(rows).to_parquet(tmp_path / "scores.parquet")
    with pytest.raises(UserError, match="has none of the rows in"):
        load_prediction_log(tmp_path / "scores.parquet", tmp_path)


def test_takes_inputs_missing_from_journal_from_feature_tables(journal, tables, tmp_path):
    lines = [json.loads(line) for line in next(journal.glob("*.jsonl")).read_text().splitlines()]
    for line in lines:
        line["inputs"].pop("distance")
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert "distance" not in load_prediction_log(tmp_path, tmp_path).rows
    assert not load_prediction_log(tmp_path, tables).rows["distance"].isna().any()
