"""Rebuilds the pipeline and says, output by output, whether the result is the committed one."""

import ast
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tarmac import policy
from tarmac.interface.errors import UserError
from tarmac.interface.problem import PROJECT, ROLES, SOURCE, parse_problem_name, read_problem_name
from tarmac.pipeline.base import cost
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import write_json
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import LOCK, PARAMS, PIPELINE
from tarmac.repository import stage_costs
from tarmac.repository.dvc import commands, config, lockfile, recovery
from tarmac.repository.git import read_text_at, run_git
from tarmac.repository.metrics import read_test_metrics
from tarmac.repository.round_cap import describe_round_cap

REBUILT = Path(".dvc/tmp/tarmac/rebuilt.json")


class DifferenceError(UserError):
    """A rebuilt output is not the committed one."""


def rebuild_and_compare() -> None:
    """Pull the raw data, and rebuild what is not up to date.

    Print the result compared with the committed one.
    """
    recovery.recover_and_report()
    params = policy.load_all_params()  # a mistake is reported before anything is fetched
    commands.pull_outputs("data/raw.dvc")
    ran = run_dvc_repro(Path())
    committed, metrics = None, {}
    if is_same_problem():
        committed, metrics = read_text_at("HEAD", LOCK), read_test_metrics("HEAD")
    print()
    print_metrics(metrics, read_test_metrics())
    print()
    if note := describe_round_cap(params.train):
        print(f"{note}\n")
    if committed is None:
        print(
            "nothing is committed to compare with: "
            "commit dvc.lock and metrics to make this the result"
        )
        return
    different = compare_outputs(
        lockfile.parse_output_hashes(committed, "HEAD"),
        lockfile.parse_output_hashes(LOCK.read_text(encoding="utf-8")),
    )
    what = f"ran {', '.join(ran)}" if ran else "nothing to run, all stages are up to date"
    same = "reproduced bit for bit" if ran else "the same as committed"
    print(f"\n{what}: {'differs in ' + ', '.join(different) if different else same}")


def is_same_problem() -> bool:
    """Return whether HEAD's problem is the one in the working tree.

    The result of another problem says nothing of this one.
    """
    project, name = read_text_at("HEAD", Path(PROJECT)), read_problem_name(Path())
    if project is None or parse_problem_name(project) != name:
        return False
    contract = Path(SOURCE, str(name), f"{ROLES['contract'].replace('.', '/')}.py")
    committed = _parse_task_and_target(read_text_at("HEAD", contract) or "")
    return committed == _parse_task_and_target(contract.read_text(encoding="utf-8"))


def _parse_task_and_target(contract: str) -> dict[str, str]:
    """What is predicted, by the text of a problem's contract."""
    values: dict[str, str] = {}
    for node in ast.parse(contract).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id in {"TASK", "TARGET"}:
                    values[target.id] = ast.unparse(node.value)
    return values


def run_dvc_repro(folder: Path, *options: str, extra: Mapping[str, str] | None = None) -> list[str]:
    """Run `dvc repro`, showing its lines, and return the stages that it ran.

    Stages that it skipped or restored are not among them.
    """
    commands.clear_stale_locks(folder)
    commands.remove_damaged_from_cache(folder)
    before, ran = _hash_stage_inputs(folder), []
    with tempfile.TemporaryDirectory(prefix="tarmac-cost-") as measured:
        for line in commands.run_dvc(
            "repro", *options, folder=folder, extra={**(extra or {}), cost.ASKED: measured}
        ):
            print(line, flush=True)
            if line.startswith("Running stage '"):
                ran.append(line.split("'")[1])
        stage_costs.save_stage_costs(
            Path(measured), (folder / LOCK).read_text(encoding="utf-8"), ran
        )
    commands.verify_outputs(folder)
    after = _hash_stage_inputs(folder)
    changed = sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    if ran and changed:  # DVC notes parameters and hashes when a stage ends, whatever it ran with
        hint = f"run `dvc repro --force`: {LOCK} may not describe the inputs of the stages that ran"
        raise DifferenceError(f"files changed while stages ran: {', '.join(changed)}", hint)
    return ran


def _hash_stage_inputs(folder: Path) -> dict[str, str]:
    """Return the hash of everything that stages read and a person writes, by path.

    These are parameters, code and raw data. Return nothing if the pipeline's file is broken.
    """
    try:
        pipeline = lockfile.parse_yaml((folder / PIPELINE).read_text(encoding="utf-8"))
        deps = {str(PARAMS), str(PIPELINE)}
        for stage in pipeline["stages"].values():
            deps.update(stage.get("deps", []))
    except (yaml.YAMLError, OSError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return {}  # DVC says what is wrong
    outputs = set[str]()
    if (folder / LOCK).is_file():
        lock = (folder / LOCK).read_text(encoding="utf-8")
        outputs = set(lockfile.parse_output_hashes(lock))
    hashes = {}
    for path in sorted(deps - outputs):
        top = folder / path
        for file in [top] if top.is_file() else top.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                hashes[str(file.relative_to(folder))] = compute_dvc_hash(file)
    return hashes


def rebuild_in_clean_clone() -> None:
    """Rebuild HEAD from raw data in a clean clone.

    The clone has no cache, no run cache, and nothing of this folder but its commits. Print one line
    for each output, and keep the result for `read_last_rebuild`. Raise `DifferenceError` if an
    output, `dvc.lock` or a metric file differs by a byte.
    """
    head = run_git("rev-parse", "HEAD").strip()
    # Until it is known better.
    write_json(REBUILT, {"commit": head, "result": "failed", "different": []})
    different = _rebuild_commit(head)
    result = "differs" if different else "identical"
    write_json(REBUILT, {"commit": head, "result": result, "different": different})
    if different:
        hint = "run `make doctor`; if it finds no fault, run `make run` and commit its result"
        raise DifferenceError(f"the rebuild differs from HEAD: {', '.join(different)}", hint)
    print("reproduced bit for bit: dvc.lock, every output and every metric file")


def read_last_rebuild() -> tuple[str, list[str]]:
    """Return what `rebuild_in_clean_clone` found for HEAD, and what differs.

    The result is `identical`, `differs`, `failed` or `not tried`.
    """
    if not REBUILT.is_file():
        return "not tried", []
    rebuild = json.loads(REBUILT.read_text(encoding="utf-8"))
    if rebuild["commit"] != run_git("rev-parse", "HEAD").strip():
        return "not tried", []
    return rebuild["result"], rebuild["different"]


def _rebuild_commit(head: str) -> list[str]:
    """Run the pipeline of a commit in a temporary clone, and return the paths that differ."""
    with tempfile.TemporaryDirectory(prefix="tarmac-reproduce-") as temporary:
        folder = Path(temporary) / "clone"
        extra = {"DVC_SITE_CACHE_DIR": str(Path(temporary) / "site")}
        run_git("clone", "--quiet", "--no-hardlinks", ".", str(folder))
        config.lend_remotes(folder)
        committed = read_text_at(head, LOCK)
        if committed is None:
            raise UserError(f"HEAD has no {LOCK}", "run `make run` and commit its result")
        commands.pull_outputs("data/raw.dvc", folder=folder, extra=extra)
        # Also what Git has brought, such as the card.
        ran = run_dvc_repro(folder, "--force", extra=extra)
        print(f"\nrebuilt {head[:7]} in a clean clone: ran {', '.join(ran)}")
        expected = lockfile.parse_output_hashes(committed, head)
        rebuilt = {path: compute_dvc_hash(folder / path) for path in expected}
        different = compare_outputs(expected, rebuilt)
        tracked = run_git("diff", "--name-only", folder=folder).split()
    for path in tracked:
        print(f"  differs    {path}")
    return list(dict.fromkeys([*different, *tracked]))


def compare_outputs(committed: Mapping[str, str], rebuilt: Mapping[str, str]) -> list[str]:
    """Print one line an output and return the paths whose hashes differ."""
    paths = sorted({*committed, *rebuilt})
    for path in paths:
        before, after = committed.get(path, "none"), rebuilt.get(path, "none")
        if before == after:
            print(f"  identical  {path}  {after}")
        else:
            print(f"  differs    {path}  {before} -> {after}")
    return [path for path in paths if committed.get(path) != rebuilt.get(path)]


def print_metrics(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Print the test metrics compared with the committed ones."""
    print(f"{'test metric':<20}{'committed':>12}{'now':>12}{'change':>12}")
    for name in TASK.metrics:
        old = before.get(name)
        committed, change = "none", ""
        if old is not None:
            committed, change = f"{old:.6f}", f"{after[name] - old:+.6f}"
        print(f"{name:<20}{committed:>12}{after[name]:>12.6f}{change:>12}")
