"""Compute DeLong's variance of the difference of two ROC-AUCs on the same rows.

It takes the rows for independent of each other.

Method: DeLong, DeLong and Clarke-Pearson (1988), with the midranks of Sun and Xu (2014).
"""

import numpy as np
from scipy.special import ndtri

from tarmac.pipeline.metrics.metrics import Labels, Predictions


def compute_auc_difference(
    y: Labels, first: Predictions, second: Predictions
) -> tuple[float, float]:
    """ROC-AUC of `second` minus that of `first`, and the standard error of this difference."""
    parts = [_compute_placements(y, p) for p in (first, second)]
    positive, negative = parts[1][0] - parts[0][0], parts[1][1] - parts[0][1]
    variance = positive.var(ddof=1) / len(positive) + negative.var(ddof=1) / len(negative)
    return float(positive.mean()), float(np.sqrt(variance))


def compute_difference_interval(
    y: Labels, first: Predictions, second: Predictions, confidence: float
) -> tuple[float, float]:
    """Normal interval of the difference by DeLong's standard error."""
    difference, error = compute_auc_difference(y, first, second)
    reach = float(ndtri((1 + confidence) / 2)) * error
    return difference - reach, difference + reach


def _compute_placements(y: Labels, p: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Return the placements of the positives and of the negatives.

    That is for each positive the share of negatives below it. For each negative it is the share of
    positives above it.
    """
    from scipy.stats import rankdata

    positives, negatives = p[y == 1], p[y == 0]
    ranks = rankdata(np.concatenate([positives, negatives]))
    above = (ranks[: len(positives)] - rankdata(positives)) / len(negatives)
    below = 1 - (ranks[len(positives) :] - rankdata(negatives)) / len(positives)
    return above, below
