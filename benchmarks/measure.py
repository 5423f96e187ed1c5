"""Measure commands as child processes, interleaved, and print what they cost as Markdown.

A child's peak memory counts the memory of its parent at the start. So the process that measures
stays small: nothing here, or in a module that measures, imports pandas or the pipeline.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes that `ru_maxrss` counts in
MB = 1_000_000
SHOWN_LINES = 20  # of the output of a command that failed
HEADER = ("", "wall s", "CPU s", "peak MB")
# Variables that could point a command at something else than its folder, or change what it does
# there.
FOREIGN = ("DVC", "GIT_", "PYTEST", "PYTHON")


class CommandError(RuntimeError):
    """A measured command failed, or did not do what it was measured for."""


@dataclass(frozen=True)
class Run:
    """The cost of one run.

    The fields are seconds on the clock, seconds of all its processes, and bytes of its largest
    process.
    """

    wall: float
    cpu: float
    peak: int
    output: str = ""

    def then(self, other: "Run") -> "Run":
        """The cost of both, one after the other."""
        return Run(
            self.wall + other.wall,
            self.cpu + other.cpu,
            max(self.peak, other.peak),
            self.output + other.output,
        )


Results = dict[str, list[Run]]


def build_environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of every measured command.

    This Python is first on the path, and DVC's state is next to the folder.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    state = {
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder.with_name(f"{folder.name}-site")),
    }
    return {**kept, **state, "PATH": path, **(extra or {})}


def run_command(
    command: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None
) -> Run:
    """Run a command in a folder and return the cost of it and its descendants.

    Raise `CommandError` if it fails.
    """
    with tempfile.TemporaryFile() as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=build_environment(folder, extra), **streams
        )
        # wait4, because it tells the cost of this one child: getrusage would add up all of them.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        output = log.read().decode(errors="replace")
    if process.returncode:
        lines = "\n".join(output.splitlines()[-SHOWN_LINES:])
        raise CommandError(f"{' '.join(command)} exited {process.returncode}:\n{lines}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT, output)


def interleave(cases: Mapping[str, Callable[[], Run]], rounds: int) -> Results:
    """Run every case once per round, in the order A B A B.

    Other load on the machine then affects all cases alike.
    """
    results: Results = {name: [] for name in cases}
    for number in range(1, rounds + 1):
        for name, case in cases.items():
            results[name].append(case())
            print(
                f"round {number} of {rounds}  {name}  {results[name][-1].wall:.2f} s",
                file=sys.stderr,
                flush=True,
            )
    return results


def add_runs(results: Results, names: Sequence[str]) -> list[Run]:
    """The runs of some cases, round by round, as if they had been one case."""
    rounds = []
    for first, *others in zip(*(results[name] for name in names), strict=True):
        total = first
        for other in others:
            total = total.then(other)
        rounds.append(total)
    return rounds


def compute_median_run(runs: Sequence[Run]) -> Run:
    """The median of every figure by itself."""
    figures = ([run.wall for run in runs], [run.cpu for run in runs], [run.peak for run in runs])
    wall, cpu, peak = (median(figure) for figure in figures)
    return Run(wall, cpu, int(peak))


def compute_ratios(runs: Sequence[Run], base: Sequence[Run]) -> tuple[float, float, float]:
    """Wall, CPU and peak memory of the medians, each over that of `base`."""
    ours, theirs = compute_median_run(runs), compute_median_run(base)
    return ours.wall / theirs.wall, ours.cpu / theirs.cpu, ours.peak / theirs.peak


def render_table(results: Results, base: str | None = None) -> str:
    """Return a Markdown table of medians, one row per case.

    With `base`, it also shows the ratios to that case.
    """
    header = [*HEADER, *([f"{name} ratio" for name in ("wall", "CPU", "peak")] if base else [])]
    lines = [header, ["---"] + ["---:"] * (len(header) - 1)]
    for name, runs in results.items():
        run = compute_median_run(runs)
        cells = [name, f"{run.wall:.2f}", f"{run.cpu:.2f}", f"{run.peak / MB:.0f}"]
        lines.append(
            [
                *cells,
                *(
                    f"{value:.2f}"
                    for value in (compute_ratios(runs, results[base]) if base else ())
                ),
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def describe_conditions(module: str, rounds: int) -> str:
    """Return what a reader needs to evaluate the figures and to measure them again.

    Call it before the first round.
    """
    times = "1 round" if rounds == 1 else f"{rounds} interleaved rounds"
    packages = ", ".join(f"{name} {version(name)}" for name in ("dvc", "duckdb", "pandas"))
    return (
        f"`python -m {module} --rounds {rounds}`: medians of {times}, on {os.cpu_count()} cores,"
        f" {platform.system()} {platform.machine()}, Python {platform.python_version()},"
        f" {packages}. Load average before the first round: {os.getloadavg()[0]:.1f} (an idle"
        " machine has 0). CPU is user and system time of the command and all its descendants;"
        " peak is the resident memory of the largest single process, in 10^6 bytes."
    )


def write_report(repository: Path, name: str, text: str) -> None:
    """Print a report and write it to `benchmarks/results` of the repository that was measured."""
    path = repository / "benchmarks" / "results" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")
    print(text)
