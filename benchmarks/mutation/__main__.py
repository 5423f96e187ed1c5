"""Measure how many mutants of modules their own tests detect, and list the others."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.mutation.conventions import find_tests
from benchmarks.mutation.environment import make_environment
from benchmarks.mutation.report import read_equivalents, render, summarize
from benchmarks.mutation.worker import Outcome, Result, Task

ROOT = Path(__file__).resolve().parents[2]


def parse_arguments() -> tuple[argparse.Namespace, dict[str, list[str]]]:
    """Return the options of the command, and the tests of each module."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("--modules", nargs="+", required=True, help="such as tarmac/review/verdict")
    parser.add_argument("--seed", type=int, required=True, help="of the sample of mutants")
    parser.add_argument("--count", type=int, default=25, help="mutants of each module")
    parser.add_argument("--tests", nargs="+", help="for pytest, in place of the own tests")
    parser.add_argument("--margin", type=float, default=5, help="seconds, see `worker.FACTOR`")
    parser.add_argument("--json", type=Path, help="a file for all outcomes")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to measure")
    chosen = parser.parse_args()
    root = chosen.root = chosen.root.resolve()
    tests = {name: chosen.tests or find_tests(root, name) for name in chosen.modules}
    for name in chosen.modules:
        if not (root / "src" / f"{name}.py").is_file():
            parser.error(f"src/{name}.py does not exist")
        if not tests[name]:
            parser.error(f"{name} has no tests of its own, name them by --tests")
    return chosen, tests


def run_worker(python: Path, task: Task) -> Result:
    """Measure one module in a process of its own. End the program if this fails."""
    variables = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "TMPDIR": task.scratch}
    command = [str(python), "-P", "-m", "benchmarks.mutation.worker", json.dumps(asdict(task))]
    environment, out = {**os.environ, **variables}, subprocess.PIPE
    done = subprocess.run(command, check=False, cwd=task.root, env=environment, stdout=out)
    if done.returncode:
        sys.exit(done.returncode)
    content = json.loads(done.stdout)
    outcomes = [Outcome(**outcome) for outcome in content.pop("outcomes")]
    return Result(outcomes=outcomes, **content)


def main() -> None:
    """Measure the modules one by one, then print the report."""
    chosen, tests = parse_arguments()
    results = []
    with tempfile.TemporaryDirectory(prefix="tarmac-", ignore_cleanup_errors=True) as name:
        python = make_environment(Path(name, "environment"), chosen.root / "src")
        for number, module in enumerate(chosen.modules):
            scratch = Path(name, str(number))
            scratch.mkdir()
            task = Task(
                root=str(chosen.root),
                module=module,
                tests=tests[module],
                count=chosen.count,
                seed=chosen.seed,
                margin=chosen.margin,
                scratch=str(scratch),
            )
            results.append(run_worker(python, task))
    equivalents = read_equivalents()
    summaries = [summarize(result, equivalents) for result in results]
    if chosen.json:
        content = {"seed": chosen.seed, "count": chosen.count, "modules": summaries}
        chosen.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(render(summaries))


if __name__ == "__main__":
    main()
