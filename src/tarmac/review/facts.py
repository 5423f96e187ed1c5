"""Everything that a review found out, before it is put into words."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tarmac.policy import ReviewParams
from tarmac.review.additions import Addition
from tarmac.review.base_predictions import MovedTestWindow
from tarmac.review.changes import Changes
from tarmac.review.compare import MetricChange, SliceChange
from tarmac.review.cost import ResultCost
from tarmac.review.data import DataDiff
from tarmac.review.verdict import ReviewCheck, has_no_failures, summarize_checks


@dataclass(frozen=True)
class Review:
    """The comparison of head with base and its judgement."""

    checks: list[ReviewCheck]
    no_base: str  # why there is nothing to compare with; empty where there is
    compared: Mapping[str, int]  # rows in common, only in base, only in head, with another label
    moved: MovedTestWindow | None  # what was done where head's test months are others than base's
    metrics: list[MetricChange]
    slices: list[SliceChange]
    row_wise: tuple[float, float] | None  # DeLong's interval of the difference in ROC-AUC
    policy: ReviewParams
    confidence: float
    data: DataDiff
    changes: Changes
    cost: tuple[ResultCost | None, ResultCost]
    lineage: Mapping[str, str]
    charts: list[tuple[str, str]]  # title and Mermaid text
    additions: Sequence[Addition] = ()  # where labels could be hidden, the largest first
    judge: str = (
        ""  # the commit whose code and policy judged; empty if it was the working tree's own
    )

    @property
    def is_passing(self) -> bool:
        """Whether the change may be merged by the policy."""
        return has_no_failures(self.checks)

    @property
    def head_name(self) -> str:
        """The short name of what was judged."""
        commit, *uncommitted = self.lineage["commit"].split(" ", 1)
        return " ".join([commit[:9], *uncommitted])

    @property
    def headline(self) -> str:
        """The verdict in one line of plain text."""
        return summarize_checks(self.checks)


def to_json_dict(review: Review) -> dict[str, Any]:
    """Return the review for a machine.

    `verdict` is `pass` or `fail`; a number that is not known is null.
    """
    verdict = {"verdict": "pass" if review.is_passing else "fail", "summary": review.headline}
    values = {
        field.name: getattr(review, field.name)
        for field in dataclasses.fields(review)
        if field.name != "charts"
    }
    return {**verdict, **_to_json_value(values)}


def _to_json_value(value: Any) -> Any:
    """What JSON has words for: it has none for NaN, dataclasses and models."""
    if isinstance(value, ReviewParams):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _to_json_value(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(name): _to_json_value(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json_value(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
