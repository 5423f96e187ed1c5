"""`python -m tarmac.batch.spark IN OUT`: what the batch does, on the workers of a Spark cluster.

They, and this machine, see input, output and bundle at the same paths.
"""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from tarmac.batch.__main__ import main
from tarmac.batch.plan import PathError, build_rejects_folder_path, list_input_files, lock_output
from tarmac.batch.run import compute_provenance, summarize_batch
from tarmac.batch.score import SCHEMA
from tarmac.batch.sink import HEADER, open_rejects
from tarmac.batch.source import PARQUET, check_file
from tarmac.batch.worker import ALL, FILE, PLACE, build_scorer
from tarmac.pipeline.base.outputs import replace_output, write_json
from tarmac.serving.bundle import Bundle
from tarmac.spark import session

MADE_FROM = "_tarmac.json"  # readers of a folder pass over a name like that


def predict_files(source: Path, out: Path, bundle: Bundle, most: float = 1.0) -> str:
    """Score a Parquet file or a folder of them into the folder `out`, and return what was done.

    Raise `UserError` if something cannot be read or written, if no row is valid, or if the share of
    rejected rows is above `most`. What was scored stays then.
    """
    from pyspark.sql import functions

    files = _list_parquet_files(source, out)
    with lock_output(out), session.watch_jobs():
        results = _score_files(
            files, source if source.is_dir() else source.parent, bundle.folder
        ).persist()
        counted = {
            row[0]: row[1] for row in results.groupBy(functions.isnull("json")).count().collect()
        }
        scores, rejected = (int(counted.get(kept, 0)) for kept in (True, False))
        kept = results.filter("json IS NULL").select(FILE, *SCHEMA.names)
        _write_scores(kept if source.is_dir() else kept.drop(FILE), out, compute_provenance(bundle))
        wrong = results.filter("json IS NOT NULL").select(FILE, *HEADER).orderBy(FILE, "row")
        _write_rejects(wrong.toLocalIterator(), build_rejects_folder_path(out))
        results.unpersist()
    note = {"rows": scores + rejected, "scored": scores, "rejected": rejected}
    return summarize_batch([note], out, bundle.version, most)


def _list_parquet_files(source: Path, out: Path) -> list[Path]:
    """The files of the input, each looked into. Raises `PathError` or `SourceError`."""
    files = list_input_files(source, out) if source.is_dir() else [source]
    for path in files:
        if not path.exists() or path.suffix != PARQUET:
            fault = f"is not a {PARQUET} file" if path.exists() else "does not exist"
            hint = "use Parquet files; without `ON=spark`, `make predict` also scores CSV files"
            raise PathError(f"the input {path} {fault}", hint)
        check_file(path)
    return files


def _score_files(files: list[Path], source: Path, bundle: Path) -> Any:
    """All rows of the files, scored or rejected; `source` is the folder that they lie in."""
    from pyspark.sql import functions
    from pyspark.sql.pandas.types import from_arrow_schema

    rows = (
        session.open_session()
        .read.option("mergeSchema", "true")
        .parquet(*(session.format_url(file) for file in files))
    )
    known = {FILE: "file_path", PLACE: "row_index"}  # what Spark knows of a row
    placed = rows.select(
        "*", *(functions.col(f"_metadata.{name}").alias(alias) for alias, name in known.items())
    )
    score = build_scorer(bundle, source.resolve(), placed.columns)
    # By number: Spark would take the dot of `live.temp` for a way into a column `live`.
    return placed.toDF(*map(str, range(len(placed.columns)))).mapInArrow(
        score, from_arrow_schema(ALL)
    )


def _write_scores(scores: Any, out: Path, made_from: dict[str, Any]) -> None:
    """Write the scores, whole or not at all.

    Those of a folder are in one folder for each of its files.
    """
    with replace_output(out) as partial:
        folders = ["file"] if FILE in scores.columns else []
        scores.withColumnRenamed(FILE, "file").write.partitionBy(*folders).parquet(
            session.format_url(partial), compression="zstd"
        )
        write_json(partial / MADE_FROM, made_from)


def _write_rejects(rows: Iterable[Any], folder: Path) -> None:
    """Write the rejected rows, which come sorted by file, to a file for each that has any."""
    with replace_output(folder) as partial:
        partial.mkdir()
        for name, lines in groupby(rows, key=lambda row: row[FILE]):
            with open_rejects(partial / f"{name}.csv") as file:
                for line in lines:
                    file.write_lines([tuple(line)[1:]])
    if not any(folder.iterdir()):
        folder.rmdir()


if __name__ == "__main__":
    main(predict_files)
