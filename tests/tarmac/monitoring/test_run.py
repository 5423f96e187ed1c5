"""Monitoring output: a record and a report.

Both are rounded, complete, reproducible and safe to render.
"""

import json

import cmarkgfm
import numpy as np
import pytest
from cmarkgfm.cmark import Options

from tarmac.monitoring import run
from tarmac.monitoring.checks import MonitoringCheck
from tarmac.monitoring.judge import evaluate_observed_rows
from tarmac.monitoring.report import render_report
from tarmac.registry.live_model import LiveModel
from tests.tarmac.monitoring.simulated import DAYS, SPLIT, reference, world
from tests.tarmac.monitoring.test_judge import NEXT, PARAMS


@pytest.fixture(scope="module")
def found() -> dict:
    draw = np.random.default_rng(1)
    known, observed = reference(draw), world(draw, NEXT, DAYS, fault=0.7)
    judged = evaluate_observed_rows(observed, known, SPLIT, PARAMS)
    judged.checks.append(MonitoringCheck("slice", "a|b", "warning", "<script>@octocat</script>"))
    return run.build_monitoring_record(
        observed, known, LiveModel("v0.0.1", "abc", "123", SPLIT, None), judged, PARAMS
    )


def test_record_is_valid_json_and_reproducible(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run.write_result(found, render_report(found))
    first = (run.OUT / "monitoring.json").read_bytes()
    run.write_result(json.loads(first), render_report(json.loads(first)))
    assert (run.OUT / "monitoring.json").read_bytes() == first
    assert json.loads(first) == found
    assert {
        "verdict",
        "decision",
        "summary",
        "release",
        "period",
        "rows",
        "labelled",
        "model",
        "checks",
    } <= set(found)


def test_record_rounds_numbers_and_replaces_nan_with_null():
    assert run._to_json_value({"a": float("nan"), "b": [1 / 3, 2], "c": {"d": "x"}}) == {
        "a": None,
        "b": [0.333333, 2],
        "c": {"d": "x"},
    }


def test_report_shows_findings_first_and_escapes_values(found):
    text = render_report(found)
    page = cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE)
    assert text.startswith("## 🔔 critical: a new model is made")
    assert page.index("roc_auc") < page.index("Drift of the inputs")
    assert "<script" not in page.replace("&lt;script", "")
    assert "@octocat" not in page
    assert page.count("<table>") == 5
    for number in (f"{found['rows']:,}", "v0.0.1", "2013-01 to 2013-06"):
        assert number in page


def test_report_shows_dash_for_unknown_interval(found):
    metrics = [{**found["metrics"][0], "low": None, "high": None}]
    assert "| – |" in render_report(
        {**found, "metrics": metrics, "features": [], "slices": [], "calibration": []}
    )


@pytest.mark.parametrize(
    ("tell", "verdict"), [(run.write_empty_result, "ok"), (run.write_failed_result, "critical")]
)
def test_records_and_escapes_reason_why_nothing_was_evaluated(tmp_path, monkeypatch, tell, verdict):
    monkeypatch.chdir(tmp_path)
    tell("because of <b>this</b>")
    written = json.loads((run.OUT / "monitoring.json").read_text())
    assert (written["verdict"], written["summary"], written["made"]) == (
        verdict,
        "because of <b>this</b>",
        "",
    )
    assert "<b>" not in cmarkgfm.github_flavored_markdown_to_html(
        (run.OUT / "report.md").read_text()
    )
