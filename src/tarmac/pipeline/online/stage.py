"""online: what the service looks up, by the same expressions that the features are made with."""

from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis import Table

from tarmac.interface.lookup import Lookup
from tarmac.interface.problem import problem
from tarmac.pipeline import engine
from tarmac.pipeline.base import months
from tarmac.pipeline.base.outputs import replace_output, write_json
from tarmac.pipeline.base.params import (
    AnySplit,
    OnlineParams,
    ParamsSubset,
    ProblemParams,
    load_params,
)
from tarmac.pipeline.base.paths import FEATURES, ONLINE, PREPARED
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tarmac.pipeline.models.dataset import Parts, count_rows, read_months

PROBES = 20


class OnlineStageParams(ParamsSubset):
    """The sections of `params.yaml` that this stage reads."""

    problem: ProblemParams
    split: AnySplit
    online: OnlineParams


def show_tables(backend: engine.Backend, first: date, after: date) -> dict[str, Table]:
    """Make the engine's tables show a period of days and the past that its features may reach."""
    available = months.list_stored_months(PREPARED / problem.contract.MONTHLY[-1])
    earliest = str(first - timedelta(days=problem.features.LOOKBACK_DAYS))[:7]
    reach = [month for month in available if month >= earliest]
    paths = {
        name: [PREPARED / name / f"{month}.parquet" for month in reach]
        for name in problem.contract.MONTHLY
    }
    paths |= {name: [PREPARED / f"{name}.parquet"] for name in problem.contract.LOOKUPS}
    tables = {name: engine.show_files(backend, name, files) for name, files in paths.items()}
    return {
        **tables,
        "period": engine.show_dates(backend, "period", {"first": first, "after": after}),
    }


def select_served_rows(lookup: Lookup, period: tuple[int, int] | None) -> Table:
    """Return the rows that serve predictions made in `[since, until]`, sorted.

    Times are minutes since 1970; values are float32.
    """
    table = lookup.table
    if lookup.known is not None and period:
        since, until = period
        table = table.filter(lookup.known <= until, lookup.known + lookup.lasts > since)
    ordered = table.order_by(list(lookup.keys))
    return ordered.select(
        *lookup.keys, **{name: ordered[name].cast("float32") for name in lookup.values}
    )


def write_lookups(
    backend: engine.Backend, tables: dict[str, Table], params: ProblemParams, out: Path
) -> dict[str, Any]:
    """Write every lookup's rows for predictions of a period.

    Return what the service must know of them.
    """
    known = problem.features.seen(tables, params)
    ends = problem.features.span(known)  # none where no input depends on the time
    period = (int(backend.execute(ends[0])), int(backend.execute(ends[1]))) if ends else None
    wanted = [lookup for lookup in problem.features.lookups(known) if lookup.values]
    for lookup in wanted:
        engine.write_table(
            backend, select_served_rows(lookup, period), out / f"{lookup.name}.parquet"
        )
    keys = {lookup.name: list(lookup.keys) for lookup in wanted}
    since, until = period or (None, None)
    return {"since": since, "until": until, "lookups": keys, "problem": params.model_dump()}


def write_background(parts: Parts, params: OnlineStageParams, path: Path) -> None:
    """Write some training rows, drawn with a seed.

    An explanation says what moved a prediction away from theirs.
    """
    every = pd.Series(np.arange(count_rows(parts)))
    drawn = every.sample(
        min(params.online.background_rows, len(every)), random_state=params.online.seed
    )
    places = drawn.sort_index().to_numpy()
    chosen, first = [], 0
    for rows in parts:
        chosen.append(rows.iloc[places[(places >= first) & (places < first + len(rows))] - first])
        first += len(rows)
    table = pa.Table.from_pandas(pd.concat(chosen), preserve_index=False).replace_schema_metadata()
    pq.write_table(table, path, compression="zstd")


def write_probes(features: pd.DataFrame, prepared: pd.DataFrame, seed: int, path: Path) -> None:
    """Write some predictions as a client would request them.

    They have the inputs that the pipeline made for them. The service makes the inputs too when it
    loads the tables. If it makes others, its code is not that of the pipeline.
    """
    drawn = features.sample(min(PROBES, len(features)), random_state=seed).sort_index()
    planned = drawn[list(problem.contract.KEY)].merge(
        prepared, on=list(problem.contract.KEY), how="left"
    )
    pairs = zip(
        list_records(planned),
        list_records(drawn[problem.contract.feature_names(list(problem.contract.FEATURES))]),
        strict=True,
    )
    write_json(
        path,
        {
            "probes": [
                {"row": problem.request.asked(row), "inputs": inputs} for row, inputs in pairs
            ]
        },
    )


def read_recent_rows(first: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return features and prepared rows of the last month, the features from a day on.

    If the rows end before that day, return the features of their last day. Return all features if
    rows have no time.
    """
    last = months.list_stored_months(FEATURES)[-1]
    features = pd.read_parquet(FEATURES / f"{last}.parquet")
    recent = features
    if problem.contract.DAY is not None:
        days = pd.to_datetime(features[problem.contract.DAY]).dt.date
        recent = features[days >= min(first, days.max())]
    return recent, pd.read_parquet(PREPARED / problem.contract.MONTHLY[-1] / f"{last}.parquet")


def list_category_texts(parts: Parts) -> dict[str, list[str]]:
    """Every text of every category, sorted."""
    categories: dict[str, set[str]] = {name: set() for name in problem.contract.CATEGORICAL}
    for rows in parts:
        for name, texts in categories.items():
            texts.update(rows[name].dropna().unique().tolist())
    return {name: sorted(texts) for name, texts in categories.items()}


def list_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Its rows by name, what is missing as None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[no-any-return]


def main() -> None:
    """Read `data/prepared` and the training months of `data/features`; write `data/online`."""
    params, progress = load_params(OnlineStageParams), StageProgress("online")
    after = months.compute_month_bounds(
        months.list_stored_months(PREPARED / problem.contract.MONTHLY[-1])[-1]
    )[1]
    first = after - timedelta(days=params.online.days)
    backend = engine.connect_backend()
    read = partial(read_months, FEATURES, params.split, "train")
    with replace_output(ONLINE) as out:
        out.mkdir()
        facts = write_lookups(backend, show_tables(backend, first, after), params.problem, out)
        write_background(
            read(problem.contract.feature_names(list(problem.contract.FEATURES))),
            params,
            out / "background.parquet",
        )
        write_probes(*read_recent_rows(first), params.online.seed, out / "probes.json")
        write_json(
            out / "facts.json",
            {**facts, "categories": list_category_texts(read(problem.contract.CATEGORICAL))},
        )
        progress.report_step("written", files=len(list(out.iterdir())))


if __name__ == "__main__":
    run_stage(main)
