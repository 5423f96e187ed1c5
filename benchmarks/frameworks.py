"""Run the same four steps by Tarmac, a plain script and other frameworks.

Each side is measured in its first run and in three runs that repeat it.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks import glue, measure, workspace
from benchmarks.measure import CommandError, Results, Run
from benchmarks.workspace import ROOT, STEPS

FLOWS = Path(__file__).with_name("peers") / "flows"
FIRST, NO_OP, ALONE = "first run", "nothing to do", "nothing to do, alone"
CHANGED, BACK = "`train.xgboost.max_depth` changed", "`train.xgboost.max_depth` changed back"
APART = "`train.xgboost.max_depth` changed, without the baseline"
# By the stages in turn.
MADE = (
    "data/prepared",
    "data/features",
    "models/baseline.onnx",
    "models/model.onnx",
    "data/predictions.parquet",
)
DEPTH = re.compile(r"(?<=  max_depth: )\d+$", re.MULTILINE)  # the first is that of `train`
NEW_DEPTH = 5
PORT, SERVER_STARTS = 4219, 120  # seconds
SMALL = (
    "import sys; from pathlib import Path; from tests.conftest import copy_repository, start;"
    " start(copy_repository(Path(sys.argv[1])))"
)


@dataclass(frozen=True)
class Side:
    """A way to run the four steps: its command for each case, and who says what runs again."""

    title: str
    name: str  # of its folder in `flows`, and of its environment
    first: tuple[str, ...]
    again: tuple[str, ...]
    changed: tuple[str, ...]
    decides: str
    # Environment variables; {} in a value is the copy's folder.
    extra: dict[str, str] = field(default_factory=dict)

    def list_arguments(self, case: str) -> tuple[str, ...]:
        """The arguments of its Python for a case."""
        arguments = {
            FIRST: self.first,
            CHANGED: self.changed,
            BACK: self.changed,
            APART: (*FLOW, "train", "evaluate"),
        }
        return arguments.get(case, self.again)


FLOW = ("flow.py",)
REPRO, KEDRO = ("-m", "dvc", "repro", STEPS[-1]), ("-m", "kedro", "run")
SERVED = {"PREFECT_API_URL": f"http://127.0.0.1:{PORT}/api", "PREFECT_HOME": "{}/.prefect"}
TARMAC = Side("Tarmac", "tarmac", REPRO, REPRO, REPRO, "it: parameters, data, code, packages")
PREFECT = Side(
    "Prefect", "prefect", FLOW, FLOW, FLOW, "it: parameters, data, the task's own lines", SERVED
)
SCRIPT = Side(
    "plain script", "script", FLOW, FLOW, (*FLOW, "baseline", "train", "evaluate"), "the person"
)
SIDES = (
    TARMAC,
    SCRIPT,
    Side(
        "Kedro",
        "kedro",
        (*KEDRO, "--only-missing-outputs"),
        (*KEDRO, "--only-missing-outputs"),
        (*KEDRO, "--from-nodes=train"),
        "it: missing files; the person: the rest",
    ),
    Side("Dagster", "dagster", FLOW, FLOW, FLOW, "it: parameters", {"DAGSTER_HOME": "{}/.dagster"}),
    PREFECT,
    Side(
        "Metaflow",
        "metaflow",
        (*FLOW, "run"),
        (*FLOW, "resume", "end"),
        (*FLOW, "resume", "train"),
        "the person",
    ),
)


class Bench:
    """One copy of the repository per side and round.

    The class also checks that all sides made the same bytes.
    """

    def __init__(self, repository: Path, environments: Path, folder: Path) -> None:
        """Make nothing yet: each round begins with copies of its own."""
        self._repository, self._environments, self._folder = repository, environments, folder
        self._copies: dict[str, Path] = {}
        self._expected: dict[str, str] = {}  # hash by path
        self._first: dict[
            str, str
        ] = {}  # as well, of the first run: changing back has to give them
        self._depth = int(
            DEPTH.findall((repository / "params.yaml").read_text(encoding="utf-8"))[0]
        )
        # Sides that left the files of other parameters after changing back.
        self.stale: set[str] = set()
        self.ran: dict[tuple[str, str], list[str]] = {}  # steps by side and case

    def build_cases(self) -> dict[str, Callable[[], Run]]:
        """What a round runs, in order: each case with all sides in turn."""
        cases = list(product((FIRST, NO_OP, CHANGED), SIDES))
        cases += [(ALONE, PREFECT), (APART, SCRIPT), *((BACK, side) for side in SIDES)]
        return {f"{case}: {side.title}": partial(self.run_case, side, case) for case, side in cases}

    def find_python(self, side: Side) -> str:
        """The Python of a side's environment."""
        own = self._environments / f"peer-{side.name}" / "bin" / "python"
        return str(own) if side.name not in ("tarmac", "script") else sys.executable

    def run_case(self, side: Side, case: str) -> Run:
        """Run a case and check its outputs.

        Raise `CommandError` if a byte differs from Tarmac's of the same round.
        """
        folder = self._make_copy(side) if case == FIRST else self._copies[side.title]
        if case in (CHANGED, BACK):
            set_depth(folder / "params.yaml", NEW_DEPTH if case == CHANGED else self._depth)
        before = read_write_times(folder)
        with self._run_server(side, case) as extra:
            run = measure.run_command(
                [self.find_python(side), *side.list_arguments(case)],
                folder,
                {"PYTHONPATH": "src", **extra},
            )
        after = read_write_times(folder)
        # DVC writes anew what it takes from its cache.
        began = {
            name: before[name] != after[name] and (side is not TARMAC or f"'{name}':" in run.output)
            for name in STEPS
        }
        self.ran[case, side.title] = [name for name in STEPS if began[name]]
        self._check_outputs(side, case, workspace.hash_outputs(folder))
        return run

    def _make_copy(self, side: Side) -> Path:
        target = self._folder / f"{side.name}-{len(list(self._folder.glob(f'{side.name}-*')))}"
        self._copies[side.title] = workspace.copy_repository(self._repository, target)
        if (FLOWS / side.name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(FLOWS / side.name, target, dirs_exist_ok=True, ignore=ignored)
        for place in side.extra.values():
            if place.startswith("{}"):
                Path(place.format(target)).mkdir()
        return target

    def _check_outputs(self, side: Side, case: str, hashes: dict[str, str]) -> None:
        if side is TARMAC:
            if (
                case == CHANGED
                and hashes["models/model.onnx"] == self._expected["models/model.onnx"]
            ):
                raise CommandError("another parameter made the same model")
            if case == NO_OP and self.ran[case, side.title]:
                raise CommandError("dvc repro ran a stage again right after repro")
            self._first = hashes if case == FIRST else self._first
            if case == BACK and hashes != self._first:
                raise CommandError("the first parameters made other bytes than the first time")
            self._expected = hashes if case != NO_OP else self._expected
        paths = sorted(self._expected.keys() | hashes.keys())
        different = [path for path in paths if self._expected.get(path) != hashes.get(path)]
        if different and case == BACK and not self.ran[case, side.title]:
            # It holds the files for made, and they are those of other parameters.
            self.stale.add(side.title)
        elif different:
            raise CommandError(
                f"{side.title}, {case}: other bytes than Tarmac's in {', '.join(different)}"
            )

    @contextmanager
    def _run_server(self, side: Side, case: str) -> Iterator[dict[str, str]]:
        """Yield the environment variables of a side.

        If the side needs a server, it runs before the clock starts.
        """
        folder = self._copies[side.title]
        extra = {name: value.format(folder) for name, value in side.extra.items()}
        extra |= {
            "DO_NOT_TRACK": "1",
            "METAFLOW_USER": "benchmark",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "0",
        }
        if side is not PREFECT or case == ALONE:
            yield {name: value for name, value in extra.items() if name != "PREFECT_API_URL"}
            return
        command = [self.find_python(side), "-m", "prefect", "server", "start", "--port", str(PORT)]
        with tempfile.TemporaryFile() as log:
            served = subprocess.Popen(
                command,
                cwd=folder,
                env=measure.build_environment(folder, extra),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                wait_for(f"{SERVED['PREFECT_API_URL']}/health", served)
                yield extra
            finally:
                served.terminate()
                served.wait()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when a server answers. Raises `CommandError` when it ends or takes too long."""
    begin = time.monotonic()
    while time.monotonic() - begin < SERVER_STARTS and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise CommandError(f"no server answers at {url}")


def set_depth(path: Path, depth: int) -> None:
    """Give one parameter of `train` another value."""
    text, count = DEPTH.subn(str(depth), path.read_text(encoding="utf-8"), count=1)
    assert count == 1
    path.write_text(text, encoding="utf-8")


def read_write_times(folder: Path) -> dict[str, int]:
    """When each stage's main output was written, in nanoseconds; 0 where it is not there."""
    paths = {name: folder / output for name, output in zip(STEPS, MADE, strict=True)}
    return {name: path.stat().st_mtime_ns if path.exists() else 0 for name, path in paths.items()}


def render_case_table(results: Results, case: str, bench: Bench) -> str:
    """One case of all sides, as ratios to Tarmac, with the steps that ran."""
    base = results[f"{case}: {TARMAC.title}"]
    runs_by_side = {
        name.split(": ")[1]: runs for name, runs in results.items() if name.startswith(f"{case}: ")
    }
    stale = dict.fromkeys(bench.stale if case == BACK else (), "; left the other files")
    shown = {
        f"{name}<br>({_format_ran_steps(bench.ran[case, name])}{stale.get(name, '')})": runs
        for name, runs in runs_by_side.items()
    }
    if case == NO_OP:
        shown["Prefect, starting a server of its own"] = results[f"{ALONE}: {PREFECT.title}"]
    if case == CHANGED:
        shown["plain script, told to leave the baseline"] = results[f"{APART}: {SCRIPT.title}"]
    return measure.render_table({**shown, "base": base}, "base").rsplit("\n", 1)[0]


def _format_ran_steps(ran: list[str]) -> str:
    if len(ran) == len(STEPS):
        return "ran all"
    return f"ran {', '.join(ran)}" if ran else "ran nothing"


def render_requirements(repository: Path, environments: Path) -> str:
    """Return a table of what each side requires before it runs.

    The columns are lines of glue, megabytes, and what knows which steps have to run again.
    """
    requirements = repository / "requirements"
    pipeline = glue.list_locked_packages(requirements / "pipeline.txt")
    rows = [
        "| | lines of glue | MB beyond the computation | what has to run again is known to |",
        "|---|---:|---:|---|",
    ]
    for side in SIDES:
        lines = (
            glue.count_lines(FLOWS / side.name)
            if side is not TARMAC
            else glue.count_stage_lines(repository / "dvc.yaml", STEPS)
        )
        own = requirements / "peers" / f"{side.name}.txt"
        names = (
            pipeline - glue.list_computation_packages(repository / "pyproject.toml")
            if side is TARMAC
            else set()
        )
        names |= glue.list_locked_packages(own) - pipeline if own.is_file() else set()
        folder = environments / f"peer-{side.name}" if own.is_file() else Path(sys.prefix)
        size = sum(
            glue.sum_megabytes(packages, names)
            for packages in folder.glob("lib/python*/site-packages")
        )
        rows.append(f"| {side.title} | {lines} | {size:.0f} | {side.decides} |")
    return "\n".join(rows)


def render_report(results: Results, bench: Bench, requirements: str, conditions: str) -> str:
    """The whole report."""
    cases = (FIRST, NO_OP, CHANGED, BACK)
    tables = [
        f"## {case.capitalize()}\n\n{render_case_table(results, case, bench)}" for case in cases
    ]
    return "\n\n".join(
        [
            "# The same four steps with other frameworks",
            conditions,
            "Every side calls the same functions on the same rows, with the cache that its"
            " documentation recommends, each from the environment that `requirements/peers` locks"
            " for it, and made the same files, byte for byte, in every case of every round; who"
            " did not, says so. Ratios are to Tarmac, which is `dvc repro evaluate`. The train"
            " step fits the model and the baseline that it must beat. Tarmac has a stage for"
            " each: what changes the one leaves the other as it is.",
            *tables,
            "Prefect's own server runs beside it and is not counted, but in the row that says so.",
            "## What it takes\n\n" + requirements,
            "Lines are neither empty nor comments: of Tarmac these stages in `dvc.yaml`, with"
            " every folder of code that a stage reads; of the others all of"
            " `benchmarks/peers/flows`. Megabytes are what is installed beside the packages that"
            " the steps compute with. What logs with dvclive, as the train step does, has DVC and"
            " most of what is counted for Tarmac, too.",
        ]
    )


def parse_arguments() -> argparse.Namespace:
    """What it is called with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often every case runs")
    parser.add_argument(
        "--small", action="store_true", help="four months, a tenth of the rows, few rounds"
    )
    parser.add_argument(
        "--environments", type=Path, default=ROOT / ".venv", help="where the folders peer-NAME are"
    )
    return parser.parse_args()


def main() -> None:
    """Measure, print and write the report.

    Exit with 1 if a command fails or if outputs differ.
    """
    chosen = parse_arguments()
    conditions = measure.describe_conditions("benchmarks.frameworks", chosen.rounds)
    if chosen.small:
        conditions = (
            conditions.replace(" --rounds", " --small --rounds")
            + " Four months, a tenth of the rows."
        )
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        repository = Path(temporary) / "small" if chosen.small else ROOT
        if chosen.small:
            subprocess.run([sys.executable, "-c", SMALL, str(repository)], cwd=ROOT, check=True)
        bench = Bench(repository, chosen.environments.absolute(), Path(temporary))
        try:
            results = measure.interleave(bench.build_cases(), chosen.rounds)
        except CommandError as error:
            sys.exit(f"benchmarks.frameworks: error: {error}")
    measure.write_report(
        ROOT,
        "frameworks",
        render_report(results, bench, render_requirements(ROOT, chosen.environments), conditions),
    )


if __name__ == "__main__":
    main()
