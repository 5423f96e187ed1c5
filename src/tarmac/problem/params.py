"""Parameters of the problem: the section `problem` of `params.yaml`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ProblemParams(BaseModel):
    """When the prediction is made, and what counts as late."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    lead_hours: Annotated[int, Field(ge=0, le=24, description="Hours before scheduled departure that it is made")]
    late_minutes: Annotated[int, Field(ge=0, le=180, description="A flight is late when it arrives later than this")]
