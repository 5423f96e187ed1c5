"""Build a first policy: bounds that a constant prediction reaches.

`max_regression` is two standard errors at the size of the test.
"""

from typing import Any

import numpy as np
import pandas as pd

from tarmac.interface.task import ERROR, TASKS
from tarmac.scaffold.infer import InferredProblem, ScaffoldError
from tarmac.tabular.columns import Category
from tarmac.tabular.raw import WHOLE

TEST, VALIDATION = 0.2, 0.2  # shares of rows, or of months
YEAR = 12  # months
MONTHS = 3  # at least: one to train, one to tune and one to test on
SMALL = 2000  # rows below which trees need not beat a linear model
WIDE = 200  # weights of one-hot columns that the baseline may have
DIRT = 0.01  # share of rows that may be quarantined, unless more are


def build_split(inferred: InferredProblem, months: list[str]) -> dict[str, Any]:
    """The section `split`: by months, by group, by class or by row."""
    if not inferred.day:
        by = "row" if inferred.task == "regression" else "label"
        if inferred.group:
            by = "cluster"
        return {"by": by, "validation_share": VALIDATION, "test_share": TEST, "seed": 7}
    if len(months) < MONTHS:
        message = (
            f"{inferred.day} covers {len(months)} month(s), and at least {MONTHS} are required"
        )
        raise ScaffoldError(message, "add rows of more months, or omit the time column")
    parts = split_months(months)
    return {part: {"first": covered[0], "last": covered[-1]} for part, covered in parts.items()}


def split_months(months: list[str]) -> dict[str, list[str]]:
    """The months of each part."""
    test, tune = (max(1, round(share * len(months))) for share in (TEST, VALIDATION))
    return {
        "train": months[: -test - tune],
        "validation": months[-test - tune : -test],
        "test": months[-test:],
    }


def build_retrain_windows(months: list[str]) -> dict[str, int]:
    """Return the windows of `retrain`.

    They are as long as those of the first model, with at least a year to train on.
    """
    lengths = {part: len(covered) for part, covered in split_months(months).items()}
    lengths["train"] = max(lengths["train"], YEAR)
    return {f"retrain.{part}_months": length for part, length in lengths.items()}


def build_metric_limits(inferred: InferredProblem) -> dict[str, dict[str, Any]]:
    """The section `review.metrics`."""
    units = inferred.rows[inferred.group].nunique() if inferred.group else len(inferred.rows)
    size = max(TEST * units, 1)
    scores, spread = _score_constant_prediction(inferred)
    limits = {}
    for name, better in TASKS[inferred.task].metrics.items():
        regression = 2 * spread[name] / np.sqrt(size)
        bound = scores[name]
        if name == ERROR:
            bound += regression if better == "lower" else -regression
        limits[name] = {
            "better": better,
            "max_regression": _round_number(regression),
            "worst_allowed": _round_number(bound),
        }
    return limits


def _score_constant_prediction(
    inferred: InferredProblem,
) -> tuple[dict[str, float], dict[str, float]]:
    """Return what a constant prediction scores, and the spread of each metric.

    The spread is about how far a row's own share of a metric lies from its mean.
    """
    target = inferred.rows[inferred.target].dropna()
    if inferred.task == "regression":
        return _score_constant_number(pd.to_numeric(target).to_numpy(dtype="float64"))
    shares = target.value_counts(normalize=True)
    positive = float(shares[inferred.classes[-1]])
    brier = float((shares * (1 - shares)).sum()) / (2 if inferred.task == "binary" else 1)
    scores = {
        "roc_auc": 0.5,
        "average_precision": positive,
        "accuracy": float(shares.max()),
        "log_loss": float(-(shares * np.log(shares)).sum()),
        "brier": brier,
        ERROR: 0.1,
    }
    # Metrics that hang on a class are as sure as its rows are many.
    rare = np.sqrt(float(shares.min()))
    spread = {
        "roc_auc": 0.3 / rare,
        "average_precision": 0.4 / rare,
        "accuracy": 0.4,
        "log_loss": 0.5,
        "brier": 0.2,
    }
    return scores, {**spread, ERROR: 0.3}


def _score_constant_number(numbers: np.ndarray) -> tuple[dict[str, float], dict[str, float]]:
    """Return the scores of the mean or the median of some numbers, and the spreads."""
    deviation = float(numbers.std())
    scores = {
        "r2": 0.0,
        "rmse": deviation,
        "mae": float(np.abs(numbers - np.median(numbers)).mean()),
        ERROR: deviation / 4,
    }
    return scores, {"r2": 1.0, **dict.fromkeys(("rmse", "mae", ERROR), deviation / 2)}


def compute_quarantine_share(inferred: InferredProblem) -> float:
    """Return the share of a file's rows that `prepare` may quarantine.

    It is twice the share of repeated keys in the worst file: no row breaks a declared column.
    """
    rows = inferred.rows
    broken = rows[list(inferred.row_key)].duplicated()
    file = rows[inferred.day].str[:7] if inferred.day else pd.Series(WHOLE, index=broken.index)
    return max(DIRT, _round_number(2 * float(broken.groupby(file).mean().max())))


def build_param_changes(
    inferred: InferredProblem, months: list[str], groups: list[str]
) -> dict[str, Any]:
    """Return what a project changes in `params.yaml`: a value by the path of its key.

    None removes the key.
    """
    rows = len(inferred.rows)
    limits = build_metric_limits(inferred)
    retrain: dict[str, Any] = {"monitor.days": None, "retrain": None}
    if inferred.day:
        retrain = dict(build_retrain_windows(months))
    return {
        "problem": {},
        "prepare.max_quarantine_share": compute_quarantine_share(inferred),
        "split": build_split(inferred, months),
        **_build_training_changes(inferred, groups),
        "evaluate.threshold_beta": 1 if inferred.task == "binary" else None,
        "evaluate.calibration_bins": int(np.clip(TEST * rows // 20, 2, 15)),
        "evaluate.min_slice_rows": max(20, rows // 50),
        **_build_review_changes(inferred, limits),
        **retrain,
        **_build_sweep_changes(inferred),
    }


def _build_training_changes(inferred: InferredProblem, groups: list[str]) -> dict[str, Any]:
    """The sections `train` and `baseline`."""
    with_ridge = TASKS[inferred.task].baseline == "ridge"
    few_rows_a_leaf = len(inferred.rows) < SMALL or inferred.task == "multiclass"
    return {
        "train.features": groups,
        "train.max_rounds": 400,
        "train.early_stopping_rounds": 30,
        "train.xgboost": {
            "learning_rate": 0.1,
            "max_depth": 4,
            "min_child_weight": 1 if few_rows_a_leaf else 10,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "reg_lambda": 1,
            "max_bin": 128,
        },
        "train.logistic_regression": None if with_ridge else {"C": 0.1, "max_iter": 500},
        "train.ridge": {"alpha": 1} if with_ridge else None,
        "baseline.features": select_baseline_groups(inferred, groups),
    }


def _build_review_changes(
    inferred: InferredProblem, limits: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The section `review`, and what `monitor` derives from its tolerances."""
    task = TASKS[inferred.task]
    deviation = limits["rmse"]["worst_allowed"] if inferred.task == "regression" else 1.0
    return {
        "review.metrics": limits,
        "review.beat_baseline": len(inferred.rows) >= SMALL,
        "review.slices": {
            "max_regression": 0.2,
            "worst_allowed": -1.0 if inferred.task == "regression" else 0.4,
        },
        "review.behaviour": {
            "min_move": _round_number(0.005 * deviation),
            "usable": -1.0 if deviation != 1 else 0.5,
        },
        "monitor.decay": {
            name: _round_number(2 * limits[name]["max_regression"])
            for name in (task.main_metric, task.loss_metric)
            if name in limits
        },
        "monitor.calibration": _round_number(
            max(0.05 * deviation, limits[ERROR]["max_regression"])
        ),
    }


def _build_sweep_changes(inferred: InferredProblem) -> dict[str, Any]:
    """The section `sweep`."""
    return {
        "sweep.objective": TASKS[inferred.task].loss_metric,
        "sweep.space": {
            "train.xgboost.learning_rate": {"low": 0.02, "high": 0.3, "log": True},
            "train.xgboost.max_depth": {"low": 2, "high": 8},
            "train.xgboost.min_child_weight": {"low": 1, "high": 30, "log": True},
        },
    }


def select_baseline_groups(inferred: InferredProblem, groups: list[str]) -> list[str]:
    """Return the groups of the linear model: without texts if their levels would make it slow."""
    texts = [name for name, column in inferred.inputs.items() if isinstance(column, Category)]
    levels = sum(inferred.rows[name].nunique() for name in texts)
    weights = levels * max(len(inferred.classes) - 1, 1)
    if weights <= WIDE:
        return list(groups)  # a list of its own: YAML would write the same one as an alias
    return [group for group in groups if group != "categories"] or groups


def _round_number(value: float) -> float:
    """Three digits: nobody reads more of a policy."""
    return float(f"{value:.3g}")


def list_months(inferred: InferredProblem) -> list[str]:
    """The months of the table, which must follow one another; `all` without a time."""
    if not inferred.day:
        return [WHOLE]
    present = sorted(inferred.rows[inferred.day].str[:7].unique())
    months = [str(month) for month in pd.period_range(present[0], present[-1], freq="M")]
    absent = ", ".join(sorted(set(months) - set(present)))
    if absent:
        message = f"{inferred.day} has no rows in {absent}, but months must be consecutive"
        raise ScaffoldError(message, "add rows of these months")
    return months
