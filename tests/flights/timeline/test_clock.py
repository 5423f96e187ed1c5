"""Clock times and instants, against Python's own time zone rules."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import ibis
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flights.timeline.clock import (
    build_utc_offsets,
    parse_clock_time,
    parse_day_minutes,
    to_epoch_minutes,
)

ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "America/Puerto_Rico",
    "Pacific/Honolulu",
)
EPOCH = datetime(1970, 1, 1)
FIRST, LAST = (date(2013, 1, 1) - EPOCH.date()).days, (date(2013, 12, 31) - EPOCH.date()).days


def whole_minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


@cache
def offsets() -> dict[tuple[str, int], int]:
    table = build_utc_offsets(list(ZONES), FIRST, LAST).to_pyarrow()
    return {(row["zone"], row["local_hour"]): row["offset"] for row in table.to_pylist()}


def test_offsets_cover_every_hour_of_the_days_and_no_other() -> None:
    assert set(offsets()) == {
        (zone, hour) for zone in ZONES for hour in range(FIRST * 24, (LAST + 1) * 24)
    }


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(ZONES), st.integers(FIRST * 1440, (LAST + 1) * 1440 - 1))
@example(
    "America/New_York", whole_minutes(datetime(2013, 3, 10, 2, 30) - EPOCH)
)  # a time that was never shown
@example(
    "America/New_York", whole_minutes(datetime(2013, 11, 3, 1, 30) - EPOCH)
)  # one that was shown twice
@example("America/Phoenix", whole_minutes(datetime(2013, 3, 10, 2, 30) - EPOCH))
def test_local_time_minus_offset_equals_utc_instant(zone: str, local: int) -> None:
    moment = (EPOCH + timedelta(minutes=local)).replace(tzinfo=ZoneInfo(zone))
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    assert local - offsets()[zone, local // 60] == whole_minutes(utc - EPOCH)


@pytest.mark.parametrize(
    ("zone", "local", "hours"),
    [
        ("America/New_York", "2013-03-10 01", -5),
        ("America/New_York", "2013-03-10 02", -5),  # skipped: as if the clocks had not moved
        ("America/New_York", "2013-03-10 03", -4),
        ("America/New_York", "2013-11-03 01", -4),  # repeated: its first pass
        ("America/New_York", "2013-11-03 02", -5),
        ("America/Phoenix", "2013-07-01 12", -7),
        ("Pacific/Honolulu", "2013-07-01 12", -10),
        ("America/Puerto_Rico", "2013-07-01 12", -4),
        ("America/Anchorage", "2013-07-01 12", -8),
    ],
)
def test_offsets_are_correct_around_clock_changes(zone: str, local: str, hours: int) -> None:
    hour = whole_minutes(datetime.fromisoformat(local) - EPOCH) // 60
    assert offsets()[zone, hour] == hours * 60


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_instant_is_the_days_first_minute_in_utc(day: date) -> None:
    found = parse_day_minutes(day.isoformat())
    assert EPOCH + timedelta(minutes=found) == datetime(day.year, day.month, day.day)
    assert found % 1440 == 0


def test_clock_converts_every_time_of_day_to_minutes() -> None:
    written = [hour * 100 + minute for hour in range(24) for minute in range(60)]
    shown = (
        ibis.memtable({"hhmm": [*written, 2400]})
        .mutate(read=lambda t: parse_clock_time(t.hhmm))
        .order_by("hhmm")
    )
    assert shown.to_pyarrow()["read"].to_pylist() == list(range(1441))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=9))
def test_minutes_count_from_1970_and_drop_seconds(moments: list[datetime]) -> None:
    shown = ibis.memtable({"at": moments}).mutate(count=lambda t: to_epoch_minutes(t.at))
    assert shown.to_pyarrow()["count"].to_pylist() == [
        whole_minutes(moment - EPOCH) for moment in moments
    ]


def test_minutes_of_a_date_and_of_an_instant_agree() -> None:
    shown = ibis.memtable({"day": [date(2013, 3, 10), date(2013, 11, 3)]}).mutate(
        count=lambda t: to_epoch_minutes(t.day)
    )
    assert shown.to_pyarrow()["count"].to_pylist() == [
        parse_day_minutes("2013-03-10"),
        parse_day_minutes("2013-11-03"),
    ]
