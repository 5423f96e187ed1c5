"""featurize: prepared tables to one feature table a month, from that month and the past that its features may reach."""

from pathlib import Path

from ibis import Table

from tarmac.interface.problem import problem
from tarmac.pipeline import engine
from tarmac.pipeline.base import months, parquet, resources
from tarmac.pipeline.base.hashing import digest
from tarmac.pipeline.base.outputs import replacing
from tarmac.pipeline.base.params import Engine, ProblemParams, Sections, load
from tarmac.pipeline.base.paths import FEATURES, PINS, PREPARED
from tarmac.pipeline.base.runner import Progress, run
from tarmac.pipeline.engine.month_cache import partitions

PROCESS, GROWTH = 300e6, 5  # bytes of the process: the engine spills; of features and their copy over prepared rows


class StageParams(Sections):
    """The sections of `params.yaml` that this stage reads."""

    engine: Engine
    problem: ProblemParams


def point(backend: engine.Backend, batch: list[str], available: list[str]) -> dict[str, Table]:
    """Makes the engine's tables show some months and the past that their features may reach. Returns them by name."""
    reach = sorted(
        {past for month in batch for past in months.reaching_back(month, problem.features.LOOKBACK_DAYS, available)}
    )
    paths = {name: [PREPARED / name / f"{past}.parquet" for past in reach] for name in problem.contract.MONTHLY}
    paths |= {name: [PREPARED / f"{name}.parquet"] for name in problem.contract.LOOKUPS}
    tables = {name: engine.show(backend, name, files) for name, files in paths.items()}
    first, after = months.days(batch[0])[0], months.days(batch[-1])[1]
    return {**tables, "period": engine.show_dates(backend, "period", {"first": first, "after": after})}


def made_from(name: str, query: str, month: str, available: list[str]) -> dict[str, object]:
    """All that can change a month's bytes: the query and who runs it, and what the query is shown."""
    reach = months.reaching_back(month, problem.features.LOOKBACK_DAYS, available)
    names = [*problem.contract.LOOKUPS, *(f"{table}/{past}" for table in problem.contract.MONTHLY for past in reach)]
    shown = {name: digest(PREPARED / f"{name}.parquet") for name in names}
    code = [digest(path) for path in sorted(Path(engine.__file__).parent.glob("*.py"))]
    return {"query": query, "engine": [name, code], "environment": digest(PINS), month: shown}


def main() -> None:
    """Reads `data/prepared`; writes `data/features`."""
    params, progress = load(StageParams), Progress("featurize")
    available = months.stored(PREPARED / problem.contract.MONTHLY[-1])
    disk = GROWTH * resources.size(PREPARED)
    resources.check(PROCESS, disk, f"{len(available)} months", "free memory")
    backend = engine.connect(params.engine)
    query = engine.compiled(
        backend, problem.features.features(point(backend, available[:1], available), params.problem)
    )
    progress.step("compiled")
    with partitions("featurize") as kept, replacing(FEATURES) as out:
        out.mkdir()
        inputs = {month: made_from(params.engine, query, month, available) for month in available}
        new = [month for month in available if kept.take(inputs[month], [f"{month}.parquet"], out) is None]
        for batch in engine.batches(backend, new):
            point(backend, batch, available)
            engine.write_months(backend, query, problem.contract.DAY, batch, out)
            for month in batch:
                kept.keep(inputs[month], [f"{month}.parquet"], out, {})
                progress.step(month, rows=parquet.count_rows(out / f"{month}.parquet"))
        progress.step("months", made=len(new), as_before=len(available) - len(new))


if __name__ == "__main__":
    run(main)
