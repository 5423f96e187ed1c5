"""Metrics on the page have an interval only where it belongs to the same value."""

import json

import pytest

from tarmac.dashboard.commit_metrics import build_estimates
from tarmac.dashboard.records import EstimateRecord, IntervalsRecord
from tarmac.dashboard.source_files import DashboardError
from tarmac.pipeline.base.params import TASK

VALUE = 0.77322512345
METRICS = json.dumps(dict.fromkeys(TASK.metrics, VALUE))


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (EstimateRecord(0.773225, 0.75, 0.79), EstimateRecord(VALUE, 0.75, 0.79)),
        (EstimateRecord(0.773225), EstimateRecord(VALUE)),
        (EstimateRecord(0.773226, 0.75, 0.79), EstimateRecord(VALUE)),
        (EstimateRecord(None, 0.75, 0.79), EstimateRecord(VALUE)),
    ],
)
def test_interval_is_shown_only_for_its_own_value(
    known: EstimateRecord, found: EstimateRecord
) -> None:
    name = TASK.main_metric
    assert build_estimates(METRICS, IntervalsRecord(metrics={name: known}), "here")[name] == found


def test_metrics_without_intervals_are_kept() -> None:
    assert build_estimates(METRICS, IntervalsRecord(), "here") == dict.fromkeys(
        TASK.metrics, EstimateRecord(VALUE)
    )
    assert build_estimates(None, IntervalsRecord(), "here") == {}


@pytest.mark.parametrize("text", ["[]", '{"roc_auc": "high"}', '{"roc_auc": 1'])
def test_invalid_metrics_raise_error_naming_their_source(text: str) -> None:
    with pytest.raises(DashboardError, match=r"^here: "):
        build_estimates(text.replace("roc_auc", TASK.main_metric), IntervalsRecord(), "here")
