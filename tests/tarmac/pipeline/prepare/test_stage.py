"""prepare: the allowed share of invalid rows, and the error above it.

Memory is constant from month to month.
"""

import gc
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import months
from tarmac.pipeline.base.paths import RAW
from tarmac.pipeline.prepare.raw_tables import check_quarantine_share, validate_file
from tarmac.pipeline.prepare.stage import prepare_month_as_json
from tests.conftest import Workspace

PATH = Path("data/raw/flights/2013-02.parquet")


def broken(*lines: tuple[str, str, str, str]) -> pd.DataFrame:
    """Broken rules as `validation.validate_table` lists them: row, column, rule, action."""
    return pd.DataFrame(lines, columns=["row", "column", "rule", "action"]).assign(value="?")


def aside(
    count: int, column: str, rule: str, prefix: str = "row"
) -> list[tuple[str, str, str, str]]:
    return [(f"{prefix} {number}", column, rule, "set aside") for number in range(count)]


def test_error_for_invalid_month_lists_worst_rules_and_rows():
    rules = broken(
        *aside(3, "hour", "in_range"),
        *aside(9, "dest", "known", "b"),
        *aside(5, "day", "present", "c"),
        *aside(1, "tail", "unique", "d"),
    )
    with pytest.raises(UserError, match="invalid") as caught:
        check_quarantine_share(PATH, 1500, rules, 0.01)
    told = str(caught.value)
    more = "more than prepare.max_quarantine_share = 1.00% ("
    assert told.startswith(f"{PATH}: 1.20% of 1,500 rows are invalid, {more}")
    assert (
        "(worst rules: dest: known (9 rows), day: present (5 rows), hour: in_range (3 rows);"
        in told
    )
    assert "tail" not in told
    assert told.endswith("first rows: row 0, row 1, row 2)")
    assert "\n" not in told
    assert "raise `prepare.max_quarantine_share`" in caught.value.hint


@pytest.mark.parametrize(("rows", "stops"), [(99, True), (100, False), (101, False)])
def test_rejects_invalid_share_only_above_limit(rows, stops):
    rules = broken(*aside(1, "hour", "in_range"))
    if stops:
        with pytest.raises(UserError, match="1 rows"):
            check_quarantine_share(PATH, rows, rules, 0.01)
    else:
        check_quarantine_share(PATH, rows, rules, 0.01)


def test_a_row_that_breaks_three_rules_counts_once():
    rules = broken(*(line for rule in ("a", "b", "c") for line in aside(1, "hour", rule)))
    check_quarantine_share(PATH, 100, rules, 0.01)


def test_blanked_values_do_not_count_as_quarantined_rows():
    rules = broken(
        *((row, column, rule, "blanked") for row, column, rule, _ in aside(50, "tail", "known"))
    )
    check_quarantine_share(PATH, 100, rules, 0.01)


def test_valid_month_passes_with_zero_allowed_share():
    check_quarantine_share(PATH, 100, broken(), 0.0)


def test_memory_does_not_grow_from_month_to_month(
    finished_template: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(finished_template.path)
    lookups: dict[str, pd.DataFrame] = {}
    for table in (name for name in problem.contract.TABLES if name not in problem.contract.MONTHLY):
        lookups[table], _ = validate_file(table, None, RAW / f"{table}.parquet", lookups)
    held = []
    for month in [months.list_stored_months(RAW / problem.contract.MONTHLY[-1])[0]] * 4:
        prepare_month_as_json("duckdb", month, lookups, 1.0, tmp_path)
        gc.collect()
        held.append(pa.total_allocated_bytes())
    assert held[1:] == held[1:2] * 3
