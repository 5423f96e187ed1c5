"""The sections of `make monitor` and `make retrain`: limits of a new month, and what follows."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from tarmac.interface.task import ERROR
from tarmac.pipeline.base.params.section import (
    Count,
    ParamsSection,
    Positive,
    Share,
    build_timed_section,
)
from tarmac.pipeline.base.params.task import TASK

if TYPE_CHECKING:  # mypy knows no names that are found while the program runs
    Decaying = str
else:
    # Whose loss has an interval.
    Decaying = Literal[tuple(name for name in TASK.metrics if name != ERROR)]
# In the units of the answer.
Gap = Annotated[float, Field(gt=0, le=None if TASK.kind == "regression" else 1)]


class Levels(ParamsSection):
    """From `warning` on a value is reported, from `critical` on something is done."""

    warning: Positive
    critical: Positive

    @model_validator(mode="after")
    def _check_order(self) -> "Levels":
        if self.warning > self.critical:
            raise ValueError(
                f"warning ({self.warning}) must not be above critical ({self.critical})"
            )
        return self


if TYPE_CHECKING:
    Days = Levels | None
else:
    Days = build_timed_section(Levels)


class MonitorParams(ParamsSection):
    """What a month may look like.

    Rows beyond `days` to `foreign` are broken: nothing trains on them.
    """

    days: Annotated[
        Days,
        Field(description="Growth of the share of days with under half or over twice their rows"),
    ]
    missing: Annotated[
        Levels, Field(description="Growth of the share of rows that lack an input, or a label")
    ]
    unknown: Annotated[
        Levels, Field(description="Growth of the share of rows with a category never seen before")
    ]
    foreign: Annotated[
        Levels,
        Field(description="Distance (KS) beyond which a number is taken for another quantity"),
    ]
    drift: Annotated[
        Levels, Field(description="PSI of an input, where no month of the training was as far off")
    ]
    drifted: Annotated[
        Levels, Field(description="Share of the inputs whose drift is at `critical`")
    ]
    prediction: Annotated[
        Levels, Field(description="PSI of the predictions; used while labels are missing")
    ]
    decay: Annotated[
        dict[Decaying, Positive],
        Field(min_length=1, description="Loss of a metric that must be proven"),
    ]
    calibration: Annotated[
        Gap, Field(description="Distance of the mean answer from what happens, once proven")
    ]
    slices: Annotated[
        Share,
        Field(description="Loss of a slice's main metric that is pointed out where it is proven"),
    ]


class RetrainParams(ParamsSection):
    """When a new model is made, from which months, and who releases it."""

    every_months: Annotated[
        Count | None, Field(description="Months after which a model is made anew; null never")
    ]
    train_months: Annotated[Count, Field(description="Months to train on, at most")]
    validation_months: Count
    test_months: Count
    release: Annotated[
        Literal["manual", "automatic"], Field(description="automatic: what passes is released")
    ]


if TYPE_CHECKING:
    Retrain = RetrainParams | None
else:
    Retrain = build_timed_section(RetrainParams)
