"""Define what follows from the kind of the target.

The kind decides the metrics and which way is better, what is watched while training, and the
baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["binary", "multiclass", "regression"]
Way = Literal["higher", "lower"]
# A mean of distances: resampling only adds to it, so that no interval of it holds the truth.
ERROR = "calibration_error"


@dataclass(frozen=True)
class Task:
    """One kind of prediction.

    Labels are 0 or 1 (binary), places in `contract.CLASSES` (multiclass), or numbers. Predictions
    have the shape (rows,), of the positive class if there are two; (rows, classes) if there are
    more.
    """

    kind: Kind
    # And which way is better; the first is the main one, where 1 is perfect.
    metrics: Mapping[str, Way]
    # Watched on validation round by round, with XGBoost's name; the last one stops the fit.
    rounds: Mapping[str, str]
    short: str  # the main metric in names of files and columns
    title: str  # the main metric in words
    hint: str  # how to read it
    label: str  # dtype of labels
    baseline: str  # the linear model that a model must beat

    @property
    def main_metric(self) -> str:
        """The metric that slices, behaviour, importance and charts go by: higher is better."""
        return next(iter(self.metrics))

    @property
    def loss_metric(self) -> str:
        """The metric that stops a fit: lower is better."""
        return list(self.rounds)[-1]


PROPER: Mapping[str, Way] = {"log_loss": "lower", "brier": "lower", ERROR: "lower"}
TASKS: Mapping[Kind, Task] = {
    "binary": Task(
        kind="binary",
        metrics={"roc_auc": "higher", "average_precision": "higher", **PROPER},
        rounds={"auc": "auc", "log_loss": "logloss"},
        short="auc",
        title="ROC-AUC",
        hint="0.5 is guessing, 1 is perfect",
        label="int8",
        baseline="logistic_regression",
    ),
    "multiclass": Task(
        kind="multiclass",
        metrics={"roc_auc": "higher", "accuracy": "higher", **PROPER},
        rounds={"error": "merror", "log_loss": "mlogloss"},
        short="auc",
        title="ROC-AUC",
        hint="of each class against the others, their mean: 0.5 is guessing, 1 is perfect",
        label="int8",
        baseline="logistic_regression",
    ),
    "regression": Task(
        kind="regression",
        metrics={"r2": "higher", "rmse": "lower", "mae": "lower", ERROR: "lower"},
        rounds={"mae": "mae", "rmse": "rmse"},
        short="r2",
        title="R²",
        hint="0 is answering the mean, 1 is perfect",
        label="float32",
        baseline="ridge",
    ),
}
