"""A metric of the page has an interval where it is of this very number."""

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
def test_an_interval_of_another_number_is_left_out(known: Estimate, found: Estimate) -> None:
    name = TASK.main
    assert estimates(METRICS, Intervals(metrics={name: known}), "here")[name] == found


def test_a_commit_without_intervals_has_its_metrics() -> None:
    assert estimates(METRICS, Intervals(), "here") == dict.fromkeys(TASK.metrics, Estimate(VALUE))
    assert estimates(None, Intervals(), "here") == {}


@pytest.mark.parametrize("text", ["[]", '{"roc_auc": "high"}', '{"roc_auc": 1'])
def test_metrics_that_are_broken_are_named(text: str) -> None:
    with pytest.raises(SiteError, match=r"^here: "):
        estimates(text.replace("roc_auc", TASK.main), Intervals(), "here")
