"""The sections that stages read."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from tarmac.interface.problem import problem
from tarmac.pipeline.base.params.section import (
    Count,
    Month,
    ParamsSection,
    Positive,
    Seed,
    Share,
    build_conditional_section,
)
from tarmac.pipeline.base.params.task import TASK


class PrepareParams(ParamsSection):
    """How much dirt a month may hold."""

    max_quarantine_share: Annotated[
        Share, Field(description="Share of a month's rows set aside that stops the stage")
    ]


class MonthWindow(ParamsSection):
    """Months from `first` to `last`, both included."""

    first: Month
    last: Month

    @model_validator(mode="after")
    def _check_order(self) -> "MonthWindow":
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) is after last ({self.last})")
        return self


class SplitParams(ParamsSection):
    """Months to train on, to tune on, and to judge on, in the order of time."""

    train: MonthWindow
    validation: MonthWindow
    test: MonthWindow

    @model_validator(mode="after")
    def _check_no_overlap(self) -> "SplitParams":
        if not self.train.last < self.validation.first <= self.validation.last < self.test.first:
            raise ValueError("train, validation and test must follow one another without overlap")
        return self

    def describe_parts(self) -> dict[str, str]:
        """What each part is, in words."""
        return {
            name: f"{part['first']} to {part['last']}" for name, part in self.model_dump().items()
        }

    def advise_fewer_rows(self, part: str) -> str:
        """Return how to make a part smaller, which takes too much memory."""
        return f"use fewer months in `split.{part}`"


class RowSplit(ParamsSection):
    """Shares of rows without a time to tune on and to test on, drawn by a hash of the key.

    New rows move few old ones. By `cluster`, no cluster is in two parts; by `label`, every part has
    the same share of each class.
    """

    by: Literal["cluster", "label", "row"]
    validation_share: Annotated[float, Field(gt=0, lt=0.5)]
    test_share: Annotated[float, Field(gt=0, lt=0.5)]
    seed: Seed

    @model_validator(mode="after")
    def _check_label_split(self) -> "RowSplit":
        if self.by == "label" and TASK.kind == "regression":
            raise ValueError("a numeric target has no classes: split by row or by cluster")
        return self

    def describe_parts(self) -> dict[str, str]:
        """What each part is, in words."""
        train = 1 - self.validation_share - self.test_share
        shares = {"train": train, "validation": self.validation_share, "test": self.test_share}
        by = {
            "cluster": f", whole {problem.contract.CLUSTERS[1]}",
            "label": " of each class",
            "row": "",
        }[self.by]
        return {name: f"{100 * share:.3g}% of the rows{by}" for name, share in shares.items()}

    def advise_fewer_rows(self, part: str) -> str:  # noqa: ARG002 -- as of `SplitParams`
        """Return how to make a part smaller: another share would only make another part larger."""
        return "use fewer rows in `data/raw`"


if TYPE_CHECKING:
    AnySplit = SplitParams | RowSplit
    Group = str
else:
    Group = Literal[tuple(problem.contract.FEATURES)]
    AnySplit = SplitParams if problem.contract.DAY else RowSplit


class XGBoostParams(ParamsSection):
    """Parameters of XGBoost, by its own names."""

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_depth: Annotated[int, Field(ge=1, le=16)]
    min_child_weight: Annotated[float, Field(ge=0)]
    subsample: Annotated[float, Field(gt=0, le=1)]
    colsample_bytree: Annotated[float, Field(gt=0, le=1)]
    reg_lambda: Annotated[float, Field(ge=0)]
    max_bin: Annotated[int, Field(ge=2, le=1024)]


class HistGradientBoostingParams(ParamsSection):
    """Parameters of scikit-learn's HistGradientBoostingClassifier, by its own names."""

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_leaf_nodes: Annotated[int, Field(ge=2, le=4096)]
    min_samples_leaf: Count
    l2_regularization: Annotated[float, Field(ge=0)]


class LogisticRegressionParams(ParamsSection):
    """Parameters of scikit-learn's LogisticRegression, by its own names."""

    C: Annotated[Positive, Field(description="Inverse of the regularisation's strength")]
    max_iter: Count


class RidgeParams(ParamsSection):
    """Parameters of scikit-learn's Ridge, by its own names."""

    alpha: Annotated[Positive, Field(description="Strength of the regularisation")]


if TYPE_CHECKING:
    Logistic = LogisticRegressionParams | None
    Ridge = RidgeParams | None
else:
    Logistic = build_conditional_section(
        LogisticRegressionParams, TASK.baseline == "logistic_regression"
    )
    Ridge = build_conditional_section(RidgeParams, TASK.baseline == "ridge")


class TrainParams(ParamsSection):
    """Which model, on which features, where, and for how long."""

    model: Literal["xgboost", "hist_gradient_boosting", "logistic_regression", "ridge"]
    features: Annotated[
        list[Group], Field(min_length=1, description="Feature groups that the model sees")
    ]
    device: Annotated[
        Literal["cpu", "cuda"],
        Field(description="Where xgboost trains; the others know the CPU only"),
    ]
    seed: Seed
    max_rounds: Annotated[Count, Field(description="Boosting rounds at most")]
    early_stopping_rounds: Annotated[
        Count, Field(description="Rounds without a better loss on validation")
    ]
    xgboost: XGBoostParams
    hist_gradient_boosting: HistGradientBoostingParams
    logistic_regression: Logistic
    ridge: Ridge

    @model_validator(mode="after")
    def _check_linear_model(self) -> "TrainParams":
        if self.model in {"logistic_regression", "ridge"} - {TASK.baseline}:
            raise ValueError(f"{self.model} does not fit a {TASK.kind} target, use {TASK.baseline}")
        return self

    @model_validator(mode="after")
    def _check_device(self) -> "TrainParams":
        if self.device != "cpu" and self.model != "xgboost":
            raise ValueError(
                f"device is {self.device}, but {self.model} trains only on the CPU:"
                " set `device` to cpu, or `model` to xgboost"
            )
        return self


class BaselineParams(ParamsSection):
    """The linear model that a model must beat to be worth its keep."""

    features: Annotated[list[Group], Field(min_length=1)]


class EvaluateParams(ParamsSection):
    """How the model is judged."""

    threshold_beta: Annotated[
        Positive | None,
        Field(description="The threshold maximises F-beta on validation; for two classes"),
    ] = None
    calibration_bins: Annotated[int, Field(ge=2, le=100)]
    min_slice_rows: Annotated[
        Count, Field(description="Smaller slices are listed without a metric")
    ]
    importance_rows: Annotated[
        Count, Field(description="Validation rows that permutation importance is measured on")
    ]
    behaviour_rows: Annotated[Count, Field(description="Test rows that behaviour is measured on")]
    seed: Seed

    @model_validator(mode="after")
    def _check_threshold_beta(self) -> "EvaluateParams":
        if (self.threshold_beta is None) == (TASK.kind == "binary"):
            raise ValueError(f"only a binary target has a threshold_beta, this one is {TASK.kind}")
        return self


class OnlineParams(ParamsSection):
    """What the service is given to look up."""

    days: Annotated[
        int, Field(ge=1, le=366, description="Predictions of so many last days can be made from it")
    ]
    background_rows: Annotated[
        int, Field(ge=2, le=10_000, description="Training rows that explanations start from")
    ]
    seed: Seed


class IntervalParams(ParamsSection):
    """How intervals of metrics are made: whole clusters (days) are resampled."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    seed: Seed
