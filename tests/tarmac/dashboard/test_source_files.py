"""Reading of records: complete ones are parsed, and invalid ones are refused with the cause.

A truncated record is invalid too.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.dashboard import source_files
from tarmac.dashboard.records import BacktestMonth, BacktestSummary, MonthRecord
from tarmac.dashboard.source_files import DashboardError
from tests.tarmac.dashboard.cases import lived, month, summary, write_csv

WHOLE = json.dumps(month("2013-12", "critical"))


@given(st.integers(0, len(WHOLE) - 1))
def test_truncated_record_is_refused(length):
    with pytest.raises(DashboardError, match=r"^a\.json: .+") as caught:
        source_files.parse_record(MonthRecord, WHOLE[:length], Path("a.json"))
    assert "`git restore a.json`" in caught.value.hint


def test_file_that_is_not_text_is_refused_with_its_place(tmp_path):
    path = tmp_path / "card.md"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(DashboardError, match=r"card\.md: not UTF-8 text \(byte 4\)$") as caught:
        source_files.read_text(path)
    assert "`git restore " in caught.value.hint
    with pytest.raises(DashboardError, match="cannot be read: Is a directory") as caught:
        source_files.read_text(tmp_path)
    assert caught.value.hint == f"check that {tmp_path} is a file that you may read"


def test_truncated_table_is_refused_unless_cut_at_row_end(tmp_path):
    path = tmp_path / "months.csv"
    write_csv(path, lived()[:2])
    whole = path.read_text()
    ends = [place for place, letter in enumerate(whole, 1) if letter == "\n"]
    assert len(source_files.read_rows(BacktestMonth, path)) == 2
    for length in range(len(whole)):
        path.write_text(whole[:length])
        if length not in ends[1:]:
            with pytest.raises(DashboardError, match=r"months\.csv"):
                source_files.read_rows(BacktestMonth, path)


@pytest.mark.parametrize(
    "key", ["checks", "features", "metrics", "calibration", "slices", "rows", "labelled", "model"]
)
def test_missing_key_of_month_takes_its_default(key):
    found = month("2013-12", "critical")
    del found[key]
    shown = source_files.parse_record(MonthRecord, json.dumps(found), Path("a.json"))
    assert getattr(shown, key) == MonthRecord.model_fields[key].default
    kept = [name for name in found if name in MonthRecord.model_fields and found[name]]
    assert [name for name in kept if not getattr(shown, name)] == []


def test_nan_and_blank_numbers_are_read_as_missing(tmp_path):
    found = month("2013-12", "critical")
    found["features"][0]["psi"] = float("nan")
    assert (
        source_files.parse_record(MonthRecord, json.dumps(found), Path("a.json")).features[0].psi
        is None
    )
    write_csv(tmp_path / "summary.csv", summary())
    assert source_files.read_rows(BacktestSummary, tmp_path / "summary.csv")[0].over_never is None


def test_unknown_verdict_is_refused():
    with pytest.raises(
        DashboardError, match=r"verdict: Input should be 'ok', 'warning' or 'critical'"
    ):
        source_files.parse_record(
            MonthRecord,
            json.dumps(month("2013-12", "critical") | {"verdict": "fine"}),
            Path("a.json"),
        )
