"""Monitoring and retraining policy in `params.yaml`: wrong levels and words are reported."""

import re

import pytest

from tarmac.policy import load_all_params
from tests.tarmac.policy.test_all_params import TEXT, mistakes, places, with_value

LINES = places(TEXT)


@pytest.mark.parametrize(
    ("key", "value", "told_at", "expected"),
    [
        (
            "monitor.drift.warning",
            "0.5",
            "monitor.drift",
            r"warning \(0.5\) must not be above critical \(0.25\)",
        ),
        ("monitor.days.critical", "-0.1", "monitor.days.critical", "greater than 0"),
        ("monitor.calibration", "1.5", "monitor.calibration", "less than or equal to 1"),
        ("monitor.decay.roc_auc", "0", "monitor.decay.roc_auc", "greater than 0"),
        ("retrain.every_months", "0", "retrain.every_months", "greater than or equal to 1"),
        ("retrain.test_months", "0", "retrain.test_months", "greater than or equal to 1"),
        ("retrain.release", "always", "retrain.release", "'manual' or 'automatic'"),
    ],
)
def test_reports_invalid_values_by_key_and_line(tmp_path, key, value, told_at, expected):
    path = tmp_path / "params.yaml"
    told = mistakes(path, with_value(TEXT, key, value))
    assert len(told) == 1, told
    assert re.match(
        rf"{re.escape(str(path))}:{LINES[told_at]}: {re.escape(told_at)}: .*{expected}", told[0]
    ), told[0]


def test_rejects_decay_of_metric_without_interval(tmp_path):
    text = TEXT.replace("  decay:\n    roc_auc: 0.02", "  decay:\n    calibration_error: 0.02")
    assert text != TEXT
    (told,) = mistakes(tmp_path / "params.yaml", text)
    assert "monitor.decay.calibration_error" in told


def test_schedule_can_be_disabled(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(with_value(TEXT, "retrain.every_months", "null"))
    assert load_all_params(path).retrain.every_months is None
