"""featurize: prepared tables to one feature table a month, from that month and the past that its features may reach."""

from pathlib import Path

from tarmac import engine
from tarmac.files import months, parquet
from tarmac.files.outputs import replacing
from tarmac.params import load
from tarmac.problem.features import LOOKBACK_DAYS, features
from tarmac.problem.names import LOOKUPS, MONTHLY
from tarmac.problem.params import ProblemParams
from tarmac.stages import run
from tarmac.stages.progress import Progress

PREPARED, FEATURES = Path("data/prepared"), Path("data/features")


def featurize_month(month: str, available: list[str], params: ProblemParams, out: Path) -> int:
    """Writes the features of one month to `out`. Returns its number of rows."""
    backend = engine.connect()
    reach = months.reaching_back(month, LOOKBACK_DAYS, available)
    tables = {name: engine.read(backend, [PREPARED / name / f"{past}.parquet" for past in reach]) for name in MONTHLY}
    lookups = {name: engine.read(backend, [PREPARED / f"{name}.parquet"]) for name in LOOKUPS}
    path = out / f"{month}.parquet"
    engine.write(backend, features({**tables, **lookups}, month, params), path)
    return parquet.count_rows(path)


def main() -> None:
    """Reads `data/prepared`; writes `data/features`."""
    params, progress = load(), Progress("featurize")
    available = months.stored(PREPARED / MONTHLY[-1])
    with replacing(FEATURES) as out:
        for month in available:
            progress.step(month, rows=featurize_month(month, available, params.problem, out))


if __name__ == "__main__":
    run(main)
