"""Compute intervals of metrics by resampling whole clusters (days).

What befalls a day befalls many of its rows at once.

Labels and predictions have the shapes of `base.params.Task`; those of the calibration error are
`metrics.flatten_predictions`.

A resample is a row of `weights`: how often each cluster was drawn. Every metric is computed for all
resamples at once from sums by cluster. A resample thus costs a product of matrices and not a pass
over the rows.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import stdtrit

from tarmac.pipeline.metrics.metrics import Labels, Predictions, convert_to_float64

Clusters = np.ndarray  # number of the cluster of each row, 0 to clusters - 1, shape (rows,)
Weights = np.ndarray  # shape (resamples, clusters)
# A metric by resample, shape (resamples,); NaN where it has no value, as an AUC of one class.
Draws = np.ndarray
BINS = 15  # of the calibration error, where nothing else is said
CHUNK = 4_000_000  # numbers in memory at a time
MATRIX = 2**23  # numbers in memory of each of two tables of clusters and positives
NONE = (
    1e-10  # a share of the squares that is rounding: targets that vary by no more are all the same
)


def draw_weights(clusters: int, resamples: int, seed: int) -> Weights:
    """How often each of the clusters is drawn, with replacement, in every resample."""
    return (
        np.random.default_rng(seed)
        .multinomial(clusters, np.full(clusters, 1 / clusters), resamples)
        .astype(float)
    )


def compute_interval(
    estimate: float, draws: Draws, clusters: int, confidence: float
) -> tuple[float, float]:
    """Return the estimate plus and minus its margin, as the ends of an interval.

    The margin is Student's quantile times the resampled standard error, corrected for few clusters.
    The interval covers better than percentiles of the draws, which are too narrow with some sixty
    clusters.

    Return NaN twice if fewer than two resamples gave a number, or if there are fewer than two
    clusters.
    """
    known = draws[np.isfinite(draws)]
    if clusters < 2 or len(known) < 2:
        return float("nan"), float("nan")
    error = known.std(ddof=1) * np.sqrt(clusters / (clusters - 1))
    reach = float(stdtrit(clusters - 1, (1 + confidence) / 2) * error)
    return estimate - reach, estimate + reach


def resample_roc_auc(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Return the exact ROC-AUC by resample, shape (resamples,).

    Pairs won are counted once for each pair of clusters, and weighted by both.
    """
    count = weights.shape[1]
    order = np.argsort(p[y == 1], kind="stable")  # what is looked up in order is found sooner
    positives, of_positives = p[y == 1][order], cluster[y == 1][order]
    won = np.zeros((count, count))
    for number in range(count):
        negatives = np.sort(p[(y == 0) & (cluster == number)])
        below = np.searchsorted(negatives, positives) + np.searchsorted(
            negatives, positives, side="right"
        )
        won[:, number] = np.bincount(of_positives, below / 2, minlength=count)
    pairs = (weights @ _sum_by_cluster(y == 1, cluster, count)) * (
        weights @ _sum_by_cluster(y == 0, cluster, count)
    )
    return _divide_or_nan(((weights @ won) * weights).sum(axis=1), pairs)


def resample_average_precision(
    y: Labels, p: Predictions, cluster: Clusters, weights: Weights
) -> Draws:
    """Return the average precision by resample, shape (resamples,).

    It is the mean, over positives, of the precision at the positive's own probability.
    """
    count = weights.shape[1]
    order = np.argsort(-p[y == 1], kind="stable")
    positives, of_positives = p[y == 1][order], cluster[y == 1][order]
    everyone, alike = (
        [np.sort(p[chosen & (cluster == number)]) for number in range(count)]
        for chosen in (y >= 0, y == 1)
    )
    areas = np.zeros(len(weights))
    width = min(max(MATRIX // count, 1), max(len(positives), 1))
    step = max(CHUNK // width, 1)
    for first in range(0, len(positives), width):
        some, of_some = positives[first : first + width], of_positives[first : first + width]
        at_least, hits = (_count_at_least(lists, some) for lists in (everyone, alike))
        for start in range(0, len(weights), step):
            part = weights[start : start + step]
            precision = _divide_or_nan(part @ hits, part @ at_least)
            areas[start : start + step] += np.nansum(precision * part[:, of_some], axis=1)
    return _divide_or_nan(areas, weights @ _sum_by_cluster(y == 1, cluster, count))


def resample_log_loss(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Return the mean log loss by resample, shape (resamples,).

    Probabilities are clipped as scikit-learn clips those of double precision.
    """
    tiny = np.finfo("float64").eps
    sure = np.clip(np.where(y == 1, p.astype("float64"), 1 - p.astype("float64")), tiny, 1 - tiny)
    return _resample_mean(-np.log(sure), cluster, weights)


def resample_brier(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Brier score by resample: the mean squared distance of probability and label."""
    return _resample_mean((p.astype("float64") - y) ** 2, cluster, weights)


def resample_calibration_error(
    y: Labels, p: Predictions, cluster: Clusters, weights: Weights, bins: int = BINS
) -> Draws:
    """Expected calibration error by resample, in the equal-sized bins of all rows."""
    count, order = weights.shape[1], np.argsort(p, kind="stable")
    gap = p.astype("float64") - y
    gaps = [
        weights @ _sum_by_cluster(gap[part], cluster[part], count)
        for part in np.array_split(order, bins)
    ]
    return _divide_or_nan(np.abs(gaps).sum(axis=0), weights @ np.bincount(cluster, minlength=count))


def resample_ovr_roc_auc(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Return the mean ROC-AUC of each class against the others by resample, shape (resamples,).

    The mean is over the classes that the resample has.
    """
    p = convert_to_float64(p)
    draws = np.array(
        [resample_roc_auc(y == place, p[:, place], cluster, weights) for place in range(p.shape[1])]
    )
    return _divide_or_nan(np.nansum(draws, axis=0), np.isfinite(draws).sum(axis=0))


def resample_accuracy(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Share of rows by resample whose likeliest class is theirs."""
    return _resample_mean(p.argmax(axis=1) == y, cluster, weights)


def resample_class_log_loss(
    y: Labels, p: Predictions, cluster: Clusters, weights: Weights
) -> Draws:
    """Mean log loss by resample, of the probability of the row's own class."""
    return resample_log_loss(
        np.ones_like(y), convert_to_float64(p)[np.arange(len(y)), y], cluster, weights
    )


def resample_class_brier(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Return the Brier score by resample, shape (resamples,); 2 at worst.

    It is the mean of squared distances of probability and label, summed over the classes.
    """
    hits = np.arange(p.shape[1]) == y[:, np.newaxis]
    return _resample_mean(((convert_to_float64(p) - hits) ** 2).sum(axis=1), cluster, weights)


def resample_mae(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Mean absolute error by resample."""
    return _resample_mean(np.abs(convert_to_float64(p) - y), cluster, weights)


def resample_rmse(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Root of the mean squared error by resample."""
    root: np.ndarray = np.sqrt(_resample_mean((convert_to_float64(p) - y) ** 2, cluster, weights))
    return root


def resample_r2(y: Labels, p: Predictions, cluster: Clusters, weights: Weights) -> Draws:
    """Share of the targets' variance that is explained, by resample; NaN where they do not vary."""
    # The sums below would cancel far from zero.
    centred = y.astype("float64") - y.mean(dtype="float64")
    squares = _resample_mean(centred**2, cluster, weights)
    variance = squares - _resample_mean(centred, cluster, weights) ** 2
    variance[~(variance > NONE * squares)] = 0
    return 1 - _divide_or_nan(
        _resample_mean((convert_to_float64(p) - y) ** 2, cluster, weights), variance
    )


Metric = Callable[..., Draws]
METRICS: Mapping[str, Mapping[str, Metric]] = {
    "binary": {
        "roc_auc": resample_roc_auc,
        "average_precision": resample_average_precision,
        "log_loss": resample_log_loss,
        "brier": resample_brier,
        "calibration_error": resample_calibration_error,
    },
    "multiclass": {
        "roc_auc": resample_ovr_roc_auc,
        "accuracy": resample_accuracy,
        "log_loss": resample_class_log_loss,
        "brier": resample_class_brier,
        "calibration_error": resample_calibration_error,
    },
    "regression": {
        "r2": resample_r2,
        "rmse": resample_rmse,
        "mae": resample_mae,
        "calibration_error": resample_calibration_error,
    },
}


def _count_at_least(lists: list[Predictions], thresholds: Predictions) -> np.ndarray:
    """Count the values of each sorted list that are at least each threshold.

    Return an array of shape (lists, thresholds).
    """
    levels = np.empty((len(lists), len(thresholds)))
    for line, values in zip(levels, lists, strict=True):
        line[:] = len(values) - np.searchsorted(values, thresholds)
    return levels


def _sum_by_cluster(values: np.ndarray, cluster: Clusters, count: int) -> np.ndarray:
    return np.bincount(cluster, values.astype(float), minlength=count)


def _resample_mean(values: np.ndarray, cluster: Clusters, weights: Weights) -> Draws:
    count = weights.shape[1]
    return _divide_or_nan(
        weights @ _sum_by_cluster(values, cluster, count),
        weights @ np.bincount(cluster, minlength=count),
    )


def _divide_or_nan(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(
        above, below, out=np.full(np.shape(above), np.nan), where=below != 0
    )
    return ratio
