"""Rebuilds the pipeline and says, output by output, whether the result is the committed one."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tarmac import params, store

LOCK, METRICS = Path("dvc.lock"), Path("metrics/evaluate/metrics.json")
SHOWN = ("roc_auc", "average_precision", "log_loss", "brier", "calibration_error")


class DifferenceError(ValueError):
    """A rebuilt output is not the committed one."""


def run() -> None:
    """Pulls the raw data, rebuilds what is not up to date, and prints the result against the committed one."""
    params.load()  # a mistake is told before anything is fetched
    store.pull("data/raw.dvc")
    ran = repro(Path())
    committed = committed_text(LOCK)
    print()
    print_metrics(committed_text(METRICS), METRICS.read_text(encoding="utf-8"))
    print()
    if committed is None:
        print("nothing is committed to compare with: commit dvc.lock and metrics to make this the result")
        return
    different = compare(store.locked(committed), store.locked(LOCK.read_text(encoding="utf-8")))
    what = f"ran {', '.join(ran)}" if ran else "nothing to run, all stages are up to date"
    same = "reproduced bit for bit" if ran else "the same as committed"
    print(f"\n{what}: {'differs in ' + ', '.join(different) if different else same}")


def repro(folder: Path, extra: Mapping[str, str] | None = None) -> list[str]:
    """Runs `dvc repro`, showing its lines, and returns the stages that it ran (not those it skipped or restored)."""
    store.clear_stale_locks(folder)
    ran = []
    for line in store.dvc("repro", folder=folder, extra=extra):
        print(line, flush=True)
        if line.startswith("Running stage '"):
            ran.append(line.split("'")[1])
    return ran


def clean_clone() -> None:
    """Rebuilds HEAD from raw data in a clean clone: no cache, no run cache, nothing of this folder but its commits.

    Prints one line an output. Raises `DifferenceError` where an output, `dvc.lock` or a metric file differs by a byte.
    """
    with tempfile.TemporaryDirectory(prefix="tarmac-reproduce-") as temporary:
        folder, extra = Path(temporary) / "clone", {"DVC_SITE_CACHE_DIR": str(Path(temporary) / "site")}
        _git("clone", "--quiet", "--no-hardlinks", ".", str(folder))
        committed = committed_text(LOCK)
        if committed is None:
            raise ValueError("HEAD has no dvc.lock to reproduce: run `dvc repro` and commit its result")
        store.pull("data/raw.dvc", folder=folder, extra=extra)
        ran = repro(folder, extra)
        print(f"\nrebuilt {_git('rev-parse', '--short', 'HEAD').strip()} in a clean clone: ran {', '.join(ran)}")
        rebuilt = {path: store.digest(folder / path) for path in store.locked(committed)}
        different = compare(store.locked(committed), rebuilt)
        tracked = _git("-C", str(folder), "diff", "--name-only").split()
    for path in tracked:
        print(f"  differs    {path}")
    if different or tracked:
        raise DifferenceError(f"not reproduced: {', '.join(dict.fromkeys([*different, *tracked]))}")
    print("reproduced bit for bit: dvc.lock, every output and every metric file")


def compare(committed: Mapping[str, str], rebuilt: Mapping[str, str]) -> list[str]:
    """Prints one line an output and returns the paths whose hashes differ."""
    paths = sorted({*committed, *rebuilt})
    for path in paths:
        before, after = committed.get(path, "none"), rebuilt.get(path, "none")
        print(f"  identical  {path}  {after}" if before == after else f"  differs    {path}  {before} -> {after}")
    return [path for path in paths if committed.get(path) != rebuilt.get(path)]


def print_metrics(committed: str | None, present: str) -> None:
    """Prints the test metrics beside the committed ones."""
    after, before = json.loads(present), json.loads(committed or "{}")
    print(f"{'test metric':<20}{'committed':>12}{'now':>12}{'change':>12}")
    for name in SHOWN:
        old = before.get(name)
        was, change = (f"{old:.6f}", f"{after[name] - old:+.6f}") if old is not None else ("none", "")
        print(f"{name:<20}{was:>12}{after[name]:>12.6f}{change:>12}")


def committed_text(path: Path) -> str | None:
    """A file as HEAD has it, or None where HEAD does not."""
    done = subprocess.run(["git", "show", f"HEAD:{path}"], check=False, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
