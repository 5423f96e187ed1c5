"""Compare a sweep with its floor and with DVC's own ways.

The floor is the same fits in plain processes. DVC gets the same parameters.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import optuna
import yaml

from benchmarks import measure, workspace
from benchmarks.measure import Run

JOBS, ROUNDS = 2, 60  # workers; boosting rounds at most, so that DVC's ways end within the hour
FITS = Path(__file__).with_name("fits.py")
APP = ("-c", "from tarmac.cli import app; app()")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "PYTHONPATH": "src"}


def main(rounds: int, repository: Path, trials: int = 24) -> None:
    """Run all ways in turn and write the report.

    They run on copies of the repository with everything up to date.
    """
    conditions = measure.describe_conditions("benchmarks.sweep", rounds)
    with tempfile.TemporaryDirectory(prefix="tarmac-bench-") as temporary:
        folder = prepare_copy(repository, Path(temporary) / "repository")
        sets = folder / ".dvc" / "tmp" / "sets.json"
        number = iter(range(1000))
        cases: dict[str, Callable[[], Run]] = {
            "sweep": lambda: run_sweep(folder, trials, f"bench-{next(number)}", sets),
            "floor": lambda: run_fits(folder, sets),
            "queue": lambda: run_queue(folder, sets),
            "serial": lambda: run_serially(folder, sets),
        }
        results = measure.interleave(cases, rounds)
    names = {
        "floor": f"the fits alone, in {JOBS} plain processes",
        "sweep": f"`tarmac sweep --trials {trials} --jobs {JOBS} --top 0`",
        "queue": f"`dvc exp run --queue` {trials} times, `dvc queue start -j {JOBS}`",
        "serial": f"`dvc exp run` {trials} times, one after another",
    }
    shown = {title: results[name] for name, title in names.items()}
    text = (
        f"# {trials} trials\n\n{conditions}"
        f" The same {trials} parameter sets each way, {ROUNDS} boosting rounds at most,"
        " all of the shipped data.\n\n"
        f"{measure.render_table(shown, names['floor'])}"
    )
    measure.write_report(repository, "sweep", text)


def prepare_copy(repository: Path, target: Path) -> Path:
    """A copy whose pipeline has run and is committed, set to short fits."""
    folder = workspace.copy_repository(repository, target)
    path = folder / "params.yaml"
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree["train"].update(max_rounds=ROUNDS)
    tree["sweep"]["sampler"] = "random"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    workspace.run_dvc(folder, "repro", "--quiet")
    workspace.commit_all(folder)
    return folder


def run_sweep(folder: Path, trials: int, name: str, sets: Path) -> Run:
    """The sweep; leaves its parameter sets for the other ways."""
    options = ["--trials", str(trials), "--jobs", str(JOBS), "--top", "0", "--study", name]
    run = workspace.run_python(folder, *APP, "sweep", *options)
    storage = f"sqlite:///{folder}/.dvc/tmp/tarmac/sweep.db"
    frozen_trials = optuna.load_study(study_name=name, storage=storage).get_trials()
    sets.write_text(
        json.dumps([trial.user_attrs["params"] for trial in frozen_trials]), encoding="utf-8"
    )
    return run


def run_fits(folder: Path, sets: Path) -> Run:
    """The fits alone."""
    parts = [f"'{sys.executable}' '{FITS}' '{sets}' {first} {JOBS}" for first in range(JOBS)]
    return measure.run_command(["bash", "-c", " & ".join([*parts, "wait"])], folder, ONE_THREAD)


def run_queue(folder: Path, sets: Path) -> Run:
    """DVC's queue; fails where an experiment is missing at the end."""
    before = count_experiments(folder)
    runs = [
        workspace.run_dvc(folder, "exp", "run", "--queue", *settings)
        for settings in list_options(sets)
    ]
    waiting = f"'{sys.executable}' -m dvc queue start -j {JOBS} && "
    waiting += f"while '{sys.executable}' -m dvc queue status | grep -Eq 'Queued|Running'; "
    waiting += "do sleep 1; done"
    run = measure.run_command(["bash", "-c", waiting], folder)
    assert count_experiments(folder) == before + len(runs), "an experiment is missing"
    return add_runs([*runs, run])


def run_serially(folder: Path, sets: Path) -> Run:
    """Run one experiment after another.

    The seed differs from the queue's, because DVC refuses an experiment that it has.
    """
    seed = "--set-param=train.seed=8"
    return add_runs(
        [
            workspace.run_dvc(folder, "exp", "run", seed, *settings)
            for settings in list_options(sets)
        ]
    )


def list_options(sets: Path) -> list[list[str]]:
    """The options of every experiment."""
    values = json.loads(sets.read_text(encoding="utf-8"))
    return [list_settings(chosen) for chosen in values]


def list_settings(values: dict[str, object]) -> list[str]:
    """The options of one experiment."""
    return [f"--set-param={key}={value!r}" for key, value in values.items()]


def count_experiments(folder: Path) -> int:
    """How many experiments there are."""
    command = ["git", "for-each-ref", "--format=%(refname)", "refs/exps"]
    names = measure.run_command(command, folder).output.split()
    return sum(len(name.split("/")) == 5 for name in names)  # refs/exps/ab/cdef…/name


def add_runs(runs: list[Run]) -> Run:
    """Run one after another, as one."""
    whole, *others = runs
    for run in others:
        whole = whole.then(run)
    return whole


if __name__ == "__main__":
    chosen = workspace.parse_arguments(__doc__ or "")
    main(chosen.rounds, chosen.repository)
