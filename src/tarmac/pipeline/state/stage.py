"""state: what the service looks up, by the same expressions that the features are made with."""

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
from tarmac.pipeline.base.outputs import replacing, write_json
from tarmac.pipeline.base.params import AnySplit, ProblemParams, Sections, StateParams, load
from tarmac.pipeline.base.paths import FEATURES, PREPARED, STATE
from tarmac.pipeline.base.runner import Progress, run
from tarmac.pipeline.models.dataset import Parts, count, read_months

PROBES = 20


class StageParams(Sections):
    """The sections of `params.yaml` that this stage reads."""

    problem: ProblemParams
    split: AnySplit
    state: StateParams


def point(backend: engine.Backend, first: date, after: date) -> dict[str, Table]:
    """Makes the engine's tables show a period of days and the past that its features may reach."""
    available = months.stored(PREPARED / problem.contract.MONTHLY[-1])
    earliest = str(first - timedelta(days=problem.features.LOOKBACK_DAYS))[:7]
    reach = [month for month in available if month >= earliest]
    paths = {name: [PREPARED / name / f"{month}.parquet" for month in reach] for name in problem.contract.MONTHLY}
    paths |= {name: [PREPARED / f"{name}.parquet"] for name in problem.contract.LOOKUPS}
    tables = {name: engine.show(backend, name, files) for name, files in paths.items()}
    return {**tables, "period": engine.show_dates(backend, "period", {"first": first, "after": after})}


def exported(lookup: Lookup, period: tuple[int, int] | None) -> Table:
    """The rows that serve predictions made in `[since, until]` (minutes since 1970), sorted; values are float32."""
    table = lookup.table
    if lookup.known is not None and period:
        since, until = period
        table = table.filter(lookup.known <= until, lookup.known + lookup.lasts > since)
    ordered = table.order_by(list(lookup.keys))
    return ordered.select(*lookup.keys, **{name: ordered[name].cast("float32") for name in lookup.values})


def write_lookups(
    backend: engine.Backend, tables: dict[str, Table], params: ProblemParams, out: Path
) -> dict[str, Any]:
    """Writes every lookup's rows for predictions of a period; returns what the service must know of them."""
    known = problem.features.seen(tables, params)
    ends = problem.features.span(known)  # none where no input depends on the time
    period = (int(backend.execute(ends[0])), int(backend.execute(ends[1]))) if ends else None
    wanted = [lookup for lookup in problem.features.lookups(known) if lookup.values]
    for lookup in wanted:
        engine.write(backend, exported(lookup, period), out / f"{lookup.name}.parquet")
    keys = {lookup.name: list(lookup.keys) for lookup in wanted}
    since, until = period or (None, None)
    return {"since": since, "until": until, "lookups": keys, "problem": params.model_dump()}


def write_background(parts: Parts, params: StageParams, path: Path) -> None:
    """Writes some training rows, drawn with a seed: an explanation says what moved an answer away from theirs."""
    every = pd.Series(np.arange(count(parts)))
    drawn = every.sample(min(params.state.background_rows, len(every)), random_state=params.state.seed)
    places = drawn.sort_index().to_numpy()
    found, first = [], 0
    for rows in parts:
        found.append(rows.iloc[places[(places >= first) & (places < first + len(rows))] - first])
        first += len(rows)
    table = pa.Table.from_pandas(pd.concat(found), preserve_index=False).replace_schema_metadata()
    pq.write_table(table, path, compression="zstd")


def write_probes(features: pd.DataFrame, prepared: pd.DataFrame, seed: int, path: Path) -> None:
    """Writes some predictions as a client would ask them, with the inputs that the pipeline made for them.

    The service makes them too when it loads the state: where it makes others, its code is not that of the pipeline.
    """
    drawn = features.sample(min(PROBES, len(features)), random_state=seed).sort_index()
    planned = drawn[list(problem.contract.KEY)].merge(prepared, on=list(problem.contract.KEY), how="left")
    pairs = zip(
        records(planned), records(drawn[problem.contract.feature_names(list(problem.contract.FEATURES))]), strict=True
    )
    write_json(path, {"probes": [{"row": problem.request.asked(row), "inputs": inputs} for row, inputs in pairs]})


def read_recent(first: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and prepared rows of the last month, the features from a day on; all where rows have no time."""
    last = months.stored(FEATURES)[-1]
    features = pd.read_parquet(FEATURES / f"{last}.parquet")
    recent = (
        features
        if problem.contract.DAY is None
        else features[pd.to_datetime(features[problem.contract.DAY]).dt.date >= first]
    )
    return recent, pd.read_parquet(PREPARED / problem.contract.MONTHLY[-1] / f"{last}.parquet")


def known_texts(parts: Parts) -> dict[str, list[str]]:
    """Every text of every category, sorted."""
    found: dict[str, set[str]] = {name: set() for name in problem.contract.CATEGORICAL}
    for rows in parts:
        for name, texts in found.items():
            texts.update(rows[name].dropna().unique().tolist())
    return {name: sorted(texts) for name, texts in found.items()}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Its rows by name, what is missing as None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[no-any-return]


def main() -> None:
    """Reads `data/prepared` and the training months of `data/features`; writes `data/state`."""
    params, progress = load(StageParams), Progress("state")
    after = months.days(months.stored(PREPARED / problem.contract.MONTHLY[-1])[-1])[1]
    first = after - timedelta(days=params.state.days)
    backend = engine.connect()
    read = partial(read_months, FEATURES, params.split, "train")
    with replacing(STATE) as out:
        out.mkdir()
        facts = write_lookups(backend, point(backend, first, after), params.problem, out)
        write_background(
            read(problem.contract.feature_names(list(problem.contract.FEATURES))), params, out / "background.parquet"
        )
        write_probes(*read_recent(first), params.state.seed, out / "probes.json")
        write_json(out / "state.json", {**facts, "categories": known_texts(read(problem.contract.CATEGORICAL))})
        progress.step("written", files=len(list(out.iterdir())))


if __name__ == "__main__":
    run(main)
