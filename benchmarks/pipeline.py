"""`dvc repro` against its floor: the same stages in one process, without DVC."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import measure, workspace
from benchmarks.measure import MB, CommandError, Results, Run
from benchmarks.workspace import STAGES

FLOOR = f"""
from tarmac.pipeline.base.runner import {", ".join(STAGES)}
for stage in ({", ".join(STAGES)}):
    stage.main()
"""
REPRO, ALONE, NO_OP = (
    "`dvc repro`, all stages run",
    "floor: one process, no DVC",
    "`dvc repro`, nothing to do",
)
RATIO_AIM, MEMORY_AIM = 1.3, 1500 * MB


class Bench:
    """The measured commands, and the two copies of the repository that they work in.

    `ours` is the copy for DVC, `floor` the one for the stages alone.
    """

    def __init__(self, repository: Path, folder: Path) -> None:
        """Make nothing yet: each round begins with copies of its own."""
        self._repository, self._folder = repository, folder
        self._copies = 0
        self.ours = self.floor = folder
        self.outputs: dict[str, str] = {}

    def build_cases(self) -> dict[str, Callable[[], Run]]:
        """What a round runs, in order."""
        alone = {f"{name}": lambda name=name: self.run_stage(name) for name in STAGES}
        imports = {
            f"{name}, import only": lambda name=name: self.run_import(name) for name in STAGES
        }
        others = {
            NO_OP: self.run_no_op,
            "`dvc status`": lambda: workspace.run_dvc(self.ours, "status"),
            "`dvc --version`": lambda: workspace.run_dvc(self.ours, "--version"),
        }
        return {REPRO: self.run_repro, ALONE: self.run_floor, **alone, **imports, **others}

    def warm_up(self) -> None:
        """Bring what the first round would otherwise read from disk into memory."""
        copy = self._make_copy()
        workspace.run_dvc(copy, "status")
        for name in STAGES:
            workspace.run_python(copy, "-c", f"import tarmac.pipeline.{name}.stage")

    def run_repro(self) -> Run:
        """`dvc repro` in a new copy. Raises `CommandError` where it did not run every stage."""
        self.ours = self._make_copy()
        run = workspace.run_dvc(self.ours, "repro")
        if missing := [name for name in STAGES if f"Running stage '{name}'" not in run.output]:
            raise CommandError(f"dvc repro did not run {', '.join(missing)}")
        return run

    def run_floor(self) -> Run:
        """Run the stages in one process, in a new copy.

        Raise `CommandError` if a byte differs from that of `dvc repro`.
        """
        self.floor = self._make_copy()
        run = workspace.run_python(self.floor, "-c", FLOOR)
        self._compare_outputs()
        return run

    def run_stage(self, name: str) -> Run:
        """Run the program of one stage over the existing outputs.

        Raise `CommandError` if a byte differs.
        """
        run = workspace.run_stage(self.floor, name)
        self._compare_outputs()
        return run

    def run_import(self, name: str) -> Run:
        """A process that imports one stage's module and ends."""
        return workspace.run_python(self.floor, "-c", f"import tarmac.pipeline.{name}.stage")

    def run_no_op(self) -> Run:
        """Run `dvc repro` with everything up to date.

        Raise `CommandError` if it ran a stage.
        """
        run = workspace.run_dvc(self.ours, "repro")
        if "Running stage" in run.output:
            raise CommandError(f"dvc repro ran a stage again right after repro:\n{run.output}")
        return run

    def _make_copy(self) -> Path:
        self._copies += 1
        return workspace.copy_repository(self._repository, self._folder / str(self._copies))

    def _compare_outputs(self) -> None:
        self.outputs = workspace.hash_outputs(self.ours)
        other = workspace.hash_outputs(self.floor)
        paths = sorted(self.outputs.keys() | other.keys())
        different = [path for path in paths if self.outputs.get(path) != other.get(path)]
        if different or not paths:
            listed = ", ".join(different) or "there are none"
            raise CommandError(f"with and without DVC the outputs differ: {listed}")


def render_aim(results: Results) -> str:
    """The aim, and whether it was met."""
    wall, cpu, _ = measure.compute_ratios(results[REPRO], results[ALONE])
    peak = measure.compute_median_run(results[REPRO]).peak
    lines = (
        ("wall of repro over the floor", f"{wall:.2f}", f"at most {RATIO_AIM}", wall <= RATIO_AIM),
        ("CPU of repro over the floor", f"{cpu:.2f}", f"at most {RATIO_AIM}", cpu <= RATIO_AIM),
        (
            "peak memory of repro",
            f"{peak / MB:.0f} MB",
            f"under {MEMORY_AIM / MB:.0f} MB",
            peak < MEMORY_AIM,
        ),
    )
    rows = [
        f"| {what} | {measured} | {wanted} | {'yes' if met else '**no**'} |"
        for what, measured, wanted, met in lines
    ]
    return "\n".join(["| aim | measured | aimed at | met |", "| --- | ---: | ---: | --- |", *rows])


def render_report(results: Results, outputs: int, conditions: str) -> str:
    """The whole report."""
    stages = {name: runs for name, runs in results.items() if name.split(",")[0] in STAGES}
    stages["all, one after the other"] = measure.add_runs(results, STAGES)
    stages["all, import only"] = measure.add_runs(
        results, [f"{name}, import only" for name in STAGES]
    )
    apart = {REPRO, ALONE, *stages}
    return "\n\n".join(
        [
            "# The pipeline against its floor",
            conditions,
            "The floor is the same computation in one process without DVC: the stages' `main`, one"
            f" after the other. Both sides made the same {outputs} files, byte for byte, in every"
            " round.",
            measure.render_table({name: results[name] for name in (REPRO, ALONE)}, ALONE),
            render_aim(results),
            "Each stage's program alone, and a process that only imports its module:",
            measure.render_table(stages),
            "What DVC takes where there is nothing to do:",
            measure.render_table(
                {name: runs for name, runs in results.items() if name not in apart}
            ),
        ]
    )


def main() -> None:
    """Measure, print and write the report.

    Exit with 1 if a command fails or if outputs differ.
    """
    chosen = workspace.parse_arguments(__doc__ or "")
    conditions = measure.describe_conditions("benchmarks.pipeline", chosen.rounds)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        bench = Bench(chosen.repository, Path(folder))
        try:
            bench.warm_up()
            results = measure.interleave(bench.build_cases(), chosen.rounds)
        except CommandError as error:
            sys.exit(f"benchmarks.pipeline: error: {error}")
    measure.write_report(
        chosen.repository, "pipeline", render_report(results, len(bench.outputs), conditions)
    )


if __name__ == "__main__":
    main()
