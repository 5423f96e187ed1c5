"""Find features that look past their cut-off, by another future of the raw data.

Features of rows that were decided on before an instant may not change. The instant follows from the
hash of the commit, which is not known while its code is written. The committed features are
compared, so code that recognizes the original files gains nothing.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from tarmac.interface.params import ProblemParams
from tarmac.interface.problem import problem
from tarmac.review.result_folder import FEATURES, RAW, ResultFolder


def change_future(head: ResultFolder, work: Path, first_test: str | None) -> object:
    """Rewrite the test months of raw data with another future; return the instant, or the seed."""
    files = list_raw_files(work / RAW, first_test)
    cut = problem.future.draw(sorted({path.stem for _, path in files}), int(head.commit[:12], 16))
    for name, path in files:
        pq.write_table(problem.future.hide(name, pq.read_table(path), cut), path)
    return cut


def compare_decided_rows(
    head: ResultFolder, work: Path, params: ProblemParams, cut: Any, first_test: str | None
) -> tuple[list[str], int]:
    """Return features that another future changed, and the number of rows decided on by then."""
    files = list_raw_files(head.resolve_path(RAW), first_test)
    keys = [problem.future.decided(name, pq.read_table(path), cut, params) for name, path in files]
    is_every_known = all(part is not None for part in keys)
    decided = pd.concat(keys).drop_duplicates() if is_every_known else None
    changed, count = set[str](), 0
    for month in sorted({path.stem for _, path in files}):
        before = pd.read_parquet(head.resolve_path(FEATURES) / f"{month}.parquet")
        after = pd.read_parquet(work / FEATURES / f"{month}.parquet")
        rows = before
        if decided is not None:
            rows = before.merge(decided, on=list(problem.contract.KEY), validate="one_to_one")
        matched = rows[list(problem.contract.KEY)].merge(
            after,
            on=list(problem.contract.KEY),
            how="left",
            indicator="_found",
            validate="one_to_one",
        )
        there = (matched["_found"] == "both").to_numpy()
        if not there.all():
            changed.add("rows that are gone")
        names = [
            name
            for name in before.columns
            if name not in (*problem.contract.KEY, problem.contract.TARGET)
        ]
        for name in names:
            if name not in after or _has_differences(rows[name][there], matched[name][there]):
                changed.add(name)
        count += len(rows)
    return sorted(changed), count


def list_raw_files(raw: Path, first: str | None) -> list[tuple[str, Path]]:
    """Return names and files of monthly tables from a month on; without a month, all of them."""
    files = [
        (name, path)
        for name in problem.contract.MONTHLY
        for path in sorted((raw / name).glob("*.parquet"))
    ]
    return [(name, path) for name, path in files if first is None or path.stem >= first]


def _has_differences(one: "pd.Series[Any]", other: "pd.Series[Any]") -> bool:
    left, right = one.reset_index(drop=True), other.reset_index(drop=True)
    return bool((~((left == right) | (left.isna() & right.isna()))).any())
