"""Raw tables of the source distribution: typed, split by month, or refused with the cause."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from flights.source.distribution import raw_tables
from flights.tables.raw import RAW_TYPES
from tarmac.interface.errors import UserError
from tests.flights import rows, sdist

PATHS = {
    *(
        "planes",
        "airports",
        "flights/2013-01",
        "flights/2013-10",
        "weather/2013-01",
        "weather/2013-10",
    ),
}


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, pa.Table]:
    return dict(raw_tables(sdist.write(tmp_path / "source.tar.gz", sdist.texts())))


def test_tables_are_typed_and_split_by_month(tables: dict[str, pa.Table]) -> None:
    assert set(tables) == PATHS
    for path, table in tables.items():
        assert table.schema.equals(RAW_TYPES[path.split("/")[0]]), path


def test_reading_preserves_every_value(tables: dict[str, pa.Table]) -> None:
    for name, changes in sdist.ROWS.items():
        found = [
            row
            for path, table in sorted(tables.items())
            if path.split("/")[0] == name
            for row in table.to_pylist()
        ]
        expected = sorted(
            rows.table(name, *changes).to_pylist(), key=lambda row: row.get("month", 0)
        )
        assert [{**row, "name": ""} for row in found] == [
            {**row, "name": ""} for row in expected
        ], name


def test_rows_of_a_month_keep_their_order(tables: dict[str, pa.Table]) -> None:
    assert tables["flights/2013-01"]["flight"].to_pylist() == [1, 2]
    assert tables["flights/2013-10"]["flight"].to_pylist() == [3]


def test_na_is_a_missing_value_and_other_words_are_not(tmp_path: Path) -> None:
    texts = sdist.texts()
    texts["airports"] = texts["airports"].replace("Los Angeles Intl", "None")
    tables = dict(raw_tables(sdist.write(tmp_path / "source.tar.gz", texts)))
    assert tables["airports"]["name"].to_pylist()[:2] == ["None", None]
    assert tables["airports"]["tzone"].to_pylist()[1] is None
    assert tables["flights/2013-01"]["dep_time"].to_pylist() == [None, 905]
    assert tables["flights/2013-01"]["tailnum"].to_pylist()[0] is None


def test_instants_are_utc_without_a_zone(tables: dict[str, pa.Table]) -> None:
    assert tables["flights/2013-01"]["time_hour"].to_pylist()[0] == datetime(2013, 1, 2, 4)
    assert tables["weather/2013-01"]["time_hour"].to_pylist() == [datetime(2013, 1, 1, 6)]


@pytest.mark.parametrize(
    ("name", "change", "named"),
    [
        (
            "flights",
            lambda text: text.replace("sched_dep_time", "planned_dep_time"),
            "flights .*planned_dep_time",
        ),
        (
            "weather",
            lambda text: text.replace(",time_hour", ",time_hour,extra", 1),
            "weather .*extra",
        ),
        (
            "planes",
            lambda text: text.replace("tailnum,year", "year,tailnum"),
            "planes .*columns year, tailnum",
        ),
    ],
)
def test_unexpected_columns_are_refused_by_name(
    tmp_path: Path, name: str, change: Callable[[str], str], named: str
) -> None:
    texts = sdist.texts()
    path = sdist.write(tmp_path / "source.tar.gz", {**texts, name: change(texts[name])})
    with pytest.raises(UserError, match=f"{named}.*expected"):
        list(raw_tables(path))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("planes", ",149,", ",149.5,", "truncated"),
        ("planes", ",149,", ",40000,", "truncated"),
        ("planes", ",149,", ",many,", "many"),
        ("weather", "2013-01-01T06:00:00Z", "2013-01-01 06:00", "2013-01-01 06:00"),
    ],
)
def test_value_that_does_not_fit_its_type_is_refused(
    tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    texts = sdist.texts()
    assert old in texts[name]
    path = sdist.write(tmp_path / "source.tar.gz", {**texts, name: texts[name].replace(old, new)})
    with pytest.raises(UserError, match=message):
        list(raw_tables(path))
