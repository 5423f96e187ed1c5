"""What the service answers: the probability of each row, and what it had to do without."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

Probability = Annotated[float, Field(ge=0, le=1, description="Of the positive class")]
Missing = Annotated[
    list[str], Field(description="Inputs that nobody knows: the model takes the way it learned for that")
]
Unknown = Annotated[list[str], Field(description="Categories that training never saw")]
Version = Annotated[str, Field(description="Version of the model that answered")]


class Prediction(BaseModel):
    """The answer to one row."""

    probability: Probability
    missing: Missing
    unknown: Unknown


class Answer(Prediction):
    """The answer to a body that is one row."""

    version: Version


class Answers(BaseModel):
    """The answer to `rows`, in their order."""

    version: Version
    predictions: list[Prediction]


class AnswerTable(BaseModel):
    """The answer field by field."""

    probability: list[Probability]
    missing: list[Missing]
    unknown: list[Unknown]


class AnswerColumns(BaseModel):
    """The answer to `columns`, in their order."""

    version: Version
    columns: AnswerTable


class Contribution(BaseModel):
    """What one input added to the probability."""

    input: str
    value: str | float | None
    contribution: float
    error: Annotated[float, Field(ge=0, description="Standard error of the contribution")]


class Explained(Answer):
    """Base and contributions sum to the probability; the largest contributions come first."""

    base: Annotated[Probability, Field(description="Mean probability of the training rows that it starts from")]
    method: str
    contributions: list[Contribution]


class Mistake(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int]
    msg: str
    type: str


class Refusal(BaseModel):
    """Why a request was not answered."""

    detail: list[Mistake] | str


class Health(BaseModel):
    """Whether the process runs, and whether it can answer."""

    live: bool
    ready: bool
    version: str | None


class Model(BaseModel):
    """What is served."""

    version: Version
    release: Annotated[dict[str, Any], Field(description="Commit, lineage, metrics, and who released it when")]
    inputs: list[str]
    known_until: Annotated[int, Field(description="What happened later is not known (minutes since 1970, UTC)")]
    shadow: Annotated[str | None, Field(description="Version that runs beside it")]
    card: Annotated[str, Field(description="The model card, as Markdown")]


def shaped(form: str, version: str, scores: Sequence[float], missing: Any, unknown: Any) -> dict[str, Any]:
    """The answer in the form of its question."""
    if form == "columns":
        return {"version": version, "columns": {"probability": scores, "missing": missing, "unknown": unknown}}
    made = [
        {"probability": score, "missing": absent, "unknown": strange}
        for score, absent, strange in zip(scores, missing, unknown, strict=True)
    ]
    return {"version": version, "predictions": made} if form == "rows" else {"version": version, **made[0]}
