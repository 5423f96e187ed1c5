"""Make more years than there are, to measure what many rows cost.

The stored year is repeated, never twice the same. The stored year is the first one, row by row. The
later years follow it, because clocks and aircraft of the future are known. Those of a century ago
are not: there was no summer time, and nothing was built yet.

A later week is a week of the stored year, at most `SPREAD` weeks from its own position in it. It
has all flights and weather of each day. Delays and weather are shifted a little, so that no later
day reveals the labels of an earlier one.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flights.contract.columns import MONTHLY
from flights.tables.raw import RAW_TYPES
from flights.tables.schema import HOME_ZONE, KEYS
from tarmac.ingest.pinned_distribution import RAW, write_tables
from tarmac.interface.errors import UserError, exit_on_user_error

Frame: TypeAlias = pd.DataFrame
Days: TypeAlias = list[date]
SEED, SPREAD, WEEK = 2013, 2, 7
SLIP = 5.0  # minutes, the standard deviation of what is added to a delay at each end of the journey
# Of a day's weather, in the units of the source; dew point moves with temp.
SHIFT = {"temp": 2.0, "pressure": 2.0}
SERVICE = 25  # years until an aircraft is replaced by a new one of its kind
# First letters of those that replace another; every register entry of the stored year has N.
NEXT = "ABCEFGHIJK"
LATEST = 2100  # no aircraft may be built later


@dataclass(frozen=True)
class Source:
    """The stored year: each monthly table as one, and the rows of every day.

    The rows of a day are the first and last position of a slice.
    """

    year: int
    tables: dict[str, Frame]
    places: dict[str, dict[tuple[int, int], tuple[int, int]]]
    built: "pd.Series[int]"  # by tail number, of the aircraft whose year is known

    @classmethod
    def of(cls, tables: Mapping[str, pa.Table]) -> "Source":
        """Return the first year of some raw tables, named as files.

        Raise `UserError` if the year lacks a month.
        """
        months = sorted(
            name.split("/")[1] for name in tables if name.startswith(f"{MONTHLY[-1]}/")
        )[:12]
        year = months[0][:4] if months else ""
        if months != [f"{year}-{number:02}" for number in range(1, 13)]:
            message = f"the stored year is not whole: it has {', '.join(months) or 'no month'}"
            raise UserError(message, "write the whole year: `make ingest`")
        frames = {}
        for name in MONTHLY:
            whole = pa.concat_tables(tables[f"{name}/{month}"] for month in months)
            frames[name] = whole.to_pandas(types_mapper=pd.ArrowDtype)
        planes = (
            tables["planes"]
            .to_pandas()
            .dropna(subset="year")
            .set_index("tailnum")["year"]
            .astype(int)
        )
        return cls(
            int(year),
            frames,
            {name: _find_day_slices(frame) for name, frame in frames.items()},
            planes,
        )


def write_years(years: int, out: Path, raw: Path = RAW) -> list[Path]:
    """Write so many years under the new folder `out`, and return the paths.

    They are made of the first year in `raw`.

    Raise `UserError` if `out` is not empty, or if `raw` lacks a month of the year.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} already exists, and is not an empty folder", "choose a new folder")
    names = {
        path: str(path.relative_to(raw).with_suffix("")) for path in sorted(raw.rglob("*.parquet"))
    }
    return write_tables(
        iter_tables({name: pq.read_table(path) for path, name in names.items()}, years), out
    )


def iter_tables(tables: Mapping[str, pa.Table], years: int) -> Iterator[tuple[str, pa.Table]]:
    """Yield `(path under data/raw without suffix, table)` for so many years.

    They start with the first stored year.

    The same tables give the same rows, whatever the number of years. One month is in memory at a
    time.
    """
    source = Source.of(tables)
    last = source.year + years - 1
    if last > source.year + SERVICE * len(NEXT):
        message = f"{years} years are too many: at most {SERVICE * len(NEXT) + 1} are supported"
        raise UserError(message, "choose fewer years")
    yield "airports", tables["airports"]
    yield "planes", _build_planes(tables["planes"], source, last)
    for name, table in tables.items():
        if "/" in name and name.split("/")[1].startswith(f"{source.year}-"):
            yield name, table
    for year in range(source.year + 1, last + 1):
        yield from iter_year_tables(source, year)


def iter_year_tables(source: Source, year: int) -> Iterator[tuple[str, pa.Table]]:
    """Yield the monthly tables of a later year."""
    draw = np.random.default_rng([SEED, year])
    days = [
        date.fromordinal(n)
        for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
    ]
    pairs = list(zip(days, _draw_days(days, source.year, draw), strict=True))
    for number in range(1, 13):
        month = [(day, was) for day, was in pairs if day.month == number]
        yield (
            f"weather/{year}-{number:02}",
            _to_arrow("weather", _build_weather(source, month, draw)),
        )
        yield (
            f"flights/{year}-{number:02}",
            _to_arrow("flights", _build_flights(source, month, draw)),
        )


def _find_day_slices(frame: Frame) -> dict[tuple[int, int], tuple[int, int]]:
    """First and last place of the rows of every month and day: they stand together."""
    groups = frame.groupby([frame["month"].astype(int), frame["day"].astype(int)]).indices
    return {
        (int(month), int(day)): (rows[0], rows[-1] + 1) for (month, day), rows in groups.items()
    }


def _draw_days(days: Days, year: int, draw: np.random.Generator) -> Days:
    """Return a day of `year` for each day of a later year.

    It has the same weekday and is near in the season. The days of a week stay together.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    weeks = draw.integers(-SPREAD, SPREAD + 1, size=len(days) // WEEK + 1) * WEEK
    drawn = []
    for number, day in enumerate(days):
        same = date(year, day.month, min(day.day, 28) if day.month == 2 else day.day)
        nearest = same + timedelta((day.weekday() - same.weekday() + 3) % WEEK - 3)
        there = nearest + timedelta(int(weeks[number // WEEK]))
        while not first <= there <= last:
            there += timedelta(WEEK if there < first else -WEEK)
        drawn.append(there)
    return drawn


def _move_rows(source: Source, table: str, month: list[tuple[date, date]]) -> Frame:
    """Return the rows of the drawn days with the dates of their new ones.

    Rows at an hour that the clocks skip are left out.
    """
    frame, places = source.tables[table], source.places[table]
    spans = [(day, *places.get((was.month, was.day), (0, 0))) for day, was in month]
    rows = frame.take(np.concatenate([np.arange(low, high) for _, low, high in spans])).reset_index(
        drop=True
    )
    counts = [high - low for _, low, high in spans]
    for name in ("year", "month", "day"):
        rows[name] = np.repeat([getattr(day, name) for day, _, _ in spans], counts)
    local = (
        pd.to_datetime(rows[["year", "month", "day", "hour"]].astype(int))
        .astype("datetime64[s]")
        .dt
    )
    utc = local.tz_localize(
        HOME_ZONE, ambiguous=np.ones(len(rows), dtype=bool), nonexistent="NaT"
    ).dt.tz_convert("UTC")
    rows["time_hour"] = utc.dt.tz_localize(None)
    return rows[utc.notna()].drop_duplicates(KEYS[table], ignore_index=True)


def _build_weather(
    source: Source, month: list[tuple[date, date]], draw: np.random.Generator
) -> Frame:
    """Return the weather of the drawn days.

    Each day is a little warmer or colder, and of higher or lower pressure.
    """
    rows = _move_rows(source, "weather", month)
    for name, width in SHIFT.items():
        by_day = draw.normal(0, width, size=32).round(2)[rows["day"].to_numpy(dtype=int)]
        for column in (name, "dewp") if name == "temp" else (name,):
            rows[column] = (rows[column] + by_day).round(2)
    return rows


def _build_flights(
    source: Source, month: list[tuple[date, date]], draw: np.random.Generator
) -> Frame:
    """Return the flights of the drawn days, by the aircraft of the year.

    They are a few minutes earlier or later.
    """
    rows = _move_rows(source, "flights", month)
    out, home = (draw.normal(0, SLIP, size=len(rows)).round().astype(int) for _ in range(2))
    for end, slip in (("dep", out), ("arr", out + home)):
        delay, time = rows[f"{end}_delay"] + slip, rows[f"{end}_time"]
        scheduled = rows[f"sched_{end}_time"]
        minutes = scheduled // 100 * 60 + (scheduled - scheduled // 100 * 100) + delay
        minutes -= (minutes - 1) // 1440 * 1440  # midnight is 2400, as the source has it
        rows[f"{end}_delay"] = delay
        rows[f"{end}_time"] = (minutes // 60 * 100 + (minutes - minutes // 60 * 60)).where(
            delay.notna(), time
        )
    newer = _count_replacements(source, month[0][0].year)
    names = {tail: _format_tail(tail, number) for tail, number in newer.items() if number}
    rows["tailnum"] = rows["tailnum"].map(lambda tail: names.get(tail, tail), na_action="ignore")
    return rows


def _count_replacements(source: Source, year: int) -> "pd.Series[int]":
    """How often each aircraft has been replaced until a year, by its tail number."""
    return (year - source.built) // SERVICE - (source.year - source.built) // SERVICE


def _format_tail(tail: str, generation: int) -> str:
    return f"{NEXT[generation - 1]}{tail[1:]}" if generation else tail


def _build_planes(planes: pa.Table, source: Source, last: int) -> pa.Table:
    """The register: every aircraft, and those that have replaced it until the last year."""
    frame = planes.to_pandas(types_mapper=pd.ArrowDtype)
    until = _count_replacements(source, last)
    parts = [frame]
    for number in range(1, int(until.max()) + 1):
        part = frame[frame["tailnum"].isin(until.index[until >= number])].copy()
        part["tailnum"] = part["tailnum"].map(
            lambda tail, number=number: _format_tail(tail, number)
        )
        part["year"] = (part["year"] + SERVICE * number).clip(upper=LATEST)
        parts.append(part)
    return _to_arrow("planes", pd.concat(parts, ignore_index=True))


def _to_arrow(name: str, frame: Frame) -> pa.Table:
    return pa.Table.from_pandas(
        frame, schema=RAW_TYPES[name], preserve_index=False
    ).replace_schema_metadata()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("years", type=int, help="how many")
    parser.add_argument("out", type=Path, help="a new folder for them")
    given = parser.parse_args()
    with exit_on_user_error():
        print(f"{len(write_years(given.years, given.out))} files written to {given.out}")
