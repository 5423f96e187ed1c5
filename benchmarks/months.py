"""Measure prepare and featurize if one month is added to 12.

The reference makes all 13 months from nothing.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import measure, synthetic_years, workspace
from benchmarks.measure import CommandError, Results, Run

MAKERS, MORE = ("prepare", "featurize"), "2014-01"
TABLES, KEPT = ("weather", "flights"), Path(".dvc/tmp/tarmac/months")
ADDED, ALL_MONTHS, SAME = "12 months kept, 1 made", "13 months made", "13 months kept"


class Bench:
    """A copy with 12 months made, and the month that comes."""

    def __init__(self, repository: Path, folder: Path) -> None:
        """Make the copy and a second year."""
        self._copy, self._years = (
            workspace.copy_repository(repository, folder / "repository"),
            folder / "years",
        )
        (self._copy / ".dvc/tmp").mkdir(parents=True, exist_ok=True)
        synthetic_years.write_years(2, self._years, self._copy / "data" / "raw")
        shutil.copy(self._years / "planes.parquet", self._copy / "data/raw/planes.parquet")

    def build_cases(self) -> dict[str, Callable[[], Run]]:
        """What a round runs, in order."""
        return {
            ADDED: self.run_added,
            SAME: lambda: self._run_stages(months_made=0),
            ALL_MONTHS: self.run_all_months,
        }

    def run_added(self) -> Run:
        """Run the stages over 13 months, after 12 of them.

        Raise `CommandError` if more than one was made.
        """
        shutil.rmtree(self._copy / KEPT, ignore_errors=True)
        for table in TABLES:
            (self._copy / "data/raw" / table / f"{MORE}.parquet").unlink(missing_ok=True)
        self._run_stages(months_made=12)
        for table in TABLES:
            shutil.copy(self._years / table / f"{MORE}.parquet", self._copy / "data/raw" / table)
        return self._run_stages(months_made=1)

    def run_all_months(self) -> Run:
        """Run the stages over 13 months with none made before.

        Raise `CommandError` if a byte differs from the run with kept months.
        """
        before = workspace.hash_outputs(self._copy)
        shutil.rmtree(self._copy / KEPT)
        run = self._run_stages(months_made=13)
        if workspace.hash_outputs(self._copy) != before:
            raise CommandError("with and without kept months the outputs differ")
        return run

    def _run_stages(self, months_made: int) -> Run:
        runs = [workspace.run_stage(self._copy, name) for name in MAKERS]
        for name, run in zip(MAKERS, runs, strict=True):
            if f"made {months_made} " not in run.output:
                raise CommandError(f"{name} did not make {months_made} months:\n{run.output}")
        return runs[0].then(runs[1])


def render_report(results: Results, conditions: str) -> str:
    """The whole report."""
    wall, cpu, _ = measure.compute_ratios(results[ADDED], results[ALL_MONTHS])
    return "\n\n".join(
        [
            "# One month more",
            conditions,
            "`prepare`, then `featurize`, as programs. The outputs are the same, byte for byte,"
            " in every round.",
            measure.render_table(results, ALL_MONTHS),
            f"A thirteenth month costs {wall:.2f} of the time and {cpu:.2f} of the CPU of making"
            " all of them. What is left beside the one month is starting two programs and"
            " compiling the query.",
        ]
    )


def main() -> None:
    """Measure, print and write the report.

    Exit with 1 if a command fails or if outputs differ.
    """
    chosen = workspace.parse_arguments(__doc__ or "")
    conditions = measure.describe_conditions("benchmarks.months", chosen.rounds)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        try:
            results = measure.interleave(
                Bench(chosen.repository, Path(folder)).build_cases(), chosen.rounds
            )
        except CommandError as error:
            sys.exit(f"benchmarks.months: error: {error}")
    measure.write_report(chosen.repository, "months", render_report(results, conditions))


if __name__ == "__main__":
    main()
