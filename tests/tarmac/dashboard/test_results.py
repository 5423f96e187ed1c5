"""Metrics on the page have an interval only where it belongs to the same value."""

import json

import pytest

from tarmac.dashboard.reading import SiteError
from tarmac.dashboard.records import Estimate, Intervals
from tarmac.dashboard.results import estimates
from tarmac.pipeline.base.params import TASK

VALUE = 0.77322512345
METRICS = json.dumps(dict.fromkeys(TASK.metrics, VALUE))


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (Estimate(0.773225, 0.75, 0.79), Estimate(VALUE, 0.75, 0.79)),
        (Estimate(0.773225), Estimate(VALUE)),
        (Estimate(0.773226, 0.75, 0.79), Estimate(VALUE)),
        (Estimate(None, 0.75, 0.79), Estimate(VALUE)),
    ],
)
def test_interval_is_shown_only_for_its_own_value(known: Estimate, found: Estimate) -> None:
    name = TASK.main
    assert estimates(METRICS, Intervals(metrics={name: known}), "here")[name] == found


def test_metrics_without_intervals_are_kept() -> None:
    assert estimates(METRICS, Intervals(), "here") == dict.fromkeys(TASK.metrics, Estimate(VALUE))
    assert estimates(None, Intervals(), "here") == {}


@pytest.mark.parametrize("text", ["[]", '{"roc_auc": "high"}', '{"roc_auc": 1'])
def test_invalid_metrics_raise_error_naming_their_source(text: str) -> None:
    with pytest.raises(SiteError, match=r"^here: "):
        estimates(text.replace("roc_auc", TASK.main), Intervals(), "here")
