"""Months and their files: no month is skipped, repeated or invented."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.months import (
    WHOLE,
    MonthsError,
    compute_month_bounds,
    list_months_between,
    list_stored_months,
    select_lookback_months,
)

MONTHS = st.tuples(st.integers(1970, 2099), st.integers(1, 12)).map(
    lambda parts: f"{parts[0]}-{parts[1]:02}"
)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_stored_lists_months_in_order_of_time(tmp_path: Path) -> None:
    touch(tmp_path, "2014-01.parquet", "2013-11.parquet", "2013-12.parquet", "notes.txt")
    assert list_stored_months(tmp_path) == ["2013-11", "2013-12", "2014-01"]


def test_stored_names_every_month_that_is_missing(tmp_path: Path) -> None:
    touch(tmp_path, "2013-01.parquet", "2013-03.parquet", "2013-06.parquet")
    with pytest.raises(
        MonthsError, match=r"has no 2013-02, 2013-04, 2013-05 between 2013-01 and 2013-06"
    ):
        list_stored_months(tmp_path)


@pytest.mark.parametrize("name", ["2013-13", "2013-1", "2013-01 (copy)", "all"])
def test_stored_rejects_and_names_file_not_named_like_month(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "2013-01.parquet", f"{name}.parquet")
    with pytest.raises(
        MonthsError, match=re.escape(f"{tmp_path / name}.parquet: not named like a month")
    ):
        list_stored_months(tmp_path)


@pytest.mark.parametrize("made", [True, False])
def test_stored_says_how_to_fetch_missing_files(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "flights"
    if made:
        folder.mkdir()
    with pytest.raises(MonthsError, match=r"flights has no monthly files") as caught:
        list_stored_months(folder)
    assert caught.value.hint.startswith("fetch them with")


def test_months_error_is_user_error() -> None:
    assert issubclass(MonthsError, UserError)  # which the stages turn into one line


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2013-01", "2013-01", ["2013-01"]),
        ("2013-11", "2014-02", ["2013-11", "2013-12", "2014-01", "2014-02"]),
        ("2012-01", "2012-03", ["2012-01", "2012-02", "2012-03"]),  # a leap February
    ],
)
def test_between_includes_both_ends(first: str, last: str, expected: list[str]) -> None:
    assert list_months_between(first, last) == expected


@given(MONTHS, st.integers(0, 60))
def test_between_neither_skips_nor_repeats_a_month(first: str, more: int) -> None:
    count = int(first[:4]) * 12 + int(first[5:]) - 1
    expected = [f"{month // 12}-{month % 12 + 1:02}" for month in range(count, count + more + 1)]
    assert list_months_between(first, expected[-1]) == expected


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        ("2013-03", (date(2013, 3, 1), date(2013, 4, 1))),
        ("2013-12", (date(2013, 12, 1), date(2014, 1, 1))),
        ("2012-02", (date(2012, 2, 1), date(2012, 3, 1))),
        ("2013-02", (date(2013, 2, 1), date(2013, 3, 1))),
    ],
)
def test_days_are_the_first_of_the_month_and_of_the_next(
    month: str, expected: tuple[date, date]
) -> None:
    assert compute_month_bounds(month) == expected


@given(MONTHS)
def test_days_cover_exactly_the_whole_month(month: str) -> None:
    first, after = compute_month_bounds(month)
    inside = {str(first + timedelta(days=day))[:7] for day in range((after - first).days)}
    assert inside == {month}
    assert str(first - timedelta(days=1))[:7] < month < str(after)[:7]


@pytest.mark.parametrize(
    ("month", "reach", "expected"),
    [
        ("2013-03", 25, ["2013-02", "2013-03"]),
        ("2013-03", 28, ["2013-02", "2013-03"]),  # back to the first of February
        ("2013-03", 29, ["2013-01", "2013-02", "2013-03"]),
        ("2013-03", 0, ["2013-03"]),
        ("2013-01", 25, ["2013-01"]),  # nothing is stored before
        ("2014-01", 1, ["2013-12", "2014-01"]),
    ],
)
def test_reaching_back_takes_months_of_past_days_and_none_later(
    month: str, reach: int, expected: list[str]
) -> None:
    assert (
        select_lookback_months(month, reach, list_months_between("2013-01", "2014-06")) == expected
    )


@given(MONTHS, st.integers(0, 100))
def test_reaching_back_has_a_file_for_every_day_of_the_reach(month: str, reach: int) -> None:
    first, _after = compute_month_bounds(month)
    found = select_lookback_months(month, reach, list_months_between("1969-01", "2100-12"))
    needed = {str(first - timedelta(days=day))[:7] for day in range(reach + 1)} | {month}
    assert set(found) == needed
    assert found == sorted(found)


def test_untimed_rows_are_one_file_that_covers_all_dates(tmp_path: Path) -> None:
    touch(tmp_path, "all.parquet")
    assert (
        list_stored_months(tmp_path)
        == list_months_between(WHOLE, WHOLE)
        == select_lookback_months(WHOLE, 25, [WHOLE])
        == [WHOLE]
    )
    first, after = compute_month_bounds(WHOLE)
    assert first < date(1900, 1, 1) < date(2900, 1, 1) < after
