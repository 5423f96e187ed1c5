"""Ingest new or corrected months.

They are checked before they are accepted, and accepted whole or not at all.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tarmac.ingest.pinned_distribution import download_distribution, main, write_table
from tarmac.ingest.text_table import IncomingError, read_as_text
from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import months, parquet
from tarmac.pipeline.base.outputs import acquire_file_lock, recover_output, replace_output
from tarmac.pipeline.base.paths import RAW
from tarmac.pipeline.prepare.raw_tables import Frames, check_quarantine_share, validate_file
from tarmac.policy import load_all_params
from tarmac.repository.dvc import commands
from tarmac.tabular.raw import normalize_file_columns, parse_raw_table


def ingest_raw_data(what: Sequence[str]) -> list[str]:
    """Ingest files or months of the distribution, and return what is new.

    If neither is given, ingest the whole distribution. DVC then tracks `data/raw`. After a kill,
    the next start takes back what was half done, and so does `commands.clear_stale_locks`.
    """
    if not problem.source.DISTRIBUTION and (
        not what or any(months.MONTH.fullmatch(name) for name in what)
    ):
        message = "this problem has no published distribution"
        raise IncomingError(message, "name files with new rows: `make ingest FILES=…`")
    with acquire_file_lock(commands.CHANGING_DATA):
        recover_output(RAW)
        return _ingest_under_lock(what)


def _ingest_under_lock(what: Sequence[str]) -> list[str]:
    if not what:
        return [f"{len(main(track_raw_data))} files written"]
    wanted = [name for name in what if months.MONTH.fullmatch(name)]
    tables = read_incoming_tables([Path(name) for name in what if name not in wanted])
    if wanted:
        with tempfile.TemporaryDirectory() as folder:
            tables |= {
                name: table
                for name, table in problem.source.raw_tables(download_distribution(Path(folder)))
                if Path(name).name in wanted
            }
    given = {Path(name).name for name in tables}
    absent = [month for month in wanted if month not in given]
    if absent:
        message = f"the distribution has no data for {', '.join(absent)}"
        raise IncomingError(message, "name files with these months: `make ingest FILES=…`")
    return merge_into_raw(
        tables, load_all_params().prepare.max_quarantine_share, commit=track_raw_data
    )


def track_raw_data() -> None:
    """Have DVC keep `data/raw`, and write its hash to `data/raw.dvc`."""
    for line in commands.run_dvc("add", "--quiet", str(RAW)):
        print(line, flush=True)


def read_incoming_tables(paths: Sequence[Path]) -> dict[str, pa.Table]:
    """Read the raw tables in some Parquet or CSV files.

    Return the tables by their path under `data/raw`, without suffix.
    """
    tables: dict[str, pa.Table] = {}
    for path in paths:
        for name, table in problem.source.by_file(*_read_table(path)):
            if name in tables:
                message = f"{path} is the second file with rows of {name}"
                raise IncomingError(message, "put these rows into one file")
            tables[name] = table
    return tables


def _read_table(path: Path) -> tuple[str, pa.Table]:
    """Read a file that has the columns of a raw table.

    Return the name of that table, and the file's rows with the types of the table.
    """
    frame = read_as_text(path)
    tables = {
        name: normalize_file_columns(frame, schema)
        for name, schema in problem.raw.RAW_TYPES.items()
    }
    names = [
        name
        for name, schema in problem.raw.RAW_TYPES.items()
        if set(schema.names) == set(tables[name].columns)
    ]
    if not names:
        wanted = ", ".join(problem.raw.RAW_TYPES)
        message = f"{path} has the columns of no raw table ({wanted}): {', '.join(frame.columns)}"
        raise IncomingError(message, _compare_with_nearest(tables))
    if frame.empty:
        hint = "add rows below the header, or leave this file out of FILES"
        raise IncomingError(f"{path} has no rows", hint)
    schema = problem.raw.RAW_TYPES[names[0]]
    try:
        return names[0], parse_raw_table(names[0], tables[names[0]][schema.names], schema)
    except (UserError, pa.ArrowException) as error:
        message = f"{path}: {str(error).splitlines()[0]}"
        hint = getattr(error, "hint", "") or "correct the file, then ingest it again"
        raise IncomingError(message, hint) from None


def _compare_with_nearest(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return how to change a file's columns to get those of the nearest raw table."""
    wanted = {name: set(problem.raw.RAW_TYPES[name].names) for name in tables}
    given = {name: set(table.columns) for name, table in tables.items()}
    nearest = min(tables, key=lambda name: len(wanted[name] ^ given[name]))
    if not wanted[nearest] & given[nearest]:
        return "check that the file is the right one, and that its first line names the columns"
    changes = {
        "add": sorted(wanted[nearest] - given[nearest]),
        "remove": sorted(given[nearest] - wanted[nearest]),
    }
    steps = (f"{step} {', '.join(names)}" for step, names in changes.items() if names)
    return f"to match the table {nearest}: {'; '.join(steps)}"


def merge_into_raw(
    tables: Mapping[str, pa.Table],
    limit: float,
    raw: Path = RAW,
    commit: Callable[[], object] = lambda: None,
) -> list[str]:
    """Put tables into `data/raw`, and return a line for each that changed.

    Return no line if everything is there already. Raise `UserError` if a month lacks a table or
    lies beyond a gap. Raise it also if a table breaks its schema in more than the share `limit` of
    its rows. `data/raw` is then as it was.
    """
    changes = [
        _describe_change(raw / f"{name}.parquet", name, table) for name, table in tables.items()
    ]
    changes = [change for change in changes if change]
    if not changes:
        return []
    with replace_output(raw, commit) as partial:
        shutil.copytree(raw, partial) if raw.exists() else partial.mkdir()
        for name, table in tables.items():
            path = partial / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)  # it may be a link into DVC's cache
            write_table(table, path)
        try:
            _check_changed_months(partial, tables, limit)
        except UserError as error:
            message = str(error).replace(str(partial), str(raw))
            raise IncomingError(message, error.hint.replace(str(partial), str(raw))) from None
    return changes


def _check_changed_months(raw: Path, tables: Mapping[str, pa.Table], limit: float) -> None:
    """Check the months that changed, or all where a table without months did."""
    stored = {table: months.list_stored_months(raw / table) for table in problem.contract.MONTHLY}
    every = sorted(set().union(*stored.values()))
    for table, stored_months in stored.items():
        lacking = [month for month in every if month not in stored_months]
        if lacking:
            message = f"{raw / table} has no data for {', '.join(lacking)}"
            raise IncomingError(message, f"name its files for {table} in the same command")
    lookups: Frames = {}
    for table in (name for name in problem.contract.TABLES if name not in problem.contract.MONTHLY):
        lookups[table], _ = validate_file(table, None, raw / f"{table}.parquet", lookups)
    touched = {Path(name).name for name in tables}
    for month in every if touched & lookups.keys() else sorted(touched):
        valid = dict(lookups)
        for table in problem.contract.MONTHLY:
            path = raw / table / f"{month}.parquet"
            valid[table], broken = validate_file(table, month, path, valid)
            check_quarantine_share(path, parquet.count_rows(path), broken, limit)


def _describe_change(path: Path, name: str, table: pa.Table) -> str:
    """What a table changes, in a line; empty where the same rows are there."""
    if not path.exists():
        return f"{name}: new, {table.num_rows:,} rows"
    before = _read_stored_table(path, table.schema)
    if before.equals(table):
        return ""
    key = problem.schema.KEYS[name.split("/", maxsplit=1)[0]]
    old, new = (frame.to_pandas().drop_duplicates(key).set_index(key) for frame in (before, table))
    both = old.index.intersection(new.index)
    left, right = old.loc[both], new.loc[both]
    changed = int(((left != right) & ~(left.isna() & right.isna())).any(axis=1).sum())
    added, removed = len(new) - len(both), len(old) - len(both)
    return f"{name}: corrected, {added:,} rows added, {removed:,} removed, {changed:,} changed"


def _read_stored_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Return a table of `data/raw` with the types of its schema.

    Raise `UserError` if the file is damaged, or was written with another schema.
    """
    table = parquet.read_table(path)
    try:
        return table.cast(schema)
    except (ValueError, pa.ArrowException) as error:
        message = f"{path} does not have the columns and types of its raw table"
        hint = f"delete it with `rm {path}`, then ingest its rows again"
        raise IncomingError(f"{message}: {str(error).splitlines()[0]}", hint) from None
