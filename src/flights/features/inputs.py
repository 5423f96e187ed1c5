"""Inputs of the features: a month's tables with enough of the past, and the parameters."""

from dataclasses import dataclass

from ibis import Table
from ibis.expr.types import IntegerScalar

from flights.contract.params import Params


@dataclass(frozen=True)
class FeatureInputs:
    """Inputs of every feature group.

    `flights` are prepared flights with `cut`, the instant the prediction is made, and `late`, the
    target. Rows before the instant `start` (minutes since 1970, UTC, one value) serve only as the
    past of those after it.
    """

    flights: Table
    weather: Table
    planes: Table
    start: IntegerScalar
    params: Params
