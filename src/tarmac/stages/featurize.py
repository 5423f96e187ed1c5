"""featurize: prepared tables to one feature table a month, from that month and the past that its features may reach."""

from pathlib import Path

from tarmac import engine, months, problem
from tarmac.outputs import replacing
from tarmac.params import load
from tarmac.progress import Progress
from tarmac.stages import run

PREPARED, FEATURES = Path("data/prepared"), Path("data/features")


def featurize_month(month: str, available: list[str], params: problem.ProblemParams, out: Path) -> int:
    """Writes the features of one month to `out`. Returns its number of rows."""
    backend = engine.connect()
    reach = months.reaching_back(month, problem.LOOKBACK_DAYS, available)
    tables = {
        name: engine.read(backend, [PREPARED / name / f"{past}.parquet" for past in reach]) for name in problem.MONTHLY
    }
    lookups = {name: engine.read(backend, [PREPARED / f"{name}.parquet"]) for name in problem.LOOKUPS}
    path = out / f"{month}.parquet"
    engine.write(backend, problem.features({**tables, **lookups}, month, params), path)
    return engine.count_rows(path)


def main() -> None:
    """Reads `data/prepared`; writes `data/features`."""
    params, progress = load(), Progress("featurize")
    available = months.stored(PREPARED / problem.MONTHLY[-1])
    with replacing(FEATURES) as out:
        for month in available:
            progress.step(month, rows=featurize_month(month, available, params.problem, out))


if __name__ == "__main__":
    run(main)
