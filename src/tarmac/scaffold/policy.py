"""Build a first policy: bounds that a constant prediction reaches.

`max_regression` is two standard errors at the size of the test.
"""

from typing import Any

import numpy as np
import pandas as pd

from tarmac.pipeline.base.params.task import ERROR, TASKS
from tarmac.scaffold.infer import InferredProblem, ScaffoldError
from tarmac.tabular.columns import Category, Number
from tarmac.tabular.raw import WHOLE

TEST, VALIDATION = 0.2, 0.2  # shares of rows, or of months
YEAR = 12  # months
MONTHS = 3  # at least, to train, to tune and to judge on
SMALL = 2000  # rows below which trees need not beat a linear model
WIDE = 200  # weights of one-hot columns that the baseline may have
DIRT = 0.01  # share of rows that may be set aside, unless more are seen to be


def build_split(found: InferredProblem, months: list[str]) -> dict[str, Any]:
    """The section `split`: by months, by group, by class or by row."""
    if not found.day:
        by = "cluster" if found.group else "row" if found.task == "regression" else "label"
        return {"by": by, "validation_share": VALIDATION, "test_share": TEST, "seed": 7}
    if len(months) < MONTHS:
        message = f"{found.day} covers {len(months)} month(s), and at least {MONTHS} are required"
        raise ScaffoldError(message, "add rows of more months, or omit the time column")
    return {part: {"first": own[0], "last": own[-1]} for part, own in split_months(months).items()}


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
    lengths = {part: len(own) for part, own in split_months(months).items()}
    lengths["train"] = max(lengths["train"], YEAR)
    return {f"retrain.{part}_months": length for part, length in lengths.items()}


def build_metric_limits(found: InferredProblem) -> dict[str, dict[str, Any]]:
    """The section `review.metrics`."""
    units = found.rows[found.group].nunique() if found.group else len(found.rows)
    size = max(TEST * units, 1)
    constant, spread = _score_constant_prediction(found)
    made = {}
    for name, way in TASKS[found.task].metrics.items():
        regression = 2 * spread[name] / np.sqrt(size)
        worse = regression if way == "lower" else -regression
        bound = constant[name] + (worse if name == ERROR else 0)
        made[name] = {
            "better": way,
            "max_regression": _round_number(regression),
            "worst_allowed": _round_number(bound),
        }
    return made


def _score_constant_prediction(found: InferredProblem) -> tuple[dict[str, float], dict[str, float]]:
    """Return what a constant prediction scores, and the spread of each metric.

    The spread is about how far a row's own share of a metric lies from its mean.
    """
    target = found.rows[found.target].dropna()
    if found.task == "regression":
        numbers = pd.to_numeric(target).to_numpy(dtype="float64")
        deviation = float(numbers.std())
        scores = {
            "r2": 0.0,
            "rmse": deviation,
            "mae": float(np.abs(numbers - np.median(numbers)).mean()),
        }
        return {**scores, ERROR: deviation / 4}, {
            "r2": 1.0,
            **dict.fromkeys(("rmse", "mae", ERROR), deviation / 2),
        }
    shares = target.value_counts(normalize=True)
    positive = float(shares[found.classes[-1]])
    brier = float((shares * (1 - shares)).sum()) / (2 if found.task == "binary" else 1)
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


def compute_quarantine_share(found: InferredProblem) -> float:
    """Return the share of a file's rows that `prepare` may quarantine.

    It is twice what the declared columns find in the worst file.
    """
    broken = found.rows[list(found.row_key)].duplicated()
    for name, column in found.columns.items():
        if isinstance(column, Number) and column.low is not None:
            known = (
                pd.to_numeric(found.rows[name]).between(column.low, column.high)
                | found.rows[name].isna()
            )
            broken |= ~known
        elif isinstance(column, Category) and column.levels:
            broken |= ~found.rows[name].isin(column.levels) & found.rows[name].notna()
    file = found.rows[found.day].str[:7] if found.day else pd.Series(WHOLE, index=broken.index)
    return max(DIRT, _round_number(2 * float(broken.groupby(file).mean().max())))


def build_param_changes(
    found: InferredProblem, months: list[str], groups: list[str]
) -> dict[str, Any]:
    """Return what another problem changes in `params.yaml`: a value by the path of its key.

    None removes the key.
    """
    task, rows = TASKS[found.task], len(found.rows)
    limits = build_metric_limits(found)
    deviation = limits["rmse"]["worst_allowed"] if found.task == "regression" else 1.0
    changes: dict[str, Any] = {
        "problem": {},
        "prepare.max_quarantine_share": compute_quarantine_share(found),
        "split": build_split(found, months),
        "train.features": groups,
        "train.max_rounds": 400,
        "train.early_stopping_rounds": 30,
        "train.xgboost": {
            "learning_rate": 0.1,
            "max_depth": 4,
            "min_child_weight": 1 if rows < SMALL or found.task == "multiclass" else 10,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "reg_lambda": 1,
            "max_bin": 128,
        },
        "train.logistic_regression": {"C": 0.1, "max_iter": 500}
        if task.baseline != "ridge"
        else None,
        "train.ridge": {"alpha": 1} if task.baseline == "ridge" else None,
        "baseline.features": select_baseline_groups(found, groups),
        "evaluate.threshold_beta": 1 if found.task == "binary" else None,
        "evaluate.calibration_bins": int(np.clip(TEST * rows // 20, 2, 15)),
        "evaluate.min_slice_rows": max(20, rows // 50),
        "review.metrics": limits,
        "review.beat_baseline": rows >= SMALL,
        "review.slices": {
            "max_regression": 0.2,
            "worst_allowed": -1.0 if found.task == "regression" else 0.4,
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
        **(build_retrain_windows(months) if found.day else {"monitor.days": None, "retrain": None}),
        "sweep.objective": task.loss_metric,
        "sweep.space": {
            "train.xgboost.learning_rate": {"low": 0.02, "high": 0.3, "log": True},
            "train.xgboost.max_depth": {"low": 2, "high": 8},
            "train.xgboost.min_child_weight": {"low": 1, "high": 30, "log": True},
        },
    }
    return changes


def select_baseline_groups(found: InferredProblem, groups: list[str]) -> list[str]:
    """Return the groups of the linear model: without texts if their levels would make it slow."""
    texts = [name for name, column in found.inputs.items() if isinstance(column, Category)]
    levels = sum(found.rows[name].nunique() for name in texts) * max(len(found.classes) - 1, 1)
    return [group for group in groups if levels <= WIDE or group != "categories"] or groups


def _round_number(value: float) -> float:
    """Three digits: nobody reads more of a policy."""
    return float(f"{value:.3g}")


def list_months(found: InferredProblem) -> list[str]:
    """The months of the table, which must follow one another; `all` without a time."""
    if not found.day:
        return [WHOLE]
    own = sorted(found.rows[found.day].str[:7].unique())
    every = [str(month) for month in pd.period_range(own[0], own[-1], freq="M")]
    if lacking := sorted(set(every) - set(own)):
        message = f"{found.day} has no rows in {', '.join(lacking)}, but months must be consecutive"
        raise ScaffoldError(message, "add rows of these months")
    return every
