"""The published model behaves as expected and meets its quality bounds.

The tests cover invariance, direction of effects, missing inputs and accuracy.
"""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from tarmac.interface.problem import problem
from tarmac.pipeline.models.scorer import Scorer
from tests.conftest import ROOT, required

SAMPLE = 5_000  # test flights, drawn once: enough to see a direction, quick to score


@cache
def model() -> Scorer:
    return Scorer(required("models/model.onnx"))


@cache
def rows_of_test() -> pd.DataFrame:
    """Labelled flights of November and December with all their features. Do not change it."""
    folder = required("data/features")
    rows = pd.concat(
        [pd.read_parquet(folder / f"2013-{month}.parquet") for month in (11, 12)], ignore_index=True
    )
    return rows[rows[problem.contract.TARGET].notna()].reset_index(drop=True)


@cache
def sample() -> pd.DataFrame:
    return rows_of_test().sample(SAMPLE, random_state=1).reset_index(drop=True)


@cache
def predictions() -> pd.DataFrame:
    return pd.read_parquet(required("data/predictions.parquet"))


@cache
def metrics() -> dict:
    return json.loads((ROOT / "metrics" / "evaluate" / "metrics.json").read_text())


def mean_change(**columns: np.ndarray | float) -> float:
    """Mean change of probability over the sample when some columns take other values."""
    return float((model().score(sample().assign(**columns)) - model().score(sample())).mean())


def test_scores_are_independent_of_row_order():
    shuffled = sample().sample(frac=1, random_state=2)
    assert np.allclose(model().score(shuffled), model().score(sample())[shuffled.index], atol=1e-6)


def test_scores_are_independent_of_flight_number_and_date():
    assert "flight" not in {*model().categories, *model().numbers}
    renamed = sample().assign(flight=1, day=pd.Timestamp("2030-01-01").date())
    assert np.array_equal(model().score(renamed), model().score(sample()))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (
            ("origin_wait_1h", "origin_wait_3h", "hub_wait_3h"),
            "a queue at the gate delays those behind it",
        ),
        (
            ("origin_late_3h", "carrier_late_3h", "hub_late_3h"),
            "many late departures are seldom followed by good ones",
        ),
        (("previous_wait", "previous_delay"), "an aircraft that comes late leaves late"),
        (("flight_delay_21d", "route_delay_21d"), "a flight that used to be late goes on so"),
    ],
)
def test_worse_delay_inputs_raise_delay_probability(columns, why):
    rows = sample()
    worse = {name: rows[name] + 2 * rows[name].std() for name in columns}
    assert mean_change(**worse) > 0.01, why


def test_more_spare_time_lowers_delay_probability():
    more = {name: sample()[name] + 60 for name in ("spare", "expected_spare")}
    assert mean_change(**more) < 0


@pytest.mark.parametrize("column", ["carrier", "dest"])
def test_scores_stay_valid_and_accurate_with_unknown_category(column):
    scores = model().score(sample().assign(**{column: "??"}))
    assert np.isfinite(scores).all()
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert roc_auc_score(sample()[problem.contract.TARGET], scores) > 0.70


def test_scores_stay_finite_and_accurate_without_weather():
    blind = sample().assign(
        **dict.fromkeys(problem.contract.FEATURES["weather"], np.float32(np.nan))
    )
    scores = model().score(blind)
    assert np.isfinite(scores).all()
    # Training saw silent stations only for hours; a model that falls further than this leans on the
    # feed too hard.
    assert roc_auc_score(sample()[problem.contract.TARGET], scores) > 0.70


def test_row_with_all_numbers_missing_gets_finite_score():
    nothing = sample().head(3).assign(**dict.fromkeys(model().numbers, np.float32(np.nan)))
    assert np.isfinite(model().score(nothing)).all()


def test_metrics_beat_baseline_and_stay_within_bounds():
    assert 0.753 < metrics()["roc_auc"] < 0.80, "below, simpler models do; above, something leaks"
    assert metrics()["roc_auc"] - metrics()["baseline"]["roc_auc"] > 0.10
    assert metrics()["calibration_error"] < 0.03


def test_every_large_slice_meets_auc_and_calibration_bounds():
    slices = pd.read_csv(ROOT / "metrics" / "tables" / "slices.csv").dropna(subset="roc_auc")
    assert len(slices) >= 15
    # The hardest one is the early morning, when there is little to see yet.
    assert slices["roc_auc"].min() > 0.65, slices.sort_values("roc_auc").head(3)
    gap = (slices["predicted_share"] - slices["positive_share"]).abs()
    assert gap.max() < 0.10, slices.assign(gap=gap).sort_values("gap").tail(3)


def test_published_predictions_match_published_model():
    joined = predictions().merge(
        rows_of_test(),
        on=list(problem.contract.KEY),
        validate="one_to_one",
        suffixes=("", "_known"),
    )
    assert len(joined) == len(predictions()) == len(rows_of_test())
    assert np.array_equal(
        joined[problem.contract.TARGET], joined[f"{problem.contract.TARGET}_known"]
    )
    assert np.abs(model().score(joined) - joined["probability"]).max() < 1e-6


def test_published_metrics_match_published_predictions():
    y, p = predictions()[problem.contract.TARGET], predictions()["probability"].astype("float64")
    flagged = p >= metrics()["threshold"]
    recomputed = {
        "roc_auc": roc_auc_score(y, p),
        "average_precision": average_precision_score(y, p),
        "log_loss": log_loss(y, p),
        "brier": brier_score_loss(y, p),
        "precision": y[flagged].mean(),
        "recall": flagged[y == 1].mean(),
        "rows": len(y),
    }
    for name, value in recomputed.items():
        assert metrics()[name] == pytest.approx(value, abs=1e-9), name
