"""What moved an answer: Shapley values by sampling, for whatever model the ONNX file holds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tarmac.interface.request import Row
from tarmac.serving.answer import build_response
from tarmac.serving.bundle import Bundle
from tarmac.serving.form import FORM, PredictionFormat
from tarmac.serving.online import InputArrays

ORDERS = 16  # orders of the inputs that are walked, and each of them backwards as well
SEED = 7
METHOD = (
    f"Shapley values of the {FORM.name} against training rows, an approximation: each of"
    " {walks} walks leads from a training row to this one, input by input, in an order drawn at"
    " random. Their sum is exact; each has its own standard error."
)


@dataclass(frozen=True)
class Explanation:
    """Explanation of one prediction by the contributions of its inputs.

    `base` is the mean prediction for the training rows walked from. It and all contributions sum to
    the prediction.
    """

    base: float
    names: list[str]
    contributions: np.ndarray
    errors: np.ndarray  # standard errors of the contributions
    walks: int


def compute_explanation(
    bundle: Bundle, inputs: InputArrays, form: PredictionFormat = FORM
) -> Explanation:
    """Explains the answer to the only row of `inputs`."""
    names = [*bundle.session.categories, *bundle.session.numbers]
    draw = np.random.default_rng(SEED)
    forward = np.array([draw.permutation(len(names)) for _ in range(ORDERS)])
    orders = np.stack([forward, forward[:, ::-1]], axis=1).reshape(-1, len(names))
    starts = np.repeat(draw.permutation(bundle.online.background.num_rows)[:ORDERS], 2)
    starts = np.resize(starts, len(orders))
    scores = form.select_explained_scores(_score_walks(bundle, inputs, orders, starts))
    steps = np.empty((len(orders), len(names)))
    np.put_along_axis(steps, orders, np.diff(scores, axis=1), axis=1)
    pairs = steps.reshape(-1, 2, len(names)).mean(axis=1)
    errors = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    return Explanation(float(scores[:, 0].mean()), names, pairs.mean(axis=0), errors, len(orders))


def build_explained_response(bundle: Bundle, rows: Sequence[Row]) -> dict[str, Any]:
    """The answer to one row, with what moved it, the largest contribution first."""
    inputs = bundle.build_inputs(rows)
    explanation = compute_explanation(bundle, inputs)
    values = [
        *inputs.categories[0].tolist(),
        *(None if math.isnan(one) else one for one in inputs.numbers[0].tolist()),
    ]
    lines = zip(
        explanation.names,
        values,
        explanation.contributions.tolist(),
        explanation.errors.tolist(),
        strict=True,
    )
    contributions = [
        dict(zip(("input", "value", "contribution", "error"), line, strict=True)) for line in lines
    ]
    contributions.sort(key=lambda line: -abs(line["contribution"]))
    parts = (
        bundle.score(inputs),
        bundle.list_missing_inputs(inputs),
        bundle.list_unknown_categories(inputs),
    )
    method = METHOD.format(walks=explanation.walks)
    return {
        **build_response("row", bundle.version, *parts),
        "base": explanation.base,
        "method": method,
        "contributions": contributions,
    }


def _score_walks(
    bundle: Bundle, inputs: InputArrays, orders: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Return the predictions along each walk, shape (walks, inputs + 1, …).

    Entry `n` of a walk is the prediction after `n` inputs were set to the row's own.
    """
    walks, steps = orders.shape
    rank = np.argsort(orders, axis=1)
    own = rank[:, None, :] < np.arange(steps + 1)[None, :, None]
    texts = len(bundle.session.categories)
    there = bundle.select_background_rows(starts)
    categories = np.where(own[..., :texts], inputs.categories[0], there.categories[:, None, :])
    numbers = np.where(own[..., texts:], inputs.numbers[0], there.numbers[:, None, :])
    every = walks * (steps + 1)
    rows = InputArrays(
        categories.reshape(every, texts), numbers.reshape(every, steps - texts).astype(np.float32)
    )
    scores = bundle.score(rows).astype(float)
    return scores.reshape(walks, steps + 1, *scores.shape[1:])
