"""Define checked records of the files that stages, monitoring and backtests leave.

Any other content of these files is ignored.
"""

from dataclasses import dataclass
from math import isnan
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tarmac.pipeline.base.months import MONTH
from tarmac.pipeline.base.params import TASK

Outcome = Literal["ok", "warning", "critical"]
# What could not be computed is blank in CSV, NaN where a program was careless, and None here.
Number = Annotated[
    float | None,
    BeforeValidator(lambda value: None if value == "" else value),
    AfterValidator(lambda value: None if value is None or isnan(value) else value),
]
Main = Annotated[Number, Field(alias=TASK.main_metric)]
Day = Annotated[str, Field(pattern=rf"^{MONTH.pattern}(-\d\d)?$")]
WAYS = {"never": "never retrained", "monthly": "retrained monthly", "policy": "retrained by policy"}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PeriodRecord(_Record):
    """A stretch of time, both ends included."""

    first: Day
    last: Day
    rows: int | None = None


@dataclass(frozen=True)
class EstimateRecord:
    """A number with its interval, as far as they are known."""

    value: Number
    low: Number = None
    high: Number = None


class SliceRecord(_Record):
    """The main metric of one slice on the test rows."""

    slice: str
    value: str
    rows: int
    score: EstimateRecord


class IntervalsRecord(_Record):
    """Results of the stage `card`: every metric of the test rows by its name, and every slice."""

    metrics: dict[str, EstimateRecord] = {}
    slices: list[SliceRecord] = []


class ReferenceRecord(_Record):
    """What a month is held against: of rows without time, no first and no last day."""

    first: Day | None = None
    last: Day | None = None
    rows: int | None = None


class ModelRecord(_Record):
    """The model that was watched."""

    version: str | None = None
    commit: str | None = None
    md5: str | None = None


class CheckRecord(_Record):
    """One question to the month, and its answer."""

    kind: str
    name: str
    outcome: Outcome
    reason: str


class FeatureRecord(_Record):
    """The distance of one feature from the training window.

    `usual` is how far the training months differ among themselves.
    """

    feature: str
    psi: Number
    distance: Number = None
    usual: Number = None
    missing: Number = None
    missing_before: Number = None
    unknown: Number = None


class ChangeRecord(_Record):
    """A metric before and in the month, with the interval of its difference."""

    before: Number
    difference: Number
    low: Number
    high: Number


class MetricChangeRecord(ChangeRecord):
    """A metric of all labelled rows."""

    metric: str
    value: Number


class SliceChangeRecord(ChangeRecord):
    """The main metric of a slice."""

    slice: str
    value: str
    rows: int
    score: Main


class CalibrationBin(_Record):
    """What was predicted and what came of it."""

    predicted: float
    observed: float
    rows: int | None = None


class MonitoringOutcome(_Record):
    """What monitoring left last, of which only a finding on rows has a period."""

    period: PeriodRecord | None = None


class MonthRecord(_Record):
    """What monitoring found of one period."""

    verdict: Outcome
    decision: Literal["none", "retrain", "block"]
    summary: str
    period: PeriodRecord
    rows: int = 0
    labelled: int = 0
    model: ModelRecord = ModelRecord()
    reference: ReferenceRecord | None = None
    checks: list[CheckRecord] = []
    features: list[FeatureRecord] = []
    metrics: list[MetricChangeRecord] = []
    calibration: list[CalibrationBin] = []
    slices: list[SliceChangeRecord] = []

    @property
    def name(self) -> str:
        """The month, as 2013-12."""
        return self.period.last[:7]


class BacktestMonth(_Record):
    """One month of the backtest, by one strategy."""

    way: str
    month: Day
    score: Main
    low: Number
    high: Number
    loss: Annotated[Number, Field(alias=TASK.loss_metric)] = None
    train_first: str = ""
    train_last: str = ""
    rows: int | None = None
    verdict: str = ""
    retrained: bool
    released: bool


class BacktestSummary(_Record):
    """What one way of retraining cost and gave over all the months."""

    way: str
    trainings: int
    released: int
    minutes: float
    score: Main
    low: Number
    high: Number
    over_never: Number
    over_never_low: Number
    over_never_high: Number


class PreparedCounts(_Record):
    """What the preparation of the data counted."""

    rows: dict[str, int]
    broken_rules: dict[str, int] = {}
    set_aside: int
