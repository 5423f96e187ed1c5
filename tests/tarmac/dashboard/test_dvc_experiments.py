"""Experiments on the page: all that DVC stores, under any name, compared with their baseline."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tarmac.dashboard import build
from tarmac.dashboard.dvc_experiments import list_experiments
from tarmac.pipeline.base.paths import TEST_METRICS
from tests.commits import commit, run, work_in
from tests.tarmac.dashboard.cases import write_json

pytestmark = pytest.mark.pipeline

NAME = "<script>alert(1)<i>"  # Git takes it for the name of a reference


def dvc(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "dvc", *arguments, "--quiet"], check=True, capture_output=True
    )


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository with two experiments, by the commit that they started from."""
    work_in(tmp_path / "tried", monkeypatch)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "cache"))
    run("init", "--quiet")
    dvc("init")
    Path("dvc.yaml").write_text(f"metrics: [{TEST_METRICS}]\n")
    measure(2)
    baseline = commit()
    for name, depth in ((NAME, 5), ("worse", 1)):
        measure(depth)
        dvc("exp", "save", "--force", "--name", name)
    run("checkout", "--quiet", "--force", "HEAD")
    return baseline


def measure(depth: int) -> None:
    """Leave what a run with a parameter leaves."""
    Path("params.yaml").write_text(f"train:\n  depth: {depth}\n")
    write_json(TEST_METRICS, {"roc_auc": 0.7 + depth / 100, "log_loss": 0.5})


def test_experiments_are_listed_with_their_own_baseline(tried):
    commit(other_txt="a later commit has none")
    first, second = list_experiments()
    assert [(one.name, one.changed) for one in (first, second)] == [
        (NAME, {"train.depth": 5}),
        ("worse", {"train.depth": 1}),
    ]
    assert {one.baseline for one in (first, second)} == {tried}
    assert (first.metrics["roc_auc"], first.before["roc_auc"]) == (0.75, 0.72)
    build.build_page()
    text = build.PAGE.read_text()
    assert text.count("<script") == 1
    table = re.search(r"From commit.*?</table>", text, re.DOTALL)[0]
    assert "&lt;script&gt;alert(1)&lt;i&gt;" in table
    assert "train.depth=5" in table
    assert "+0.0300" in table


def test_lists_no_experiments_without_dvc_repository(tmp_path, monkeypatch):
    work_in(tmp_path / "none", monkeypatch)
    run("init", "--quiet")
    commit()
    assert list_experiments() == []  # DVC would refuse: this is no repository of it
