"""What every section of `params.yaml` is made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tarmac.interface.problem import problem

Month = Annotated[
    str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="A month, written 2013-01")
]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class ParamsSection(BaseModel):
    """A section of `params.yaml`: typed, complete, and without unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def build_conditional_section(section: type[ParamsSection], there: bool) -> Any:
    """A section where it is `there`, and else a key that may not be."""
    return section if there else Annotated[None, Field(default=None)]


def build_timed_section(section: type[ParamsSection]) -> Any:
    """A section where rows have a time, and else a key that may not be there."""
    return build_conditional_section(section, problem.contract.DAY is not None)
