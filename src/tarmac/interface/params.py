"""What a problem's own section of `params.yaml` is made of."""

from pydantic import BaseModel, ConfigDict


class ProblemParams(BaseModel):
    """The section `problem`: typed, complete, and without unknown keys.

    A problem adds its keys in a subclass.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
