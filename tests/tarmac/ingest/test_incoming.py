"""Incoming months: same rows give same bytes, and corrections are counted.

Refused files change nothing.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tarmac.ingest.incoming import merge_into_raw, read_incoming_tables
from tarmac.ingest.pinned_distribution import write_table
from tarmac.interface.errors import UserError
from tests.conftest import RAW, required
from tests.flights import small
from tests.tarmac.ingest.test_pinned_distribution import contents

MONTH, LIMIT = "2013-12", 0.01
Edit = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The real raw tables of the last months, with a tenth of the flights."""
    required("data/raw")
    small.write_raw(RAW, tmp_path / "raw")
    for path in (tmp_path / "raw").rglob("*.parquet"):
        write_table(pq.read_table(path), path)
    return tmp_path / "raw"


def files(
    raw: Path, folder: Path, flights: Edit = lambda rows: rows, suffix: str = ".csv"
) -> list[Path]:
    """December's tables as somebody else would send them, the flights edited."""
    folder.mkdir()
    written = []
    for name, edit in {"weather": lambda rows: rows, "flights": flights}.items():
        rows = edit(pq.read_table(raw / name / f"{MONTH}.parquet").to_pandas())
        path = folder / f"{name}{suffix}"
        if suffix == ".csv":
            rows.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ", na_rep="NA")
        else:
            rows.to_parquet(path, index=False)
        written.append(path)
    return written


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_month_from_file_has_same_bytes_as_from_distribution(raw, tmp_path, suffix):
    before = contents(raw)
    sent = files(raw, tmp_path / "sent", suffix=suffix)
    rows = {
        name: pq.read_metadata(raw / name / f"{MONTH}.parquet").num_rows
        for name in ("weather", "flights")
    }
    for name in rows:
        (raw / name / f"{MONTH}.parquet").unlink()
    told = merge_into_raw(read_incoming_tables(sent), LIMIT, raw)
    assert told == [f"{name}/{MONTH}: new, {count:,} rows" for name, count in rows.items()]
    assert contents(raw) == before


def test_ingesting_same_month_again_changes_nothing(raw, tmp_path):
    before, place = contents(raw), raw.stat().st_ino
    assert merge_into_raw(read_incoming_tables(files(raw, tmp_path / "sent")), LIMIT, raw) == []
    assert (contents(raw), raw.stat().st_ino) == (before, place)


def test_reports_rows_added_removed_and_changed_by_correction(raw, tmp_path):
    def corrected(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.drop(index=rows.index[:7])
        late = rows["arr_delay"].notna() & (rows.index < 40)
        rows.loc[late, "arr_delay"] += 1440
        return pd.concat([rows, rows.tail(3).assign(flight=[9996, 9997, 9998])])

    told = merge_into_raw(
        read_incoming_tables(files(raw, tmp_path / "sent", corrected)), LIMIT, raw
    )
    assert told == [f"flights/{MONTH}: corrected, 3 rows added, 7 removed, 33 changed"]


BROKEN: dict[str, tuple[Edit, str]] = {
    "rows doubled": (lambda rows: pd.concat([rows, rows]), "are invalid, more than"),
    "codes in another form": (
        lambda rows: rows.assign(carrier=rows["carrier"].str.lower()),
        "carrier: well_formed",
    ),
    "a day too late": (lambda rows: rows.assign(day=rows["day"] % 31 + 1), "hour: is_local"),
    "times in UTC": (lambda rows: rows.assign(hour=(rows["hour"] + 5) % 24), "hour: "),
    "delays in hours": (
        lambda rows: rows.assign(dep_delay=rows["dep_delay"] // 60),
        "dep_delay: of_clock",
    ),
    "delays beyond days": (
        lambda rows: rows.assign(arr_delay=rows["arr_delay"] + 9999),
        "arr_delay: delay_possible",
    ),
    "another city": (lambda rows: rows.assign(origin="ORD"), "origin: origin_known"),
    "no destinations": (lambda rows: rows.assign(dest=None), "dest: present"),
    "a column missing": (
        lambda rows: rows.drop(columns="tailnum"),
        "has the columns of no raw table",
    ),
    "a column more": (lambda rows: rows.assign(mood="good"), "has the columns of no raw table"),
    "words for numbers": (lambda rows: rows.assign(distance="far"), "sent/flights.csv: "),
    "fractions of minutes": (
        lambda rows: rows.assign(minute=rows["minute"] + 0.5),
        "sent/flights.csv: ",
    ),
    "a month after a gap": (
        lambda rows: rows.assign(year=2014, month=3),
        "has no 2014-01, 2014-02 between",
    ),
    "no row": (lambda rows: rows.head(0), "sent/flights.csv has no rows"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BROKEN)
def test_refuses_broken_month_and_keeps_existing_data(raw, tmp_path, kind):
    edit, said = BROKEN[kind]
    sent = files(raw, tmp_path / "sent", edit)
    before = contents(raw)
    with pytest.raises(UserError, match=r"\S") as caught:
        merge_into_raw(read_incoming_tables(sent), LIMIT, raw)
    assert said in str(caught.value)
    assert "partial" not in str(caught.value) + caught.value.hint
    assert contents(raw) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "sent"]


def test_hint_compares_columns_with_nearest_table(tmp_path):
    pd.DataFrame({"faa": ["EWR"], "nam": ["Newark"]}).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame({"one": [1]}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(
        UserError, match=r"has the columns of no raw table \(.+\): faa, nam$"
    ) as caught:
        read_incoming_tables([tmp_path / "a.csv"])
    assert caught.value.hint.startswith("to match the table airports: add alt, ")
    assert caught.value.hint.endswith("; remove nam")
    with pytest.raises(UserError, match=r": one$") as caught:
        read_incoming_tables([tmp_path / "b.csv"])
    assert caught.value.hint.startswith("check that the file is the right one")


def test_requires_every_table_of_new_month(raw, tmp_path):
    weather, _ = files(raw, tmp_path / "sent")
    for name in ("weather", "flights"):
        (raw / name / f"{MONTH}.parquet").unlink()
    with pytest.raises(UserError, match=r"raw/flights has no data for 2013-12$") as caught:
        merge_into_raw(read_incoming_tables([weather]), LIMIT, raw)
    assert caught.value.hint == "name its files for flights in the same command"


def test_rejects_unreadable_or_missing_file(tmp_path):
    for name, content in {"a.csv": b"", "b.parquet": b"PAR1", "c.csv": b"\xff\xfe\x00"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=name):
            read_incoming_tables([tmp_path / name])
    with pytest.raises(UserError, match=r"nowhere\.csv"):
        read_incoming_tables([tmp_path / "nowhere.csv"])


def test_rejects_two_files_of_same_month(raw, tmp_path):
    first, second = (files(raw, tmp_path / name)[1] for name in ("one", "two"))
    with pytest.raises(UserError, match="is the second file with rows of flights/2013-12"):
        read_incoming_tables([first, second])


def test_rejects_stored_month_of_other_schema(raw, tmp_path):
    sent = read_incoming_tables(files(raw, tmp_path / "sent"))
    path = raw / "flights" / f"{MONTH}.parquet"
    write_table(pq.read_table(path).drop_columns(["tailnum"]), path)
    before = contents(raw)
    shown = rf"raw/flights/{MONTH}\.parquet does not have the columns and types of its raw table: "
    with pytest.raises(UserError, match=shown) as caught:
        merge_into_raw(sent, LIMIT, raw)
    assert caught.value.hint == f"delete it with `rm {path}`, then ingest its rows again"
    assert contents(raw) == before


def test_rejects_damaged_stored_month(raw, tmp_path):
    sent = read_incoming_tables(files(raw, tmp_path / "sent"))
    path = raw / "flights" / f"{MONTH}.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"raw/flights/{MONTH}\.parquet is not a complete Parquet"):
        merge_into_raw(sent, LIMIT, raw)
