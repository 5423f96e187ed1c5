"""Form of a response: a probability, the likeliest class with all probabilities, or a number."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem

# Of a model, float32: shape (rows,), or (rows, classes) where there are more than two.
Scores = np.ndarray
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class PredictionFormat:
    """The answer where there are two classes: the probability of the second one."""

    classes: Sequence[str]
    stored: Sequence[str]  # columns of an answer where it is written down, numbers all

    title: ClassVar[str] = "Probability of the positive class"
    name: ClassVar[str] = "probability"  # of what an explanation adds up to
    # Its type.
    number: ClassVar[Any] = Annotated[float, Field(ge=0, le=1, description="Of the positive class")]
    # And the label's name.
    counted: ClassVar[tuple[str, str]] = "tenth that their probability begins with", "tenth"
    # How far a shadow may be from the live one.
    apart: ClassVar[Sequence[float]] = 0.001, 0.003, 0.01, 0.03, 0.1, 0.3

    @property
    def fields(self) -> dict[str, Any]:
        """Names and types of what is told of a row."""
        return {self.name: self.number}

    def check_scores(self, scores: Scores) -> None:
        """Raise `UserError` where a model of another kind of target made the scores."""
        wanted = (len(self.classes),) if len(self.stored) > 1 else ()
        if scores.shape[1:] != wanted:
            message = f"the model predicts something else than {', '.join(self.stored)}"
            raise UserError(message, "bundle a model of this problem: `make bundle`")

    def to_response_columns(self, scores: Scores) -> dict[str, list[Any]]:
        """What is told of some rows, field by field."""
        return {self.name: scores.tolist()}

    def to_response_rows(self, scores: Scores) -> list[dict[str, Any]]:
        """What is told of some rows, row by row."""
        name = self.name
        return [{name: score} for score in scores.tolist()]

    def to_stored_columns(self, scores: Scores) -> dict[str, np.ndarray]:
        """What is written down of some rows, column by column."""
        return dict(zip(self.stored, self._to_table(scores).T, strict=True))

    def to_stored_rows(self, scores: Scores) -> list[dict[str, float]]:
        """What is written down of some rows, row by row."""
        return [dict(zip(self.stored, row, strict=True)) for row in self._to_table(scores).tolist()]

    def _to_table(self, scores: Scores) -> np.ndarray:
        return scores.reshape(-1, len(self.stored))

    def select_explained_scores(self, walks: np.ndarray) -> np.ndarray:
        """Return the number to explain, of scores along walks that all end at the same row.

        Its shape is (walks, steps).
        """
        return walks

    def iter_buckets(self, scores: Scores) -> Iterable[Any]:
        """What each row is counted under."""
        return (int(score * 10) / 10 for score in scores.tolist())


class MulticlassFormat(PredictionFormat):
    """The answer where there are more than two."""

    title, name = "The likeliest class, and the probability of each,", "probability of the label"
    number = Annotated[float, Field(ge=0, le=1, description="Of the likeliest class")]
    counted = ("class that was answered", "class")

    @property
    def fields(self) -> dict[str, Any]:
        """Names and types of what is told of a row."""
        one: Any = Literal[tuple(self.classes)]
        label = Annotated[one, Field(description="The likeliest class")]
        return {
            "label": label,
            "probabilities": Annotated[dict[one, Share], Field(description="Of each class")],
        }

    def to_response_columns(self, scores: Scores) -> dict[str, list[Any]]:
        """What is told of some rows, field by field."""
        shares = [dict(zip(self.classes, row, strict=True)) for row in scores.tolist()]
        return {"label": list(self.iter_buckets(scores)), "probabilities": shares}

    def to_response_rows(self, scores: Scores) -> list[dict[str, Any]]:
        """What is told of some rows, row by row."""
        columns = self.to_response_columns(scores)
        return [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]

    def select_explained_scores(self, walks: np.ndarray) -> np.ndarray:
        """The probability of the class that is the likeliest where the walks end."""
        picked: np.ndarray = walks[..., walks[0, -1].argmax()]
        return picked

    def iter_buckets(self, scores: Scores) -> Iterable[Any]:
        """What each row is counted under."""
        return (self.classes[place] for place in scores.argmax(axis=1).tolist())


class RegressionFormat(PredictionFormat):
    """The answer where the target is a number, in its units."""

    title, name = "Prediction", "prediction"
    number = Annotated[float, Field(description="In the units of the target")]
    counted = ("power of ten that their prediction's size does not exceed", "size")
    apart = tuple(10.0**power for power in range(-3, 7))  # whatever the units are

    def iter_buckets(self, scores: Scores) -> Iterable[Any]:
        """What each row is counted under."""
        return (
            10.0 ** math.ceil(math.log10(abs(score))) if score else 0.0 for score in scores.tolist()
        )


FORMS: Mapping[str, type[PredictionFormat]] = {
    "binary": PredictionFormat,
    "multiclass": MulticlassFormat,
    "regression": RegressionFormat,
}
FORM = FORMS[problem.contract.TASK](problem.contract.CLASSES, problem.contract.ANSWERS)
