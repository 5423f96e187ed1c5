"""The rows that probes are drawn from: there are some, also if the last month ends early."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.paths import FEATURES, PREPARED
from tarmac.pipeline.online.stage import read_recent_rows

LAST = date(2013, 12, 20)


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features and prepared rows of a month whose last rows are of the 20th."""
    monkeypatch.chdir(tmp_path)
    days = [str(LAST - timedelta(days=back)) for back in range(20)]
    for folder in (FEATURES, PREPARED / problem.contract.MONTHLY[-1]):
        folder.mkdir(parents=True)
        rows = pd.DataFrame({problem.contract.DAY: days})
        rows.to_parquet(folder / "2013-12.parquet")


@pytest.mark.parametrize(
    ("first", "count"), [(date(2013, 12, 18), 3), (LAST, 1), (date(2013, 12, 25), 1)]
)
def test_rows_are_of_the_last_days_that_have_some(month, first: date, count: int):
    recent, prepared = read_recent_rows(first)
    assert (len(recent), len(prepared)) == (count, 20)
    assert set(recent[problem.contract.DAY]) >= {str(LAST)}
