"""What the service answers of each row, and what it had to do without."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model

from tarmac.interface.problem import problem
from tarmac.serving.form import FORM, Scores

Missing = Annotated[
    list[str],
    Field(description="Inputs that nobody knows: the model takes the way it learned for that"),
]
Unknown = Annotated[list[str], Field(description="Categories that training never saw")]
Version = Annotated[str, Field(description="Version of the model that answered")]

# Where a row says all there is to know, nothing is looked up.
Until: Any = int if len(problem.contract.TABLES) > 1 else int | None
Base: Any = Annotated[
    FORM.number, Field(description=f"Mean {FORM.name} of the training rows that it starts from")
]
PARTS: dict[str, Any] = {**FORM.fields, "missing": Missing, "unknown": Unknown}
COLUMNS: dict[str, Any] = {name: list[kind] for name, kind in PARTS.items()}  # type: ignore[valid-type]
Prediction = create_model("Prediction", __doc__="The answer to one row.", **PARTS)
AnswerTable = create_model("AnswerTable", __doc__="The answer field by field.", **COLUMNS)


class Answer(Prediction):  # type: ignore[misc, valid-type]
    """The answer to a body that is one row."""

    version: Version


class Answers(BaseModel):
    """The answer to `rows`, in their order."""

    version: Version
    predictions: list[Prediction]  # type: ignore[valid-type]


class AnswerColumns(BaseModel):
    """The answer to `columns`, in their order."""

    version: Version
    columns: AnswerTable  # type: ignore[valid-type]


class Contribution(BaseModel):
    """What one input added to the number that is explained."""

    input: str
    value: str | float | None
    contribution: float
    error: Annotated[float, Field(ge=0, description="Standard error of the contribution")]


class Explained(Answer):
    """Base and contributions sum to the number that is explained."""

    base: Base
    method: str
    contributions: list[Contribution]


Contribution.__doc__ = f"What one input added to the {FORM.name}."
Explained.__doc__ = (
    f"Base and contributions sum to the {FORM.name}; the largest contributions come first."
)


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
    release: Annotated[
        dict[str, Any], Field(description="Commit, lineage, metrics, and who released it when")
    ]
    inputs: list[str]
    known_until: Annotated[
        Until, Field(description="What happened later is not known (minutes since 1970, UTC)")
    ]
    shadow: Annotated[str | None, Field(description="Version that runs beside it")]
    card: Annotated[str, Field(description="The model card, as Markdown")]


def build_response(
    form: str, version: str, scores: Scores, missing: Any, unknown: Any
) -> dict[str, Any]:
    """The answer in the form that its question has: `row`, `rows` or `columns`."""
    if form == "columns":
        return {
            "version": version,
            "columns": {**FORM.to_response_columns(scores), "missing": missing, "unknown": unknown},
        }
    predictions = FORM.to_response_rows(scores)
    # In place: twice as fast as merging.
    for one, absent, strange in zip(predictions, missing, unknown, strict=True):
        one["missing"], one["unknown"] = absent, strange
    return (
        {"version": version, "predictions": predictions}
        if form == "rows"
        else {"version": version, **predictions[0]}
    )
