"""Parquet files: a file is complete and readable, or it is refused by name."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.parquet import check_parquet, count_rows, read_table


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"number": list(range(1000))}), path)
    return path


def test_whole_file_is_accepted_and_counted(whole: Path) -> None:
    check_parquet(whole)
    assert count_rows(whole) == 1000


def test_file_without_rows_is_accepted(tmp_path: Path) -> None:
    pq.write_table(pa.table({"number": pa.array([], "int64")}), tmp_path / "none.parquet")
    check_parquet(tmp_path / "none.parquet")
    assert count_rows(tmp_path / "none.parquet") == 0


def test_missing_file_is_reported_with_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.parquet is missing") as caught:
        check_parquet(tmp_path / "none.parquet")
    assert caught.value.hint.startswith("fetch it with `make pull`")


def test_folder_is_reported_as_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing"):
        check_parquet(tmp_path)


@pytest.mark.parametrize("kept", [0, 3, 4, 8, 500, -1])
def test_file_cut_short_is_refused_at_any_length(whole: Path, kept: int) -> None:
    whole.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(
        UserError, match=r"whole\.parquet is not a complete Parquet file \([\d,]+ bytes\)"
    ):
        check_parquet(whole)


def test_file_without_its_first_byte_is_refused(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes()[1:])
    with pytest.raises(UserError, match="not a complete Parquet file"):
        check_parquet(whole)


@pytest.mark.parametrize(
    "content", [b"day,carrier\n2013-01-01,UA\n", b"PAR1", b"PAR1PAR1", b"x" * 11 + b"PAR1"]
)
def test_content_that_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.parquet"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"not a complete Parquet file \({len(content)} bytes\)"):
        check_parquet(path)


def write_many(path: Path, table: pa.Table, times: int, **options: object) -> None:
    with pq.ParquetWriter(path, table.schema, **options) as writer:
        for _ in range(times):
            writer.write_table(table)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "times", "options"),
    [
        ([0] * 1_000_000, 300, {}),
        ([None] * 1_000_000, 300, {}),
        (["x" * 24_000] * 1000, 100, {}),
    ],
    ids=["one value repeated", "nothing repeated", "one long text repeated"],
)
def test_small_file_that_expands_to_gigabytes_is_refused(
    tmp_path: Path, values: list, times: int, options: dict
):
    path = tmp_path / "bomb.parquet"
    write_many(path, pa.table({"x": values}), times, compression="zstd", **options)
    assert path.stat().st_size < 3_000_000
    with pytest.raises(
        UserError,
        match=r"bomb\.parquet \([\d,]+ bytes\) would take 2\.4 GB in memory, the limit is 2\.1",
    ):
        check_parquet(path)


def test_file_below_memory_limit_is_accepted(tmp_path: Path) -> None:
    write_many(tmp_path / "large.parquet", pa.table({"x": [0] * 1_000_000}), 200)
    check_parquet(tmp_path / "large.parquet")


def test_file_with_damaged_pages_is_refused_with_remedy(tmp_path: Path) -> None:
    path = tmp_path / "damaged.parquet"
    pq.write_table(
        pa.table({"text": [f"text {number}" for number in range(5000)]}), path, compression="zstd"
    )
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"damaged\.parquet cannot be read \(.+\)") as caught:
        check_parquet(path)
    assert caught.value.hint.startswith("delete it and fetch it again")


def test_table_with_damaged_pages_of_numbers_is_refused_with_remedy(whole: Path) -> None:
    assert read_table(whole).num_rows == 1000
    data = bytearray(whole.read_bytes())
    data[4:200] = b"\xff" * 196
    whole.write_bytes(data)
    check_parquet(whole)
    with pytest.raises(UserError, match=r"whole\.parquet cannot be read \(.+\)$") as caught:
        read_table(whole)
    assert caught.value.hint.startswith("delete it and fetch it again")
