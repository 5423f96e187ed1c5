"""featurize: make one feature table a month from the prepared tables.

A table is made from its month and the past that its features may reach.
"""

from pathlib import Path

from ibis import Table

from tarmac.interface.problem import problem
from tarmac.pipeline import engine
from tarmac.pipeline.base import months, parquet, resources
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.params import Engine, ParamsSubset, ProblemParams, load_params
from tarmac.pipeline.base.paths import FEATURES, PINS, PREPARED
from tarmac.pipeline.base.runner import StageProgress, run_stage
from tarmac.pipeline.engine.month_cache import open_month_cache

# Bytes of the process: the engine spills; of features and their copy over prepared rows.
PROCESS, GROWTH = (300e6, 5)


class FeaturizeStageParams(ParamsSubset):
    """The sections of `params.yaml` that this stage reads."""

    engine: Engine
    problem: ProblemParams


def show_tables(
    backend: engine.Backend, batch: list[str], available: list[str]
) -> dict[str, Table]:
    """Make the engine's tables show some months and the past that their features may reach.

    Return the tables by name.
    """
    reach = sorted(
        {
            past
            for month in batch
            for past in months.select_lookback_months(
                month, problem.features.LOOKBACK_DAYS, available
            )
        }
    )
    paths = {
        name: [PREPARED / name / f"{past}.parquet" for past in reach]
        for name in problem.contract.MONTHLY
    }
    paths |= {name: [PREPARED / f"{name}.parquet"] for name in problem.contract.LOOKUPS}
    tables = {name: engine.show_files(backend, name, files) for name, files in paths.items()}
    first, after = (
        months.compute_month_bounds(batch[0])[0],
        months.compute_month_bounds(batch[-1])[1],
    )
    return {
        **tables,
        "period": engine.show_dates(backend, "period", {"first": first, "after": after}),
    }


def build_cache_key(name: str, query: str, month: str, available: list[str]) -> dict[str, object]:
    """Return all that can change a month's bytes.

    That is the query, the engine and environment that run it, and what the query is shown.
    """
    reach = months.select_lookback_months(month, problem.features.LOOKBACK_DAYS, available)
    names = [
        *problem.contract.LOOKUPS,
        *(f"{table}/{past}" for table in problem.contract.MONTHLY for past in reach),
    ]
    shown = {name: compute_dvc_hash(PREPARED / f"{name}.parquet") for name in names}
    code = [compute_dvc_hash(path) for path in sorted(Path(engine.__file__).parent.glob("*.py"))]
    return {
        "query": query,
        "engine": [name, code],
        "environment": compute_dvc_hash(PINS),
        month: shown,
    }


def main() -> None:
    """Read `data/prepared`; write `data/features`."""
    params, progress = load_params(FeaturizeStageParams), StageProgress("featurize")
    available = months.list_stored_months(PREPARED / problem.contract.MONTHLY[-1])
    disk = GROWTH * resources.compute_folder_size(PREPARED)
    resources.require_resources(PROCESS, disk, f"{len(available)} months", "free memory")
    backend = engine.connect_backend(params.engine)
    query = engine.compile_query(
        backend,
        problem.features.features(show_tables(backend, available[:1], available), params.problem),
    )
    progress.report_step("compiled")
    with open_month_cache("featurize") as kept, replace_output(FEATURES) as out:
        out.mkdir()
        inputs = {
            month: build_cache_key(params.engine, query, month, available) for month in available
        }
        new = [
            month
            for month in available
            if kept.restore_month(inputs[month], [f"{month}.parquet"], out) is None
        ]
        for batch in engine.batch_months(backend, new):
            show_tables(backend, batch, available)
            engine.write_months(backend, query, problem.contract.DAY, batch, out)
            for month in batch:
                kept.store_month(inputs[month], [f"{month}.parquet"], out, {})
                progress.report_step(month, rows=parquet.count_rows(out / f"{month}.parquet"))
        progress.report_step("months", made=len(new), as_before=len(available) - len(new))


if __name__ == "__main__":
    run_stage(main)
