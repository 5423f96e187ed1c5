"""The rows that are watched: a stored month, or what the service or a batch has answered."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tarmac.interface.errors import UserError
from tarmac.interface.problem import problem
from tarmac.pipeline.base import months, parquet
from tarmac.pipeline.base.params import MonthWindow
from tarmac.pipeline.base.paths import FEATURES
from tarmac.pipeline.metrics.metrics import join_prediction_columns
from tarmac.pipeline.models.dataset import MonthlyRows, read_window
from tarmac.pipeline.models.scorer import Scorer

INPUTS = problem.contract.feature_names(list(problem.contract.FEATURES))
FEW = 100  # rows with fewer say little about how their inputs are distributed
WHEN = "answered on"  # a column beside those of the problem, whose names hold no space
INGEST = "`make ingest FILES=path/to/files`, then `make run`"


class RowsError(UserError):
    """What is to be watched cannot be read, or holds no row."""


@dataclass(frozen=True)
class ObservedRows:
    """Rows with their inputs, what was answered, and their label where it is known."""

    rows: pd.DataFrame
    p: np.ndarray
    first: date
    last: date  # included
    whole: bool  # whether every day of the period ought to be there
    note: str = ""
    # Whether the period is that of the rows, and not of their answers.
    timed: bool = problem.contract.DAY is not None

    @property
    def labeled_count(self) -> int:
        """Rows with a label."""
        return int(self.rows[problem.contract.TARGET].notna().sum())

    @property
    def is_comparable(self) -> bool:
        """Check whether the inputs should look like those before.

        Those of some days of a month should not. Those of rows without a time should.
        """
        return self.whole or (not self.timed and len(self.rows) >= FEW)


def load_scored_month(month: str, scorer: Scorer, tables: Path = FEATURES) -> ObservedRows:
    """A month of the feature tables, answered by a model."""
    if problem.contract.DAY is None:
        raise RowsError(
            "this problem has no date column, so it has no months to monitor",
            "monitor a prediction log instead: `make monitor LOG=path/to/log`",
        )
    if not months.MONTH.fullmatch(month):
        raise RowsError(f'invalid month "{month}"', "write it as YYYY-MM, such as 2013-12")
    if not (tables / f"{month}.parquet").is_file():
        stored = months.list_stored_months(tables)
        raise RowsError(
            f"{tables} has no data for {month} (stored: {stored[0]} to {stored[-1]})",
            f"choose a stored month, or add this one: {INGEST}",
        )
    rows = read_window(tables, MonthWindow(first=month, last=month))
    if rows.empty:
        raise RowsError(f"{tables}/{month}.parquet has no rows", f"replace the month: {INGEST}")
    first, after = months.compute_month_bounds(month)
    return ObservedRows(
        rows, score_rows(rows, scorer), first, date.fromordinal(after.toordinal() - 1), whole=True
    )


def score_rows(rows: pd.DataFrame, scorer: Scorer) -> np.ndarray:
    """Return the predictions of the live model.

    Raise `RowsError` if the model takes inputs that HEAD's features no longer have.
    """
    if lacking := [name for name in (*scorer.categories, *scorer.numbers) if name not in rows]:
        raise RowsError(
            f"the live model requires {', '.join(lacking)}, missing in {FEATURES}",
            "restore these features, or first release a model without them: `make release`",
        )
    return scorer.score(rows)


def load_prediction_log(
    path: Path, tables: Path = FEATURES, version: str = "", day: str | None = problem.contract.DAY
) -> ObservedRows:
    """Read predictions from the folder of the service's journal, or a batch's Parquet file.

    A journal also has the predictions of earlier models: `version` selects those of one. Of rows
    with one key the last prediction counts. Labels, and the inputs of a batch, come from the
    feature tables as far as these have the rows. If rows have no `day`, the period is that of the
    predictions.
    """
    answers, broken = _read_answers(path, version, day)
    wanted = sorted({str(one)[:7] for one in answers[day]}) if day else [months.WHOLE]
    known = _read_feature_rows(wanted, tables)
    lacking = [name for name in INPUTS if name not in answers]
    # The journal keeps what the model was asked with, a batch nothing.
    kept = len(lacking) < len(INPUTS) - len(problem.contract.KEY)
    rows = answers.merge(
        known[[*problem.contract.KEY, problem.contract.TARGET, *lacking]],
        on=list(problem.contract.KEY),
        how="left" if kept else "inner",
    )
    if rows.empty:
        raise RowsError(
            f"{tables} has none of the rows in {path}, and a batch file has no inputs",
            f"add these rows: {INGEST}",
        )
    # An input that the model does not take is in no journal,
    # and missing only where no table has the row.
    if kept:
        rows = rows.drop(columns=[name for name in lacking if rows[name].isna().all()])
    note = f"{broken:,} lines of the journal could not be read" if broken else ""
    p, times = join_prediction_columns(rows).astype("float32"), rows[day or WHEN]
    rows = rows.drop(columns=[*problem.contract.ANSWERS, WHEN])
    return ObservedRows(
        rows, p, times.min(), times.max(), whole=False, note=note, timed=day is not None
    )


def _read_answers(path: Path, version: str, day: str | None) -> tuple[pd.DataFrame, int]:
    """Return the last prediction for each key, and the number of unreadable lines.

    Raise `RowsError` if there is no prediction.
    """
    if path.is_dir():
        answers, broken = _read_journal(path, version, day), _count_broken_lines(path, day)
    else:
        answers, broken = _read_batch_scores(path, day), 0
    if answers.empty:
        of = f" of {version}" if version else ""
        raise RowsError(
            f"{path} has no predictions{of}",
            "set LOG to the folder that TARMAC_LOG names for the service (docs/monitor.md)",
        )
    return answers.drop_duplicates(list(problem.contract.KEY), keep="last"), broken


def _read_journal(folder: Path, version: str, day: str | None) -> pd.DataFrame:
    """A row an answer of a version, in the order of time."""
    own = (
        entry
        for entry in _iter_journal_entries(folder, day)
        if entry and version in ("", entry.get("version"))
    )
    entries = sorted(own, key=lambda entry: str(entry["when"]))
    rows = []
    for entry in entries:
        predictions = {name: entry[name] for name in problem.contract.ANSWERS}
        rows.append({**entry["inputs"], **entry["key"], **predictions})
    frame = pd.DataFrame(rows)
    frame[WHEN] = [_parse_date(entry["when"]) for entry in entries]
    if day:
        frame[day] = [_parse_date(entry["key"][day]) for entry in entries]
    inputs = [name for name in frame if name in INPUTS]
    numbers = [name for name in inputs if name not in problem.contract.CATEGORICAL]
    return frame.astype(dict.fromkeys(numbers, "float32"))


def _parse_date(text: str) -> date:
    return date.fromisoformat(text[:10])


def _iter_journal_entries(folder: Path, day: str | None) -> Iterator[dict[str, Any] | None]:
    """Yield every line of the journal.

    Yield None for a line that is cut, has other fields, or has a date that is none.
    """
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    yield _parse_entry(line, day)
                except (ValueError, TypeError, KeyError):
                    yield None


def _parse_entry(line: str, day: str | None) -> dict[str, Any] | None:
    entry: dict[str, Any] = json.loads(line)
    if not {"when", "key", *problem.contract.ANSWERS, "inputs"} <= set(entry):
        return None
    _parse_date(entry["when"])
    if day:
        _parse_date(entry["key"][day])
    return entry


def _count_broken_lines(folder: Path, day: str | None) -> int:
    return sum(entry is None for entry in _iter_journal_entries(folder, day))


def _read_batch_scores(path: Path, day: str | None) -> pd.DataFrame:
    try:
        parquet.check_parquet(path)
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
        rows = pd.read_parquet(path, columns=[*problem.contract.KEY, *problem.contract.ANSWERS])
        if day:
            rows[day] = pd.to_datetime(rows[day]).dt.date
        return rows.assign(**{WHEN: written})
    except (OSError, ValueError, UserError, pa.ArrowException) as error:
        raise RowsError(
            f"{path} is not a Parquet file of predictions ({str(error).splitlines()[0]})",
            "set LOG to a file that `make predict` wrote, or to the folder of a service's log",
        ) from None


def _read_feature_rows(wanted: Sequence[str], tables: Path) -> pd.DataFrame:
    """Return the rows of the feature tables in those of some months that are stored.

    Raise `UserError` if a file is damaged.
    """
    present = tuple(month for month in wanted if (tables / f"{month}.parquet").is_file())
    stored = list(MonthlyRows(tables, present, None))
    if stored:
        return pd.concat(stored, ignore_index=True)
    columns = dict.fromkeys([*problem.contract.KEY, problem.contract.TARGET, *INPUTS])
    return pd.DataFrame(columns=list(columns))
