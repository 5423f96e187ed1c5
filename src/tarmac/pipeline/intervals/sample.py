"""Estimate metrics of rows that are evaluated together.

They have labels, clusters, and the resamples that every interval over them shares.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tarmac.interface.task import ERROR
from tarmac.pipeline.base.params import TASK, IntervalParams, Task
from tarmac.pipeline.intervals import bootstrap
from tarmac.pipeline.intervals.bootstrap import BINS
from tarmac.pipeline.metrics.metrics import Labels, Predictions, flatten_predictions

# Clusters whose pairs fit in memory: more are put together at random, which leaves the variance as
# it is.
MOST = 400


@dataclass(frozen=True)
class MetricEstimate:
    """A value and its interval; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Sample:
    """Labels and clusters of rows, and how often each resample holds each cluster."""

    y: Labels
    cluster: bootstrap.Clusters
    weights: bootstrap.Weights
    confidence: float
    bins: int  # of the calibration error
    task: Task

    @classmethod
    def from_rows(
        cls,
        y: "pd.Series[float]",
        cluster: "pd.Series[str]",
        params: IntervalParams,
        bins: int = BINS,
        task: Task = TASK,
    ) -> "Sample":
        """Draw the resamples for some rows."""
        codes, names = pd.factorize(cluster)
        if len(names) > MOST:
            codes = np.random.default_rng(params.seed).permutation(len(names))[codes] % MOST
        weights = bootstrap.draw_weights(
            min(max(len(names), 1), MOST), params.resamples, params.seed
        )
        return cls(y.to_numpy(), codes, weights, params.confidence, bins, task)

    def select_rows(self, places: np.ndarray) -> "Sample":
        """Some of the rows, in the same resamples."""
        return replace(self, y=self.y[places], cluster=self.cluster[places])

    @property
    def has_two_labels(self) -> bool:
        """Whether two distinct labels are there, without which most metrics have no value."""
        return len(np.unique(self.y)) > 1

    def compute_value(self, metric: str, p: Predictions) -> float:
        """Return the metric of some predictions over all rows.

        It is that of one resample, of one cluster that contains them all.
        """
        whole = replace(self, cluster=np.zeros_like(self.cluster))
        return float(whole._resample_metric(metric, p, np.ones((1, 1)))[0])

    def estimate_metric(self, metric: str, p: Predictions) -> MetricEstimate:
        """The metric of some predictions, with its interval where it has one."""
        value = self.compute_value(metric, p)
        if metric == ERROR:
            return MetricEstimate(value, float("nan"), float("nan"))
        return self._build_estimate(value, self._resample_metric(metric, p, self.weights))

    def estimate_difference(
        self, metric: str, before: Predictions, after: Predictions
    ) -> MetricEstimate:
        """Return the metric of `after` minus that of `before`, with its interval.

        Both are on the same rows and in the same resamples.
        """
        draws = [self._resample_metric(metric, p, self.weights) for p in (before, after)]
        return self._build_estimate(
            self.compute_value(metric, after) - self.compute_value(metric, before),
            draws[1] - draws[0],
        )

    def _resample_metric(
        self, metric: str, p: Predictions, weights: bootstrap.Weights
    ) -> bootstrap.Draws:
        estimator = bootstrap.METRICS[self.task.kind][metric]
        if metric != ERROR:
            return estimator(self.y, p, self.cluster, weights)
        return estimator(
            *flatten_predictions(self.y, p, self.task), self.cluster, weights, bins=self.bins
        )

    def _build_estimate(self, value: float, draws: bootstrap.Draws) -> MetricEstimate:
        low, high = bootstrap.compute_interval(
            value, draws, len(np.unique(self.cluster)), self.confidence
        )
        return MetricEstimate(value, low, high)
