"""Rows to score in batches.

They are the requests of a client for the days that the bundle's tables cover.
"""

import csv
import json
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from tarmac.interface.problem import problem
from tests.conftest import required


@cache
def prepared() -> list[dict]:
    """Prepared flights that are decided on in the time that `data/online` covers."""
    facts = json.loads((required("data/online") / "facts.json").read_text())
    rows = pq.read_table(required("data/prepared") / "flights" / "2013-12.parquet").to_pylist()
    return [
        row
        for row in rows
        if row["sched_dep"] - facts["problem"]["lead_hours"] * 60 >= facts["since"]
    ]


def requests(count: int, every: int = 1) -> list[dict]:
    """What would be asked of some of them."""
    return [problem.request.asked(row) for row in prepared()[: count * every : every]]


def write(rows: list[dict], path: Path) -> Path:
    """Write rows as the suffix says, `live` as columns of its own."""
    flat = [
        {
            **{name: value for name, value in row.items() if name != "live"},
            **_live(row.get("live") or {}),
        }
        for row in rows
    ]
    names = sorted({name for row in flat for name in row})
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in flat])
    path.parent.mkdir(parents=True, exist_ok=True)
    (pc.write_csv if path.suffix == ".csv" else pq.write_table)(table, path)
    return path


def _live(given: dict) -> dict:
    return {f"live.{name}": value for name, value in given.items()}


def read(path: Path) -> list[dict]:
    """Score as rows."""
    if path.suffix == ".csv":
        types = pc.ConvertOptions(
            column_types={"probability": pa.float32(), "missing": pa.int16(), "unknown": pa.int16()}
        )
        return pc.read_csv(path, convert_options=types).to_pylist()
    return pq.read_table(path).to_pylist()


def rejected(path: Path) -> list[dict]:
    """Rejected rows; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def key(row: dict) -> tuple:
    return tuple(row[name] for name in problem.contract.KEY)
