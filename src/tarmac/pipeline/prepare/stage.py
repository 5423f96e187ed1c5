"""prepare: raw monthly tables to valid, compact ones; invalid rows are set aside and counted."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline import engine
from tarmac.pipeline.base import months, parquet, resources
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output, write_json
from tarmac.pipeline.base.params import Engine, ParamsSubset, PrepareParams, load_params
from tarmac.pipeline.base.paths import PINS, PREPARED, PREPARED_COUNTS, QUARANTINE, RAW
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tarmac.pipeline.engine.month_cache import Facts, MonthCache, hash_loaded_code, open_month_cache
from tarmac.pipeline.prepare.raw_tables import Frames, check_quarantine_share, validate_file

# Bytes: of the process, of a row while it is checked; and of what is written.
PROCESS, ROW, COPIES = (250e6, 7000, 2)


class PrepareStageParams(ParamsSubset):
    """The sections of `params.yaml` that this stage reads."""

    engine: Engine
    prepare: PrepareParams


def prepare_month(
    backend: engine.Backend, month: str, lookups: Frames, limit: float, out: Path
) -> tuple[pd.DataFrame, Counter[str]]:
    """Write one month's prepared tables.

    Return its broken rules, and counts of rows and of what is missing.
    """
    valid, broken, counts = dict(lookups), [], Counter[str]()
    for table in problem.contract.MONTHLY:
        path = RAW / table / f"{month}.parquet"
        valid[table], failures = validate_file(table, month, path, valid)
        check_quarantine_share(path, parquet.count_rows(path), failures, limit)
        broken.append(failures)
        counts[table] = len(valid[table])
    write_prepared_tables(backend, month, valid, problem.contract.MONTHLY, out)
    counts.update(problem.schema.tallies(valid))
    return pd.concat(broken, ignore_index=True), counts


def write_prepared_tables(
    backend: engine.Backend, month: str, valid: Frames, tables: tuple[str, ...], out: Path
) -> None:
    """Clean valid raw tables and write them under `out`.

    A lookup is one file, the others are one a month.
    """
    rows = {
        name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in valid.items()
    }
    views = {name: engine.show_rows(backend, name, held) for name, held in rows.items()}
    for table in tables:
        path = out / (
            f"{table}.parquet" if table in problem.contract.LOOKUPS else f"{table}/{month}.parquet"
        )
        engine.write_table(backend, problem.clean.clean(table, views, month), path)


def prepare_month_as_json(
    engine_name: str, month: str, lookups: Frames, limit: float, out: Path
) -> Facts:
    """Return the result of `prepare_month` as JSON.

    It takes a backend of its own, because Ibis keeps what it once showed a backend.
    """
    broken, counts = prepare_month(engine.connect_backend(engine_name), month, lookups, limit, out)
    return {"broken": broken.to_dict("split", index=False), "counts": counts}


def list_raw_months() -> list[str]:
    """Return the months that every monthly raw table has.

    Raise `UserError` if a table has others than the main one.
    """
    months_by_table = {
        table: months.list_stored_months(RAW / table) for table in problem.contract.MONTHLY
    }
    main = months_by_table[problem.contract.MONTHLY[-1]]
    for table, stored in months_by_table.items():
        if stored != main:
            raise UserError(
                f"{RAW / table} has {stored[0]} to {stored[-1]}, not {main[0]} to {main[-1]}",
                "ingest the other months with `make ingest FILES=path/to/files`",
            )
    return main


def prepare_months(
    engine_name: str, limit: float, out: Path, progress: StageProgress, kept: MonthCache
) -> tuple[pd.DataFrame, Counter[str]]:
    """Prepare every stored month into `out` by an engine.

    Return all broken rules and the counts of all months.
    """
    stored = list_raw_months()
    lookups, broken = _validate_lookups()
    counts = Counter[str]()
    write_prepared_tables(
        engine.connect_backend(engine_name), stored[0], lookups, problem.contract.LOOKUPS, out
    )
    progress.report_step("lookups", **{name: len(frame) for name, frame in lookups.items()})
    base = {
        "code": hash_loaded_code("schema", "clean"),
        "engine": engine_name,
        "environment": compute_dvc_hash(PINS),
        "limit": limit,
        "lookups": _hash_raw_tables(lookups),
    }
    for month in stored:
        names = [f"{table}/{month}" for table in problem.contract.MONTHLY]
        facts = kept.get_or_build_month(
            {**base, **_hash_raw_tables(names)},
            [f"{name}.parquet" for name in names],
            out,
            partial(prepare_month_as_json, engine_name, month, lookups, limit, out),
        )
        counted, failures = facts["counts"], pd.DataFrame(**facts["broken"], dtype="str")
        progress.report_step(
            month,
            **{name: counted[name] for name in problem.contract.MONTHLY},
            set_aside=_count_quarantined(failures),
        )
        broken.append(failures)
        counts.update(counted)
    progress.report_step("months", made=kept.made, as_before=kept.kept)
    return pd.concat(broken, ignore_index=True), counts


def _validate_lookups() -> tuple[Frames, list[pd.DataFrame]]:
    """Return the valid rows of the tables without months, and the broken rules of each."""
    lookups: Frames = {}
    broken = []
    for table in problem.contract.TABLES:
        if table not in problem.contract.MONTHLY:
            lookups[table], failures = validate_file(table, None, RAW / f"{table}.parquet", lookups)
            broken.append(failures)
    return lookups, broken


def _hash_raw_tables(names: Iterable[str]) -> dict[str, str]:
    return {name: compute_dvc_hash(RAW / f"{name}.parquet") for name in names}


def _count_quarantined(broken: pd.DataFrame) -> int:
    return int(broken.loc[broken["action"] == "set aside", "row"].nunique())


def check_resources() -> None:
    """Check that this machine has the memory of the largest month, and the disk of all months.

    Raise `ResourcesError` if it has less.
    """
    paths = [
        path
        for table in problem.contract.MONTHLY
        for path in sorted((RAW / table).glob("*.parquet"))
    ]
    for path in paths:
        parquet.check_parquet(path)
    most = max(map(parquet.count_rows, paths), default=0)
    what = f"a month of {most:,} rows"
    resources.require_resources(
        PROCESS + most * ROW, COPIES * resources.compute_folder_size(RAW), what, "free memory"
    )


def main() -> None:
    """Read `data/raw`; write the prepared tables, the quarantine and its counts."""
    params = load_params(PrepareStageParams)
    check_resources()
    limit = params.prepare.max_quarantine_share
    with (
        open_month_cache("prepare") as kept,
        replace_output(PREPARED) as out,
        replace_output(QUARANTINE) as quarantine,
    ):
        broken, counts = prepare_months(params.engine, limit, out, StageProgress("prepare"), kept)
        broken.to_csv(quarantine, index=False, lineterminator="\n")
    rules = Counter(f"{line.table}.{line.column}.{line.rule}" for line in broken.itertuples())
    write_json(
        PREPARED_COUNTS,
        {
            "rows": dict(counts),
            "set_aside": _count_quarantined(broken),
            "broken_rules": dict(rules),
        },
    )


if __name__ == "__main__":
    run_stage(main)
