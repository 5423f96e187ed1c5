"""Ingest: the same distribution gives the same bytes, and a failure leaves the old data alone."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tarmac.ingest.pinned_distribution import write_distribution
from tarmac.interface.errors import UserError
from tests.flights import sdist


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return sdist.write(tmp_path / "source.tar.gz", sdist.texts())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_source_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    first, second = (write_distribution(source, tmp_path / name) for name in ("first", "second"))
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert {str(path.relative_to(tmp_path / "first")) for path in first} == set(
        contents(tmp_path / "first")
    )
    assert len(first) == len(second) == 6


def test_files_have_no_arrow_metadata_and_use_zstd(source: Path, tmp_path: Path) -> None:
    """Check that the files have no Arrow schema in their metadata.

    It would change with Arrow's version, and repeat what Parquet says already.
    """
    for path in write_distribution(source, tmp_path / "raw"):
        assert pq.read_metadata(path).metadata is None
        assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"


def test_old_data_are_replaced_as_a_whole(source: Path, tmp_path: Path) -> None:
    stale = tmp_path / "raw" / "flights" / "2012-12.parquet"
    stale.parent.mkdir(parents=True)
    stale.touch()
    write_distribution(source, tmp_path / "raw")
    assert not stale.exists()


def test_refused_source_leaves_old_data_unchanged(source: Path, tmp_path: Path) -> None:
    write_distribution(source, tmp_path / "raw")
    before = contents(tmp_path / "raw")
    texts = sdist.texts()
    # The last table: the others are written by then.
    texts["airports"] = texts["airports"].replace("tzone", "zone")
    damaged = sdist.write(tmp_path / "damaged.tar.gz", texts)
    with pytest.raises(UserError, match="airports has columns"):
        write_distribution(damaged, tmp_path / "raw")
    assert contents(tmp_path / "raw") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "damaged.tar.gz",
        "raw",
        "source.tar.gz",
    ]
