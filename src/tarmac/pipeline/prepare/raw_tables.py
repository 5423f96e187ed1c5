"""Read one raw file, validate it by the problem's schema, and refuse it if too much is invalid."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import parquet
from tarmac.pipeline.prepare import validation

Frames = dict[str, pd.DataFrame]


def read_raw_table(path: Path) -> pd.DataFrame:
    """Return a raw table with its own types.

    Raise `UserError` if the file is damaged or has no row.
    """
    parquet.check_parquet(path)
    try:
        frame = pd.read_parquet(path, dtype_backend="pyarrow")
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        advice = "fetch it again with `make pull`"
        raise UserError(f"{path} cannot be read ({reason})", advice) from None
    if frame.empty:
        raise UserError(f"{path} has no rows", "ingest it again: `make ingest FILES=path/to/file`")
    return frame


def validate_file(
    table: str, month: str | None, path: Path, valid: Frames
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the valid rows of one raw file, and its broken rules.

    The broken rules have the columns `month` and `table` in front.
    """
    frame = read_raw_table(path)
    try:
        rows, broken = validation.validate_table(
            frame,
            problem.schema.schema(table, month, valid),
            problem.schema.KEYS[table],
            problem.schema.BLANKED,
        )
    except validation.TableError as error:
        raise UserError(f"{path}: {error}", error.hint) from None
    broken.insert(0, "table", table)
    broken.insert(0, "month", month or "")
    return rows, broken


def check_quarantine_share(path: Path, rows: int, broken: pd.DataFrame, limit: float) -> None:
    """Check how many of a file's rows were set aside.

    Raise `UserError` with the worst rules if they are more than the share `limit`.
    """
    aside = broken[broken["action"] == "set aside"]
    share = aside["row"].nunique() / rows
    if share > limit:
        rules = Counter(f"{line.column}: {line.rule}" for line in aside.itertuples())
        worst = ", ".join(f"{rule} ({count:,} rows)" for rule, count in rules.most_common(3))
        raise UserError(
            f"{path}: {share:.2%} of {rows:,} rows are invalid, more than"
            f" prepare.max_quarantine_share = {limit:.2%} (worst rules: {worst};"
            f" first rows: {', '.join(aside['row'].unique()[:3])})",
            "correct the rows and ingest them again, or raise `prepare.max_quarantine_share`",
        )
