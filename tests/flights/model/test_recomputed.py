"""Published numbers equal those recomputed from the published predictions.

The code is independent of the evaluation stage.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as oracle

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params import MonthWindow
from tarmac.pipeline.models.scorer import Scorer
from tarmac.policy import load_all_params
from tests.conftest import ROOT, required
from tests.flights.model.test_published_model import metrics, model, predictions

PARAMS = load_all_params(ROOT / "params.yaml")
DIGITS = 1e-9  # of a published number
# Half of the last digit that a table shows.
ROUNDED = {"slices": 6e-5, "monthly_auc": 6e-6, "calibration": 6e-6}


def labelled(window: MonthWindow) -> pd.DataFrame:
    """Rows of a window that have a label, in the order of their files."""
    paths = [
        path
        for path in sorted(required("data/features").iterdir())
        if window.first <= path.stem <= window.last
    ]
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True).dropna(
        subset=problem.contract.TARGET
    )


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "metrics" / "tables" / f"{name}.csv")


def truth() -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of the published predictions, in double precision."""
    return predictions()[problem.contract.TARGET].to_numpy(), predictions()["probability"].to_numpy(
        "float64"
    )


def test_predictions_cover_each_labelled_test_row_once_in_order():
    keys = predictions()[list(problem.contract.KEY)]
    assert not keys.duplicated().any()
    pd.testing.assert_frame_equal(
        keys, labelled(PARAMS.split.test)[list(problem.contract.KEY)].reset_index(drop=True)
    )


@pytest.mark.parametrize(
    ("column", "file"), [("probability", "model"), ("baseline_probability", "baseline")]
)
def test_model_file_reproduces_published_probabilities(column, file):
    scored = Scorer(required(f"models/{file}.onnx")).score(labelled(PARAMS.split.test))
    assert np.abs(scored - predictions()[column]).max() < 1e-6


@pytest.mark.parametrize(
    ("column", "published"), [("probability", None), ("baseline_probability", "baseline")]
)
def test_probability_metrics_match_recomputed_values(column, published):
    y, p = predictions()[problem.contract.TARGET], predictions()[column].astype("float64")
    told = metrics() if published is None else metrics()[published]
    assert told["roc_auc"] == pytest.approx(oracle.roc_auc_score(y, p), abs=DIGITS)
    assert told["average_precision"] == pytest.approx(
        oracle.average_precision_score(y, p), abs=DIGITS
    )
    assert told["log_loss"] == pytest.approx(oracle.log_loss(y, p), abs=DIGITS)
    assert told["brier"] == pytest.approx(oracle.brier_score_loss(y, p), abs=DIGITS)


def test_threshold_metrics_match_recomputed_values():
    y, p = truth()
    flagged = p >= metrics()["threshold"]
    assert metrics()["precision"] == pytest.approx(oracle.precision_score(y, flagged), abs=DIGITS)
    assert metrics()["recall"] == pytest.approx(oracle.recall_score(y, flagged), abs=DIGITS)
    assert metrics()["f1"] == pytest.approx(oracle.f1_score(y, flagged), abs=DIGITS)
    assert metrics()["flagged"] == pytest.approx(flagged.mean(), abs=DIGITS)
    assert metrics()["positive_share"] == pytest.approx(y.mean(), abs=DIGITS)
    counts = table("confusion")["rows"].to_numpy().reshape(2, 2)
    assert np.array_equal(counts, oracle.confusion_matrix(y, flagged))


def test_threshold_maximizes_f_beta_on_validation():
    rows = labelled(PARAMS.split.validation)
    y, p = rows[problem.contract.TARGET].to_numpy(), model().score(rows).astype("float64")
    order = np.argsort(-p)
    hits, flagged = np.cumsum(y[order]), np.arange(1, len(p) + 1)
    last_of_ties = np.append(np.diff(p[order]) != 0, True)
    weight = PARAMS.evaluate.threshold_beta**2
    f_beta = ((1 + weight) * hits / (weight * y.sum() + flagged))[last_of_ties]
    at_threshold = f_beta[p[order][last_of_ties] == metrics()["threshold"]]
    assert at_threshold == pytest.approx(f_beta.max(), abs=DIGITS)


def test_calibration_error_equals_mean_distance_of_its_bins():
    y, p = truth()
    bins = np.array_split(np.argsort(p, kind="stable"), PARAMS.evaluate.calibration_bins)
    distances = [abs(p[rows].mean() - y[rows].mean()) * len(rows) / len(y) for rows in bins]
    assert metrics()["calibration_error"] == pytest.approx(sum(distances), abs=1e-7)
    observed = [y[rows].mean() for rows in bins]
    assert list(table("calibration")["observed"]) == pytest.approx(
        observed, abs=ROUNDED["calibration"]
    )


def test_published_slices_match_recomputed_values():
    y, p = truth()
    slices = table("slices")
    for line in slices[slices["slice"].isin(["origin", "carrier"])].itertuples():
        rows = (predictions()[line.slice] == line.value).to_numpy()
        assert line.rows == rows.sum()
        assert line.positive_share == pytest.approx(y[rows].mean(), abs=ROUNDED["slices"])
        assert line.predicted_share == pytest.approx(p[rows].mean(), abs=ROUNDED["slices"])
        assert pd.isna(line.roc_auc) == (line.rows < PARAMS.evaluate.min_slice_rows)
        if not pd.isna(line.roc_auc):
            assert line.roc_auc == pytest.approx(
                oracle.roc_auc_score(y[rows], p[rows]), abs=ROUNDED["slices"]
            )
    assert (slices.groupby("slice")["rows"].sum() == len(y)).all()


def test_published_monthly_auc_matches_recomputed_values():
    y, p = truth()
    months = pd.to_datetime(predictions()["day"]).dt.strftime("%Y-%m").to_numpy()
    told = table("monthly_auc").set_index("month")["model"]
    assert set(months) < set(told.index), "validation stands beside the test months"
    for month in set(months):
        wanted = oracle.roc_auc_score(y[months == month], p[months == month])
        assert told[month] == pytest.approx(wanted, abs=ROUNDED["monthly_auc"])
