"""Metrics for Prometheus.

These are latency, scores, inputs that are missing or unknown, and which version answered.
"""

from collections import Counter as CountOf
from collections.abc import Iterable
from itertools import chain
from os import environ

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from tarmac.serving.form import FORM, Scores

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

requests = Counter("tarmac_requests", "Requests by route and status", ["route", "status"])
seconds = Histogram(
    "tarmac_request_seconds",
    "Time from the last byte of a request to its answer",
    ["route"],
    buckets=SECONDS,
)
rows = Counter("tarmac_rows", "Rows scored", ["version"])
scores = Counter("tarmac_scores", f"Rows by the {FORM.counted[0]}", ["version", FORM.counted[1]])
missing = Counter("tarmac_input_missing", "Rows with an input that was not known", ["input"])
unknown = Counter("tarmac_input_unknown", "Rows with a category that training never saw", ["input"])
apart = Histogram(
    "tarmac_shadow_difference",
    "Difference between shadow and live",
    ["version"],
    buckets=FORM.apart,
)
dropped = Counter("tarmac_shadow_dropped", "Rows that the shadow or the log was too slow for")
loads = Counter("tarmac_loads", "Bundles loaded, or refused", ["result"])
serving = Gauge(
    "tarmac_serving", "1 for the version that answers", ["version"], multiprocess_mode="mostrecent"
)


def count_predictions(
    version: str, values: Scores, absent: Iterable[list[str]], strange: Iterable[list[str]]
) -> None:
    """Count the answers to the rows of a request."""
    rows.labels(version).inc(len(values))
    for bucket, count in CountOf(FORM.iter_buckets(values)).items():
        scores.labels(version, bucket).inc(count)
    for meter, names_by_row in ((missing, absent), (unknown, strange)):
        for name, count in CountOf(chain.from_iterable(names_by_row)).items():
            meter.labels(name).inc(count)


def render_metrics() -> bytes:
    """All of it as Prometheus reads it, summed over the workers where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
