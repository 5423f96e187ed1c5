"""Parameters of the problem: the section `problem` of `params.yaml`."""

from typing import Annotated

from pydantic import Field

from tarmac.interface.params import ProblemParams


class Params(ProblemParams):
    """When the prediction is made, and what counts as late."""

    lead_hours: Annotated[
        int, Field(ge=0, le=24, description="Hours before scheduled departure that it is made")
    ]
    late_minutes: Annotated[
        int, Field(ge=0, le=180, description="A flight is late when it arrives later than this")
    ]
