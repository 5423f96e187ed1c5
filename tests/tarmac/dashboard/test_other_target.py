"""The page of a regression problem without time mentions no classes, months or days."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.program

PAGE = """
from tarmac.interface.problem import problem
names = problem.contract
names.TASK, names.DAY, names.CLUSTERS, names.ANSWERS = \
"regression", None, ("house", "houses"), ("prediction",)
from tarmac.dashboard.build import render_page
from tarmac.dashboard.page_data import PageData
from tarmac.dashboard.records import CalibrationBin, EstimateRecord, IntervalsRecord, SliceRecord
from tarmac.dashboard.commit_metrics import CommitMetrics
found = {"r2": EstimateRecord(0.61, 0.55, 0.67)}
found |= {"rmse": EstimateRecord(91.2), "mae": EstimateRecord(70.1)}
found["calibration_error"] = EstimateRecord(12.5)
gas, oil = EstimateRecord(0.41, 0.3, 0.5), EstimateRecord(-0.2, -0.4, 0.1)
slices = [("gas", 120, gas), ("oil", 90, oil)]
slices = [SliceRecord(slice="heating", value=value, rows=rows, score=score) \
for value, rows, score in slices]
intervals = IntervalsRecord(slices=slices)
pairs = ((412.5, 430.25), (980, 955))
bins = [CalibrationBin(predicted=one, observed=two, rows=40) for one, two in pairs]
results = [CommitMetrics(name, name * 10, "2026-01-02", "why", (), found) for name in "ab"]
known = PageData("Rents", "abc", "2026-01-02", [], current=found, intervals=intervals, \
calibration=bins, results=results)
print(render_page(known))
"""


def test_regression_page_mentions_no_classes_or_months():
    command = [sys.executable, "-c", PAGE]
    page = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT / "src")}
    )
    text = " ".join(
        re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", page.stdout, flags=re.DOTALL).split()
    )
    assert (
        "R², test rows 0.610 95% interval 0.550 to 0.670, from resampled houses. "
        "0 is answering the mean"
    ) in text
    assert "The weakest slice is heating oil, R² -0.200 (-0.400 to 0.100)" in text
    assert "Predictions are off by 12.5000 on average" in text
    assert "955.0000 came true where 980.0000 was predicted" in text
    assert "make monitor LOG=JOURNAL" in text
    assert "commit RMSE MAE calibration error" in text
    assert not re.search(
        "ROC|AUC|Brier|probabilit|test months|resampled days|retraining worth", text
    )
