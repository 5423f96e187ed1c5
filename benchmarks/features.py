"""Compare prepare and featurize with the same features written plainly in pandas.

The comparison also checks every feature.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import measure, workspace
from benchmarks.measure import CommandError, Results, Run

HERE = Path(__file__).resolve().parent
MAKERS = ("prepare", "featurize")
OURS, PLAIN = "`prepare`, then `featurize`", "plain pandas"
PLAIN_OUT = "plain.parquet"
DIFFERS = """\
What differs between the sides:

- `prepare` validates every raw row with pandera, sets invalid rows aside and writes the prepared \
tables; `featurize` \
reads them again. Both are in the figures. Plain pandas validates nothing, and knows of the one \
bad reading by name.
- The stages are two processes and hold at most two months of rows at a time; plain pandas is one \
process that holds \
the year.
- The stages write a file a month, sorted, at zstd level 9; plain pandas writes one file at its \
defaults."""


class Bench:
    """The measured programs, in one copy of the repository, and what the last check said."""

    def __init__(self, repository: Path, folder: Path) -> None:
        """Make the copy."""
        self._copy = workspace.copy_repository(repository, folder / "repository")
        self.agreement = ""

    def build_cases(self) -> dict[str, Callable[[], Run]]:
        """What a round runs, in order."""
        stages = {name: lambda name=name: workspace.run_stage(self._copy, name) for name in MAKERS}
        return {**stages, PLAIN: self.run_plain}

    def warm_up(self) -> None:
        """Bring what the first round would otherwise read from disk into memory."""
        for module in (
            *(f"tarmac.pipeline.{name}.stage" for name in MAKERS),
            "pandas, pyarrow.parquet, yaml",
        ):
            workspace.run_python(self._copy, "-c", f"import {module}")

    def run_plain(self) -> Run:
        """Run plain pandas on the same raw data.

        Raise `CommandError` if its features are not those that featurize made.
        """
        run = workspace.run_python(self._copy, str(HERE / "naive_pandas.py"), PLAIN_OUT)
        # Not measured, and a process of its own: the one that measures must stay small.
        check = workspace.run_python(
            self._copy, str(HERE / "agreement.py"), "data/features", PLAIN_OUT
        )
        self.agreement = check.output.strip()
        return run


def render_report(results: Results, agreement: str, conditions: str) -> str:
    """The whole report."""
    both = {OURS: measure.add_runs(results, MAKERS), PLAIN: results[PLAIN]}
    alone = {f"`{name}` alone": results[name] for name in MAKERS}
    wall, cpu, peak = measure.compute_ratios(both[PLAIN], both[OURS])
    return "\n\n".join(
        [
            "# The features against plain pandas",
            conditions,
            f"From the same raw data. {agreement}",
            measure.render_table({**both, **alone}, PLAIN),
            f"Plain pandas takes {wall:.2f} times the time, {cpu:.2f} times the CPU"
            f" and {peak:.2f} times the memory.",
            DIFFERS,
        ]
    )


def main() -> None:
    """Measure, print and write the report.

    Exit with 1 if a command fails or if features differ.
    """
    chosen = workspace.parse_arguments(__doc__ or "")
    conditions = measure.describe_conditions("benchmarks.features", chosen.rounds)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        try:
            bench = Bench(chosen.repository, Path(folder))
            bench.warm_up()
            results = measure.interleave(bench.build_cases(), chosen.rounds)
        except CommandError as error:
            sys.exit(f"benchmarks.features: error: {error}")
    measure.write_report(
        chosen.repository, "features", render_report(results, bench.agreement, conditions)
    )


if __name__ == "__main__":
    main()
