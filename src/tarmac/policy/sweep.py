"""The section of `make sweep`: an objective on validation, and what each parameter may be."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, ValidationError, model_validator

from tarmac.pipeline.base.params.pipeline import TrainParams
from tarmac.pipeline.base.params.section import Count, ParamsSection, Positive, Seed
from tarmac.pipeline.base.params.task import TASK

if TYPE_CHECKING:
    Objective = str
else:
    Objective = Literal[tuple(TASK.rounds)]
PREFIX = "train."


def _require_number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a number is expected here")
    return value


def _require_value(value: Any) -> int | float | str | bool:
    return value if isinstance(value, str | bool) else _require_number(value)


Number = Annotated[int | float, PlainValidator(_require_number, json_schema_input_type=int | float)]
Value = Annotated[
    int | float | str | bool,
    PlainValidator(_require_value, json_schema_input_type=int | float | str | bool),
]


class Range(ParamsSection):
    """Numbers from `low` to `high`, both included. Whole ends give whole numbers."""

    low: Number
    high: Number
    log: Annotated[bool, Field(description="Draw evenly between orders of magnitude")] = False
    step: Annotated[
        Positive | None, Field(description="Only low, low + step, …; needed by grid for fractions")
    ] = None

    @property
    def is_integer(self) -> bool:
        """Whether only whole numbers are drawn."""
        return (
            isinstance(self.low, int)
            and isinstance(self.high, int)
            and float(self.step or 1).is_integer()
        )

    @property
    def values_to_check(self) -> tuple[Value, ...]:
        """The values that must be fit for training, so that all between are."""
        return self.low, self.high

    @model_validator(mode="after")
    def _check_bounds(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"low ({self.low}) must be above 0 if log is true")
        if self.log and self.step is not None:
            raise ValueError("log and step cannot be combined")
        return self


class Choices(ParamsSection):
    """One of some values."""

    choices: Annotated[list[Value], Field(min_length=1)]

    @property
    def values_to_check(self) -> tuple[Value, ...]:
        """The values that must be fit for training."""
        return tuple(self.choices)


class Halving(ParamsSection):
    """Successive halving, from `min_rounds` rounds on.

    At `min_rounds`, and each `factor` times more, the best 1 in `factor` go on.
    """

    min_rounds: Count
    factor: Annotated[int, Field(ge=2, le=10)]


def _select_tag(tree: Any) -> str:
    chosen = "choices" in tree if isinstance(tree, dict) else isinstance(tree, Choices)
    return "[choices]" if chosen else "[range]"


Searched = Annotated[
    Annotated[Range, Tag("[range]")] | Annotated[Choices, Tag("[choices]")],
    Discriminator(_select_tag),
]


class SweepParams(ParamsSection):
    """What is searched, by which sampler, and what is best. Test data has no part in it."""

    objective: Annotated[
        Objective, Field(description="Validation metric of the round that is kept")
    ]
    sampler: Literal["tpe", "random", "grid"]
    seed: Seed
    halving: Annotated[
        Halving | None,
        Field(
            description="null: none. It favours fast learners where the learning rate is searched"
        ),
    ]
    space: Annotated[dict[str, Searched], Field(min_length=1)]

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Which way the objective gets better."""
        return "maximize" if self.objective == "auc" else "minimize"

    def iter_mistakes(self, train: TrainParams) -> Iterator[tuple[str, str]]:
        """Key and text of every value of the space that training could not take."""
        for name, searched in self.space.items():
            if (
                self.sampler == "grid"
                and isinstance(searched, Range)
                and not (searched.is_integer or searched.step)
            ):
                yield name, "the sampler grid needs step or choices here"
            for value in searched.values_to_check:
                if text := _find_mistake(train, name, value):
                    yield name, text
                    break


def replace_values(train: TrainParams, values: dict[str, Value]) -> TrainParams:
    """Return training parameters with some replaced, by key such as `train.seed`.

    Raise `ValueError` if one is wrong.
    """
    tree = train.model_dump()
    for name, value in values.items():
        *sections, last = name.removeprefix(PREFIX).split(".")
        branch = tree
        for section in sections:
            branch = branch[section]
        branch[last] = value
    return TrainParams.model_validate(tree)


def _find_mistake(train: TrainParams, name: str, value: Value) -> str | None:
    known: object = train.model_dump()
    for part in name.split(".")[1:]:
        known = known.get(part) if isinstance(known, dict) else None
    if not name.startswith(PREFIX) or known is None or isinstance(known, dict | list):
        return "not a parameter with a single value in the section train"
    try:
        replace_values(train, {name: value})
    except ValidationError as error:
        return f"{error.errors()[0]['msg'].removeprefix('Value error, ')} (got {value!r})"
    return None
