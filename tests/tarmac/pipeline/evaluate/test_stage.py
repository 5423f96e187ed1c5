"""evaluate: the published values of every row, and the choice of the threshold.

No metric file has a NaN.
"""

import json

import numpy as np
import pandas as pd
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import TASKS
from tarmac.pipeline.evaluate import stage as evaluate
from tarmac.pipeline.metrics import metrics
from tarmac.policy import load_all_params
from tests.conftest import ROOT
from tests.tarmac.pipeline.cases import drawn, made
from tests.tarmac.pipeline.metrics.test_metrics import exact_f_beta, pairs_auc

PARAMS = load_all_params(ROOT / "params.yaml").evaluate.model_copy(
    update={"min_slice_rows": 1, "importance_rows": 50, "behaviour_rows": 120}
)


def judged(
    rows: pd.DataFrame, y: np.ndarray, model: np.ndarray, baseline: np.ndarray
) -> evaluate.ScoredPart:
    """Rows as `evaluate.score` gives them, of one month."""
    return evaluate.ScoredPart([rows], evaluate.build_row_groups(rows), y, model, baseline)


def rows_of(scored: evaluate.ScoredPart) -> pd.DataFrame:
    return pd.concat(scored.parts, ignore_index=True)


def predictions(scored: evaluate.ScoredPart) -> pd.DataFrame:
    return evaluate.build_predictions(rows_of(scored), scored.y, scored.model, scored.baseline)


def scored(month: str, rows: int, seed: int) -> evaluate.ScoredPart:
    """Made-up flights of a month, scored by a model that knows and a baseline that knows less."""
    y, p = drawn(rows, seed)
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "day": pd.to_datetime(f"{month}-01").date(),
            "carrier": draw.choice(["AA", "B6"], rows),
            "flight": np.arange(rows, dtype="int16"),
            "origin": draw.choice(["EWR", "JFK"], rows),
            "local_dep": draw.integers(0, 1440, rows).astype("float32"),
            problem.contract.TARGET: y.astype("float64"),
        }
    )
    blurred = (p + draw.random(rows).astype("float32")) / 2
    return judged(table, y, p, blurred)


VALID, TEST = scored("2013-10", 300, 1), scored("2013-11", 400, 2)


def test_predictions_contain_key_label_and_both_probabilities():
    table = predictions(TEST)
    assert list(table.columns) == [
        *problem.contract.KEY,
        "departure",
        problem.contract.TARGET,
        "probability",
        "baseline_probability",
    ]
    assert table[list(problem.contract.KEY)].equals(rows_of(TEST)[list(problem.contract.KEY)])
    assert np.array_equal(table[problem.contract.TARGET], TEST.y)
    assert np.array_equal(table["probability"], TEST.model)
    assert np.array_equal(table["baseline_probability"], TEST.baseline)


def test_predictions_contain_every_slice_of_each_row():
    table = predictions(TEST)
    assert tuple(problem.slices.slices(rows_of(TEST))) == problem.contract.SLICES
    for name, groups in problem.slices.slices(rows_of(TEST)).items():
        assert table[name].equals(groups), name
    assert table[list(problem.contract.SLICES)].nunique().min() > 1
    assert table[list(problem.contract.KEY)].dtypes.equals(
        rows_of(TEST)[list(problem.contract.KEY)].dtypes
    )


def test_threshold_uses_validation_and_other_metrics_use_test():
    values = evaluate.compute_all_metrics(VALID, TEST, PARAMS)
    f_beta = {
        threshold: exact_f_beta(VALID.y, VALID.model, threshold, 1)
        for threshold in VALID.model.tolist()
    }
    assert f_beta[values["threshold"]] == max(f_beta.values())
    assert values["roc_auc"] == pytest.approx(pairs_auc(TEST.y, TEST.model))
    assert values["baseline/roc_auc"] == pytest.approx(pairs_auc(TEST.y, TEST.baseline))
    assert values["flagged"] == pytest.approx((values["threshold"] <= TEST.model).mean())
    assert (values["rows"], values["positive_share"]) == (400, pytest.approx(TEST.y.mean()))


def test_threshold_ignores_test_labels():
    turned = judged(rows_of(TEST), 1 - TEST.y, TEST.model, TEST.baseline)
    first, second = (evaluate.compute_all_metrics(VALID, test, PARAMS) for test in (TEST, turned))
    assert first["threshold"] == second["threshold"]
    assert first["recall"] != second["recall"]


def test_monthly_auc_has_both_windows_and_other_tables_only_test():
    tables = evaluate.build_plot_tables(VALID, TEST, 0.5, PARAMS)
    assert list(tables["monthly_auc"]["month"]) == ["2013-10", "2013-11"]
    wanted = [pairs_auc(part.y, part.model) for part in (VALID, TEST)]
    assert list(tables["monthly_auc"]["model"]) == pytest.approx(wanted, abs=1e-5)
    assert tables["confusion"]["rows"].sum() == 400
    assert (tables["slices"].groupby("slice")["rows"].sum() == 400).all()


def test_plot_tables_do_not_identify_single_rows():
    columns = {
        column
        for table in evaluate.build_plot_tables(VALID, TEST, 0.5, PARAMS).values()
        for column in table.columns
    }
    assert not columns & {"flight", "day", problem.contract.TARGET}


def of_kind(kind: str, rows: int, seed: int) -> evaluate.ScoredPart:
    """Made-up rows with labels and predictions of another kind; the baseline knows less."""
    y, p = made(kind, rows, seed)
    worse = (p + np.random.default_rng(seed).permutation(p)) / 2
    return judged(
        rows_of(scored("2013-11", rows, seed)).assign(**{problem.contract.TARGET: y}), y, p, worse
    )


@pytest.mark.parametrize(
    ("kind", "own"), [("multiclass", {"confusion"}), ("regression", {"errors"})]
)
@pytest.mark.parametrize("time", [True, False])
def test_each_target_kind_has_only_its_own_metrics_and_tables(monkeypatch, kind, own, time):
    task, valid, test = TASKS[kind], of_kind(kind, 200, 1), of_kind(kind, 300, 2)
    monkeypatch.setattr(problem.contract, "CLASSES", ("a", "b", "c"))
    monkeypatch.setattr(problem.contract, "DAY", "day" if time else None)
    values = evaluate.compute_all_metrics(valid, test, PARAMS, task)
    assert list(values) == [
        *task.metrics,
        "rows",
        *(f"baseline/{name}" for name in list(task.metrics)[:-1]),
    ]
    assert values["rows"] == 300
    assert values[task.main_metric] > values[f"baseline/{task.main_metric}"]
    tables = evaluate.build_plot_tables(valid, test, None, PARAMS, task)
    assert tables.keys() == {
        *own,
        "calibration",
        "slices",
        *([f"monthly_{task.short}"] if time else []),
    }
    assert all(
        np.isfinite(table.select_dtypes("number")).all(axis=None) for table in tables.values()
    )
    assert len(tables["calibration"]) == PARAMS.calibration_bins


def test_multiclass_predictions_have_one_column_per_class(monkeypatch):
    monkeypatch.setattr(
        problem.contract, "ANSWERS", ("probability_a", "probability_b", "probability_c")
    )
    rows = of_kind("multiclass", 100, 3)
    table = predictions(rows)
    answers = [f"probability_{name}" for name in "abc"]
    assert list(table.columns) == [
        *problem.contract.KEY,
        "departure",
        problem.contract.TARGET,
        *answers,
        *(f"baseline_{name}" for name in answers),
    ]
    assert np.array_equal(metrics.join_prediction_columns(table), rows.model)
    assert np.array_equal(metrics.join_prediction_columns(table, "baseline_"), rows.baseline)


class KnowsBlock:
    """A model that lives by one feature."""

    categories, numbers = ("carrier", "origin"), ("block", "distance")

    def score(self, rows):
        return rows["block"].to_numpy()


def test_importance_uses_requested_number_of_validation_rows(monkeypatch):
    assert {"block", "distance"} <= set(problem.contract.FEATURES["schedule"])
    rows = rows_of(VALID).assign(block=VALID.model, distance=np.float32(1))
    valid, seen = judged(rows, VALID.y, VALID.model, VALID.baseline), []

    class Watched(KnowsBlock):
        def score(self, rows):
            seen.append(rows)
            return super().score(rows)

    table = evaluate.compute_validation_importance(valid, Watched(), PARAMS)
    assert {len(rows) for rows in seen} == {50}
    assert table["feature"][0] == "block"
    assert sorted(table["feature"]) == ["block", "carrier", "distance", "origin"]
    assert not seen[0]["flight"].duplicated().any()
    again = evaluate.compute_validation_importance(valid, Watched(), PARAMS)
    assert table.equals(again)


class KnowsQueue:
    """A model that takes a carrier and a queue, and keeps the rows that it was given."""

    categories, numbers = ("carrier",), ("origin_wait_1h",)

    def __init__(self, path=None):
        self.seen = []

    def score(self, rows):
        self.seen.append(rows)
        return (
            1 / (1 + np.exp(1 - rows["origin_wait_1h"].fillna(0) - (rows["carrier"] == "AA")))
        ).to_numpy("float32")


def with_features(scored: evaluate.ScoredPart) -> evaluate.ScoredPart:
    """The same rows with every number that a feature table has."""
    numbers = [
        name
        for name in problem.contract.feature_names(list(problem.contract.FEATURES))
        if name not in problem.contract.CATEGORICAL and name not in rows_of(scored)
    ]
    draw = np.random.default_rng(5)
    columns = {name: draw.normal(size=len(scored.y)).astype("float32") for name in numbers}
    rows = rows_of(scored).assign(**columns, dest="SFO")
    return judged(rows, scored.y, scored.model, scored.baseline)


def test_behaviour_uses_random_sample_of_requested_test_rows():
    test, model = with_features(TEST), KnowsQueue()
    table = evaluate.build_behaviour_table(test, model, PARAMS).set_index("behaviour")["value"]
    assert list(table.index) == [behaviour.name for behaviour in problem.behaviour.BEHAVIOURS]
    taken = {
        one.name
        for one in problem.behaviour.BEHAVIOURS
        if one.expectation == "same" or {"carrier", "origin_wait_1h"} & {*one.columns}
    }
    assert set(table.index[table.notna()]) == taken != set(table.index)
    assert table["the number of the flight says nothing"] == 0
    assert table["a queue at the gate delays those behind it"] > 0.1
    assert {len(rows) for rows in model.seen} == {PARAMS.behaviour_rows}
    places = model.seen[0]["flight"].to_numpy()  # made-up flights are numbered by their places
    assert len(set(places)) == PARAMS.behaviour_rows
    pd.testing.assert_frame_equal(model.seen[0], rows_of(test).iloc[places].reset_index(drop=True))
    assert not np.array_equal(places, np.sort(places)), (
        "the first rows alone are the first days alone"
    )
    again = evaluate.build_behaviour_table(test, KnowsQueue(), PARAMS).set_index("behaviour")[
        "value"
    ]
    assert table.equals(again)


def test_sample_keeps_labels_aligned_with_rows():
    rows, y = evaluate.sample_rows(TEST, 150, seed=3)
    assert np.array_equal(y, rows[problem.contract.TARGET])
    assert len(rows) == 150
    whole, labels = evaluate.sample_rows(TEST, 10**6, seed=3)
    assert sorted(whole["flight"]) == list(range(len(TEST.y)))
    assert np.array_equal(labels, whole[problem.contract.TARGET])


def test_stage_writes_predictions_metrics_and_every_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("data", "metrics"):
        (tmp_path / name).mkdir()
    params = load_all_params(ROOT / "params.yaml").model_copy(update={"evaluate": PARAMS})
    parts = {"validation": with_features(VALID), "test": with_features(TEST)}
    monkeypatch.setattr(evaluate, "load_params", lambda _: params)
    monkeypatch.setattr(evaluate, "Scorer", KnowsQueue)

    def score(split, part, model, baseline, write):
        write(predictions(parts[part]))
        return parts[part]

    monkeypatch.setattr(evaluate, "score_part", score)
    monkeypatch.setattr(evaluate, "check_resources", lambda split: None)
    evaluate.main()
    known = {
        "behaviour",
        "calibration",
        "confusion",
        "importance",
        "monthly_auc",
        "precision_recall",
        "roc",
        "slices",
    }
    assert {path.name for path in (tmp_path / evaluate.TABLES).iterdir()} == {
        f"{name}.csv" for name in known
    }
    written = pd.read_csv(tmp_path / evaluate.TABLES / "behaviour.csv")
    wanted = evaluate.build_behaviour_table(parts["test"], KnowsQueue(), PARAMS)
    assert list(written.columns) == ["behaviour", "expectation", "value"]
    assert list(written["behaviour"]) == list(wanted["behaviour"])
    assert written["value"].tolist() == pytest.approx(wanted["value"].tolist(), abs=0, nan_ok=True)
    stored = pd.read_parquet(tmp_path / evaluate.PREDICTIONS)
    assert list(stored.columns) == list(predictions(TEST).columns)
    assert (
        stored["departure"].tolist() == problem.slices.slices(rows_of(TEST))["departure"].tolist()
    )
    assert (tmp_path / evaluate.METRICS / "metrics.json").is_file()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_rejects_non_finite_metric_and_writes_nothing(tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"metric baseline/brier is (nan|-?inf)"):
        evaluate.log_metrics({"roc_auc": 0.7, "baseline/brier": wrong})
    assert list(tmp_path.iterdir()) == []


def test_metrics_file_contains_every_metric_at_full_precision(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = evaluate.compute_all_metrics(VALID, TEST, PARAMS)
    evaluate.log_metrics(values)
    logged = json.loads((tmp_path / evaluate.METRICS / "metrics.json").read_text())
    baseline = {
        name.split("/")[1]: value for name, value in values.items() if name.startswith("baseline/")
    }
    assert logged == {
        **{name: value for name, value in values.items() if "/" not in name},
        "baseline": baseline,
    }


def test_table_written_in_parts_has_same_bytes_as_single_write(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "ROW_GROUP", 300)
    whole = pd.concat([predictions(VALID), predictions(TEST)], ignore_index=True)
    whole.to_parquet(tmp_path / "whole", index=False, compression="zstd", row_group_size=300)
    with evaluate.PredictionWriter(tmp_path / "parts") as writer:
        for start in range(0, len(whole), 70):
            writer.add_rows(whole[start : start + 70])
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


def test_sample_is_same_for_rows_in_parts_and_in_one_table():
    rows, y = rows_of(TEST), TEST.y
    cut = evaluate.ScoredPart(
        [rows[:150], rows[150:151], rows[151:]], TEST.groups, y, TEST.model, TEST.baseline
    )
    for size in (1, 150, 10**6):
        (whole, labels), (parts, same) = (
            evaluate.sample_rows(scored, size, 3) for scored in (TEST, cut)
        )
        pd.testing.assert_frame_equal(whole, parts)
        assert np.array_equal(labels, same)


def test_scoring_by_month_matches_scoring_whole_table(tmp_path, monkeypatch):
    class Knows:
        def __init__(self, factor):
            self.factor = factor

        def score(self, rows):
            return (rows["local_dep"] / 1440 * self.factor).to_numpy("float32")

    whole = [
        rows_of(VALID),
        rows_of(TEST).assign(
            **{
                problem.contract.TARGET: rows_of(TEST)[problem.contract.TARGET].mask(
                    np.arange(400) < 5
                )
            }
        ),
    ]
    for month, rows in zip(("2013-10", "2013-11"), whole, strict=True):
        rows.to_parquet(tmp_path / f"{month}.parquet")
    monkeypatch.setattr(evaluate, "FEATURES", tmp_path)
    split = load_all_params(ROOT / "params.yaml").split
    split = split.model_copy(
        update={"test": split.test.model_copy(update={"first": "2013-10", "last": "2013-11"})}
    )
    written = []
    found = evaluate.score_part(split, "test", Knows(1), Knows(0.5), written.append)
    together = pd.concat(whole, ignore_index=True)
    together = together[together[problem.contract.TARGET].notna()].reset_index(drop=True)
    assert np.array_equal(found.y, together[problem.contract.TARGET])
    assert np.array_equal(found.model, Knows(1).score(together))
    assert [len(rows) for rows in written] == [300, 395]
    assert (
        found.groups[evaluate.MONTH].astype("str").tolist() == ["2013-10"] * 300 + ["2013-11"] * 395
    )
    for name, groups in problem.slices.slices(together).items():
        assert found.groups[name].astype("str").tolist() == groups.tolist()
