"""What is written is for a machine and for a person: rounded, whole, the same twice, and harmless."""

import json

import cmarkgfm
import numpy as np
import pytest
from cmarkgfm.cmark import Options

from tarmac.monitoring import run
from tarmac.monitoring.checks import Check
from tarmac.monitoring.judge import judge
from tarmac.monitoring.report import report
from tarmac.registry.live_model import Live
from tests.tarmac.monitoring.simulated import DAYS, SPLIT, reference, world
from tests.tarmac.monitoring.test_judge import NEXT, PARAMS


@pytest.fixture(scope="module")
def found() -> dict:
    draw = np.random.default_rng(1)
    known, observed = reference(draw), world(draw, NEXT, DAYS, fault=0.7)
    judged = judge(observed, known, SPLIT, PARAMS)
    judged.checks.append(Check("slice", "a|b", "watch", "<script>@octocat</script>"))
    return run.facts(observed, known, Live("v0.0.1", "abc", "123", SPLIT, None), judged, PARAMS)


def test_the_record_is_no_json_or_is_another_the_second_time(found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run.write(found, report(found))
    first = (run.OUT / "monitoring.json").read_bytes()
    run.write(json.loads(first), report(json.loads(first)))
    assert (run.OUT / "monitoring.json").read_bytes() == first
    assert json.loads(first) == found
    assert {"verdict", "decision", "summary", "release", "period", "rows", "labelled", "model", "checks"} <= set(found)


def test_numbers_that_there_are_not_make_json_that_no_one_reads():
    assert run._plain({"a": float("nan"), "b": [1 / 3, 2], "c": {"d": "x"}}) == {
        "a": None,
        "b": [0.333333, 2],
        "c": {"d": "x"},
    }


def test_the_report_hides_what_is_wrong_or_lets_a_value_act(found):
    text = report(found)
    page = cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE)
    assert text.startswith("## 🔔 act: a new model is made")
    assert page.index("roc_auc") < page.index("Drift of the inputs")
    assert "<script" not in page.replace("&lt;script", "")
    assert "@octocat" not in page
    assert page.count("<table>") == 5
    for number in (f"{found['rows']:,}", "v0.0.1", "2013-01 to 2013-06"):
        assert number in page


def test_an_interval_that_is_not_known_breaks_the_report(found):
    metrics = [{**found["metrics"][0], "low": None, "high": None}]
    assert "| – |" in report({**found, "metrics": metrics, "features": [], "slices": [], "calibration": []})


@pytest.mark.parametrize(("tell", "verdict"), [(run.nothing, "ok"), (run.refuse, "act")])
def test_what_could_not_be_judged_is_not_told(tmp_path, monkeypatch, tell, verdict):
    monkeypatch.chdir(tmp_path)
    tell("because of <b>this</b>")
    written = json.loads((run.OUT / "monitoring.json").read_text())
    assert (written["verdict"], written["summary"], written["made"]) == (verdict, "because of <b>this</b>", "")
    assert "<b>" not in cmarkgfm.github_flavored_markdown_to_html((run.OUT / "report.md").read_text())
