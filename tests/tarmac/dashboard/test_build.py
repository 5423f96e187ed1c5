"""The page as text: complete, correct, escaped, and identical wherever it is built."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tarmac.dashboard import build
from tarmac.dashboard.source_files import DashboardError
from tarmac.interface.errors import UserError
from tarmac.monitoring import run as monitoring
from tests.commits import run
from tests.conftest import ROOT
from tests.tarmac.dashboard.cases import MONTHS, month, summary, write_csv, write_json
from tests.tarmac.dashboard.conftest import FIRST, SECOND, save, tag

pytestmark = pytest.mark.slow

HOSTILE = (
    "</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'\"&"
)
SECTIONS = [module.__name__.rpartition(".")[2] for module in build.SECTIONS]
ROOTS = {"html", "head", "body", "style", "script", "header", "main", "footer"}


class Tags(HTMLParser):
    """How often each element stands on a page, and the text of what is no code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page() -> str:
    build.build_page()
    return build.PAGE.read_text()


def section(text: str, name: str) -> str:
    """What a section says, as plain text."""
    found = re.search(rf'<section id="{name}".*?</section>', text, re.DOTALL)
    assert found, f"no section {name}"
    return " ".join("".join(Tags(found[0]).text).split())


def test_sections_are_complete_and_in_order(full):
    assert re.findall(r'<section id="(\w+)"', full.read_text()) == SECTIONS


def test_first_section_matches_registry_and_monitoring(full):
    said = section(full.read_text(), "now")
    assert f"{SECOND} is in production. December 2013: ROC-AUC is proven lower by 0.018" in said
    assert "Now critical" in said
    assert "better, proven" in said
    assert "0.773" in said
    assert "95% interval 0.751 to 0.796" in said
    assert "The sections below describe this model." in said


def test_page_reports_when_production_has_another_model(year):
    lock = Path("dvc.lock").read_text()
    md5 = re.search(r"path: models/model.onnx\n\s+hash: md5\n\s+md5: (\w+)", lock)[1]
    Path("dvc.lock").write_text(lock.replace(md5, "0" * 32))
    assert "describe the model that is committed here, which is another" in section(page(), "now")


def test_chart_numbers_also_appear_as_text(full):
    text = full.read_text()
    assert section(text, "history").count("0.7732") >= 2
    for name in MONTHS:
        assert section(text, "backtest").count(name) >= 3
    for feature in month(MONTHS[-1])["features"]:
        assert f"{feature['psi']:.3f}" in section(text, "drift")
    assert "0.7977" in section(text, "slices") or "19,013" in section(text, "slices")
    assert "4.5%" in section(text, "calibration")
    assert "featurize" in section(text, "pipeline")
    assert "Intended use" in section(text, "card")
    assert "336,776" in section(text, "quality")


def test_inconclusive_gain_is_reported_as_not_proven(year):
    rows = summary()
    rows[2] |= {"over_never": 0.001, "over_never_low": -0.002, "over_never_high": 0.004}
    write_csv(Path("metrics/backtest/summary.csv"), rows)
    said = section(page(), "backtest")
    gain = "Retraining monthly gains 0.0121 ROC-AUC over never (+0.0073 to +0.0168)"
    assert f"{gain} and takes 10 trainings" in said
    assert "Retraining by policy gains nothing that is proven: +0.0010" in said


def test_uncommitted_file_is_shown_as_not_committed(year):
    path = Path("metrics/backtest/summary.csv")
    committed = run("log", "-1", "--format=%H", "--", str(path))[:9]
    assert f"{path} at {committed}" in section(build.PAGE.read_text(), "backtest")
    write_csv(path, [*summary()[:2], summary()[2] | {"minutes": 2.2}])
    text = page()
    assert f"{path} not committed" in section(text, "backtest")
    assert "with changes that are not committed" in text


def test_latest_monitoring_result_is_shown_before_its_commit(year):
    write_json(Path("monitoring/monitoring.json"), month("2014-01", "ok", labelled=False))
    text = page()
    assert "January 2014: nothing beyond policy" in section(text, "now")
    assert "monitoring/monitoring.json not committed" in section(text, "now")
    assert "January 2014, 0" in section(text, "drift") or "January 2014" in section(text, "drift")
    assert "January 2014" not in section(text, "calibration"), "no label, no calibration"


@pytest.mark.parametrize("tell", [monitoring.write_empty_result, monitoring.write_failed_result])
def test_monitoring_run_without_rows_keeps_shown_status(year, tell):
    before = section(build.PAGE.read_text(), "now")
    tell("nothing new has arrived")
    assert section(page(), "now") == before


def test_stored_record_overrides_older_monitoring_result(year):
    write_json(
        Path("monitoring/monitoring.json"), month(MONTHS[-1], "ok") | {"summary": "an old one"}
    )
    assert "an old one" not in section(page(), "now")


def test_build_is_deterministic_across_clones_and_locales(year, tmp_path, monkeypatch):
    first = build.PAGE.read_text()
    assert page() == first
    run("clone", "--quiet", ".", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "C")
    assert page() == first


def test_hostile_values_are_escaped(year):
    expected = Tags(build.PAGE.read_text()).counts
    found = month(MONTHS[-1], "critical") | {"summary": HOSTILE}
    found["checks"][-1] |= {"name": HOSTILE, "kind": HOSTILE, "reason": HOSTILE}
    found["features"][0]["feature"] = found["slices"][0]["value"] = found["model"]["version"] = (
        HOSTILE
    )
    write_json(Path(f"metrics/monitoring/{MONTHS[-1]}.json"), found)
    card = Path("models/card.md")
    card.write_text(
        card.read_text()
        .replace("`EWR`", HOSTILE)
        .replace("## Limits", f"## {HOSTILE}\n\n[a](https://x.org)")
    )
    intervals = Path("metrics/intervals.json")
    intervals.write_text(intervals.read_text().replace('"EWR"', json.dumps(HOSTILE)))
    dvc = Path("dvc.yaml")
    dvc.write_text(
        dvc.read_text().replace("desc: The model card", f"desc: {json.dumps(HOSTILE)} #")
    )
    save(HOSTILE, "2026-03-01")
    tag("model@v0.0.3", HOSTILE, "2026-03-02")
    text = page()
    tags = Tags(text)
    assert {name: tags.counts[name] for name in ROOTS} == {name: expected[name] for name in ROOTS}
    assert not {"img", "iframe", "object", "form", "base"} & tags.counts.keys()
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
    assert not [
        value
        for name, value in tags.attributes
        if name == "href" and not value.startswith(("#", "data:,"))
    ]
    assert "{{7*7}}" in "".join(tags.text)
    assert "alert(1)" in section(text, "slices")


def test_page_contains_no_external_url(full):
    named = set(re.findall(r"https?://[^\"'\s<]+", full.read_text()))
    assert named == {"http://www.w3.org/2000/svg"}


def test_page_of_new_repository_names_next_commands(bare):
    text = page()
    assert "No version is released yet" in section(text, "now")
    assert "make monitor" in section(text, "now")
    assert "1 commit changed the result" in section(text, "history")
    assert "make release" in section(text, "history")
    assert "make backtest" in section(text, "backtest")
    assert "dvc exp run -n NAME -S KEY=VALUE" in section(text, "experiments")
    assert "make monitor" in section(text, "drift")
    assert "committed it first" in section(text, "lineage")


def test_page_of_empty_repository_has_every_section(bare):
    run("rm", "-r", "--quiet", "metrics", "models", "dvc.yaml", "dvc.lock", "data", "params.yaml")
    save("nothing", "2026-01-02")
    run("checkout", "--quiet", "--orphan", "other")
    save("nothing", "2026-01-03")
    text = page()
    for name in SECTIONS:
        assert len(section(text, name)) > 40, name
    assert "make run" in section(text, "history")
    assert "dvc.yaml has no stage" in section(text, "pipeline")


@pytest.mark.parametrize(
    "name",
    [
        "metrics/evaluate/metrics.json",
        "metrics/prepare.json",
        "metrics/tables/calibration.csv",
        f"metrics/monitoring/{MONTHS[-1]}.json",
        "metrics/backtest/months.csv",
        "metrics/backtest/summary.csv",
        "monitoring/monitoring.json",
        "dvc.yaml",
        "dvc.lock",
    ],
)
def test_truncated_file_is_named_in_one_line_and_page_is_kept(year, name):
    write_json(Path("monitoring/monitoring.json"), month(MONTHS[-1], "critical"))
    before = build.PAGE.read_bytes()
    path = Path(name)
    kept = path.read_bytes()[: path.stat().st_size // 2 - 2]
    # YAML may be whole wherever it ends.
    path.write_bytes(kept[: kept.rindex(b"[") + 1] if name == "dvc.yaml" else kept)
    with pytest.raises(UserError, match=re.escape(name)) as told:
        build.build_page()
    assert len(str(told.value).splitlines()) == 1
    assert build.PAGE.read_bytes() == before, "the page before is lost"


@pytest.mark.program
def test_command_reports_error_in_one_line(year):
    Path("metrics/prepare.json").write_text('{"rows": {')
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", "from tarmac.cli import app; app()", "site"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: metrics/prepare.json: ")
    assert re.fullmatch(r"hint: .+`git restore metrics/prepare\.json`", hint)


def test_repository_without_commit_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("init", "--quiet")
    with pytest.raises(DashboardError, match="the repository has no commit"):
        build.build_page()


def test_versions_are_listed_latest_first(full):
    told = (
        section(full.read_text(), "history")
        .partition("the latest first")[2]
        .partition("The other metrics")[0]
    )
    assert re.findall(r"v0\.0\.\d", told) == [SECOND, FIRST]
