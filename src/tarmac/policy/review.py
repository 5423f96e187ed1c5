"""The section of the policy that `make review` judges by."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from tarmac.pipeline.base.params.section import ParamsSection, Positive, Share
from tarmac.pipeline.base.params.task import TASK

if TYPE_CHECKING:  # mypy knows no names that are found while the program runs
    MetricName = str
else:
    MetricName = Literal[tuple(TASK.metrics)]


Score = Annotated[float, Field(le=1)]  # of the main metric: 1 is perfect, and there is no worst


class MetricPolicy(ParamsSection):
    """What a change may do to one metric.

    `worst_allowed` is a lower bound where higher is better, and an upper bound otherwise.
    """

    better: Annotated[
        Literal["higher", "lower"], Field(description="Which direction is an improvement")
    ]
    max_regression: Annotated[
        float,
        Field(ge=0, description="Loss that a change may bring; its interval must exclude more"),
    ]
    worst_allowed: Annotated[float, Field(description="The worst value that may be released")]
    suspicious_beyond: Annotated[
        float | None, Field(description="Better than this is too good to be true: a leak")
    ] = None

    @model_validator(mode="after")
    def _check_bounds(self) -> "MetricPolicy":
        sign = 1 if self.better == "higher" else -1
        best = self.suspicious_beyond
        if best is not None and sign * self.worst_allowed >= sign * best:
            raise ValueError(
                f"worst_allowed ({self.worst_allowed}) must be worse than"
                f" suspicious_beyond ({best})"
            )
        return self


class SlicePolicy(ParamsSection):
    """What a change may do to a slice's main metric.

    Slices are many and small: only a loss that is proven fails.
    """

    max_regression: Annotated[float, Field(ge=0)]
    worst_allowed: Score


class BehaviourPolicy(ParamsSection):
    """What counts as a move of the model's answers, and how good it must be when inputs fail."""

    min_move: Annotated[float, Field(ge=0, description="Smaller moves of the mean answer are none")]
    usable: Annotated[
        Score, Field(description="Main metric that must be left with an input missing or unknown")
    ]


class CostPolicy(ParamsSection):
    """What the result may cost. Times are those of the machine at hand: keep the limits wide."""

    model_megabytes: Positive
    scoring_microseconds: Annotated[Positive, Field(description="For one row, on one thread")]
    pipeline_minutes: Annotated[Positive, Field(description="Wall time of all stages that ran")]
    memory_gigabytes: Annotated[Positive, Field(description="Peak memory of any stage that ran")]


class ReviewParams(ParamsSection):
    """The policy: what a pull request may do, and what fails it."""

    approved: Annotated[
        list[Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]],
        Field(
            description="Commits that may change target, cut-off, test rows or columns"
            " that slices go by"
        ),
    ]
    require_reproduced: Annotated[
        bool, Field(description="Fail where a rebuild from raw data gave other bytes")
    ]
    beat_baseline: Annotated[
        bool, Field(description="Fail where the model is not proven better than its baseline")
    ]
    drift: Annotated[
        Share,
        Field(description="Distance of training data, from 0 to 1, that the report points out"),
    ]
    metrics: Annotated[dict[MetricName, MetricPolicy], Field(min_length=1)]
    slices: SlicePolicy
    behaviour: BehaviourPolicy
    cost: CostPolicy

    @model_validator(mode="after")
    def _check_directions(self) -> "ReviewParams":
        for name, policy in self.metrics.items():
            if policy.better != TASK.metrics[name]:
                raise ValueError(
                    f"{name} is better if {TASK.metrics[name]}, not if {policy.better}"
                )
        return self
