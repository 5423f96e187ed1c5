"""Engine: the same rows give the same bytes on any number of threads.

Damaged files are named.
"""

import gc
import weakref
from datetime import date
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis.backends.duckdb import Backend

from tarmac.interface.errors import UserError
from tarmac.pipeline import engine

ROWS = 300_000  # three row groups: enough for threads to race


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two files whose rows, in a jumbled order, are the numbers up to `ROWS`."""
    folder = tmp_path_factory.mktemp("shuffled")
    numbers = [number * 7919 % ROWS for number in range(ROWS)]
    paths = [folder / "one.parquet", folder / "two.parquet"]
    for path, part in zip(paths, (numbers[: ROWS // 3], numbers[ROWS // 3 :]), strict=True):
        pq.write_table(
            pa.table({"number": part, "text": [str(n % 97) for n in part]}),
            path,
            row_group_size=20_000,
        )
    return paths


def sums(backend: Backend, paths: list[Path]) -> ibis.Table:
    """A query that every thread can take a share of: a sum by group, joined back and sorted."""
    rows = engine.show_files(backend, "rows", paths)
    totals = rows.group_by("text").aggregate(total=rows.number.sum())
    return rows.inner_join(totals, "text").select("number", "text", "total").order_by("number")


def written(paths: list[Path], folder: Path, threads: int, how: str) -> Path:
    """A query of all rows, written in one of two ways."""
    folder.mkdir()
    out = folder / "all.parquet"
    backend = engine.connect_backend()
    backend.raw_sql(f"SET threads = {threads}")
    table = sums(backend, paths)
    if how == "write":
        engine.write_table(backend, table, out)
    else:
        engine.write_months(backend, engine.compile_query(backend, table), None, ["all"], folder)
    return out


@pytest.mark.parametrize("how", ["write", "write_months"])
def test_output_bytes_are_identical_across_threads_and_runs(
    shuffled: list[Path], tmp_path: Path, how: str
) -> None:
    runs = [
        written(shuffled, tmp_path / f"{run}", threads, how)
        for run, threads in enumerate((1, 4, 4))
    ]
    first, *others = [path.read_bytes() for path in runs]
    assert len(first) > ROWS
    assert all(other == first for other in others)


def test_written_rows_are_sorted_compressed_and_in_fixed_groups(
    shuffled: list[Path], tmp_path: Path
) -> None:
    for how in ("write", "write_months"):
        out = written(shuffled, tmp_path / how, 2, how)
        table, metadata = pq.read_table(out), pq.read_metadata(out)
        assert table["number"].to_pylist() == list(range(ROWS))
        assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [
            122880,
            122880,
            54240,
        ]
        assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_both_ways_of_writing_give_the_same_rows(shuffled: list[Path], tmp_path: Path) -> None:
    one, other = [written(shuffled, tmp_path / how, 2, how) for how in ("write", "write_months")]
    assert pq.read_table(one).equals(pq.read_table(other))


def test_failed_query_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "all.parquet"
    out.write_text("old")
    with pytest.raises(Exception, match="nowhere"):
        engine.write_months(
            engine.connect_backend(), "SELECT * FROM nowhere", None, ["all"], tmp_path
        )
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("all.parquet", "old")
    ]


def test_rows_in_memory_are_released_when_others_are_shown() -> None:
    backend = engine.connect_backend()
    held = weakref.ref(first := pa.table({"number": range(10)}))
    shown = engine.show_rows(backend, "rows", first)
    assert shown.number.sum().to_pyarrow().as_py() == 45
    del first
    shown = engine.show_rows(backend, "rows", pa.table({"number": [7]}))
    gc.collect()
    assert held() is None
    assert shown.number.sum().to_pyarrow().as_py() == 7


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", None])
def test_damaged_or_missing_file_is_named_among_good_ones(
    shuffled: list[Path], tmp_path: Path, content: bytes | None
) -> None:
    damaged = tmp_path / "damaged.parquet"
    if content is not None:
        damaged.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged\.parquet is "):
        engine.show_files(engine.connect_backend(), "rows", [*shuffled, damaged])


def test_compiled_query_reads_files_that_were_shown_last(shuffled: list[Path]) -> None:
    """Featurize compiles once and points the tables at one month after another."""
    backend = engine.connect_backend()
    query = engine.compile_query(
        backend, engine.show_files(backend, "rows", shuffled[:1]).count().as_table()
    )
    counts = []
    for paths in (shuffled[:1], shuffled, shuffled[1:]):
        engine.show_files(backend, "rows", paths)
        counts.append(backend.raw_sql(query).fetchone()[0])
    assert counts == [ROWS // 3, ROWS, ROWS - ROWS // 3]


def test_dates_are_one_row_and_can_be_shown_again() -> None:
    backend = engine.connect_backend()
    for day in (date(2013, 2, 28), date(2013, 3, 1)):
        shown = engine.show_dates(backend, "period", {"first": day, "after": date(2013, 4, 1)})
        assert backend.to_pyarrow(shown).to_pylist() == [{"first": day, "after": date(2013, 4, 1)}]


def test_engine_reads_instants_in_utc() -> None:
    noon = "SELECT TIMESTAMPTZ '2013-06-01 12:00:00+00' :: TIMESTAMP :: TEXT"
    assert engine.connect_backend().raw_sql(noon).fetchone() == ("2013-06-01 12:00:00",)
