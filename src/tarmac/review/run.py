"""Make a review: update the result, fetch the base, compare, and write report and verdict."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError, format_error
from tarmac.interface.problem import problem
from tarmac.pipeline.base.outputs import replace_output, write_json
from tarmac.pipeline.base.params import SplitParams
from tarmac.pipeline.base.paths import TABLES, TRAIN_METRICS
from tarmac.policy import AllParams, load_all_params
from tarmac.repository import clone, git, reproduce
from tarmac.repository.dvc import commands, object_store
from tarmac.review import compare, cost, gate, verdict
from tarmac.review.additions import find_additions
from tarmac.review.base_predictions import MovedTestWindow, load_base_predictions
from tarmac.review.changes import Changes, find_changes
from tarmac.review.charts import render_charts
from tarmac.review.data import DataDiff, compare_data
from tarmac.review.facts import Review, to_json_dict
from tarmac.review.provenance import Provenance, build_lineage, collect_hashes, evaluate_provenance
from tarmac.review.report import render_failure, render_report
from tarmac.review.result_folder import (
    PARAMS,
    PREDICTIONS,
    ResultFolder,
    load_working_tree_result,
    open_commit_result,
)
from tarmac.review.verdict import ReviewCheck

BEHAVIOUR, TRAINED = str(TABLES / "behaviour.csv"), str(TRAIN_METRICS)
FETCH = "fetch the commit with `git fetch origin`, or name another commit"
BY_HAND = "to review it by hand, check it out on a machine without secrets and run `make review`"


def review_by_base(revision: str | None, out: Path) -> bool:
    """Review HEAD as CI does: by the code and the policy of the base, in a clone of it.

    Writes to `out` what `review_commit` writes. Raises `GitError` if there is no base, or if
    something is not committed.
    """
    base, head = _find_base(revision), git.resolve_commit("HEAD")
    if base is None or head is None:
        raise git.GitError(
            "no commit of a default branch was found whose code could review HEAD",
            "run `git fetch origin`, or `make review` without JUDGE=base",
        )
    changed = [path for path in git.list_changed_paths("HEAD") if not path.startswith(f"{out}/")]
    if changed:
        raise git.GitError(
            f"{changed[0]} is not committed, and JUDGE=base reviews only commits",
            "commit or remove it, or run `make review` without JUDGE=base",
        )
    out.mkdir(parents=True, exist_ok=True)
    with clone.open_clone(base) as folder:
        program = "from tarmac.cli import app; app()"
        options = ["--candidate", head, "--out", str(out.resolve())]
        command = [sys.executable, "-c", program, "review", *options]
        environment = _build_clone_environment(folder)
        done = subprocess.run(command, cwd=folder, env=environment, check=False)
    return done.returncode == 0


def _build_clone_environment(folder: Path) -> dict[str, str]:
    """Return the environment in which a clone's own code runs, on its own DVC state."""
    return commands.build_dvc_environment(
        {**clone.build_site_cache_env(folder), "PYTHONPATH": clone.build_code_path(folder)}
    )


def review_commit(revision: str, out: Path, approval: str = "") -> bool:
    """Review a commit by this tree's code, policy and data.

    Write `report.md` and `verdict.json` to `out`. Return whether the verdict is pass. `approval` is
    the commit whose name counts in `review.approved`; by default the reviewed one. Raise `GitError`
    if a commit is not here.
    """
    head, own = git.resolve_commit(revision), git.resolve_commit("HEAD")
    if head is None or own is None:
        raise git.GitError(f"{revision} is not a commit in this clone", FETCH)
    try:
        with open_commit_result(own, ResultFolder(Path(), "", {}, frozenset())) as base:
            params = load_all_params(base.resolve_path(PARAMS))
            result = _evaluate_commit(head, base, params, approval or head)
    except UserError as error:
        return _write_failure(out, error, BY_HAND)
    except Exception as error:  # noqa: BLE001 -- what a commit hands over is hostile, and may break any reader
        reason = f"{type(error).__name__}: {error}"
        unreadable = UserError(
            f"the outputs of {revision} cannot be read ({reason})",
            "make them again (`make run`), and commit the result",
        )
        return _write_failure(out, unreadable, BY_HAND)
    _write_review(out, render_report(result), to_json_dict(result))
    return result.is_passing


def _write_failure(out: Path, error: UserError, *hints: str) -> bool:
    hint = "\n".join(filter(None, (error.hint, *hints)))
    shown = format_error(UserError(str(error), hint))
    failure: dict[str, object] = {"verdict": "fail", "summary": "no result to judge"}
    _write_review(out, render_failure(shown), failure | {"error": str(error), "hint": hint})
    print(f"\n{shown}")
    return False


def _evaluate_commit(head: str, base: ResultFolder, params: AllParams, approval: str) -> Review:
    with gate.open_gate_result(head, base, params, approval) as case:
        review = _compare_results(
            base,
            _explain_no_comparison(base),
            case.head,
            case.params,
            list(case.checks),
            case.reference,
        )
        changed = git.run_git(
            "diff", "--name-only", "--no-renames", "-z", base.commit, head, "--"
        ).split("\0")
        return replace(
            review,
            judge=base.commit,
            additions=find_additions(base.commit, head),
            lineage=collect_hashes(base.commit, case.head)
            | {"reproduced": case.rebuilt.result, "judged by": base.commit},
            changes=find_changes(base, case.head, sorted(set(changed) - {""})),
        )


def review_working_tree(revision: str | None, out: Path) -> bool:
    """Write `report.md` and `verdict.json` to `out`; return whether the verdict is pass.

    The base is `revision`, or the commit where this branch left the default branch. Raise
    `GitError` if the base cannot be found.
    """
    base = _find_base(revision)
    try:
        params = load_all_params()
        provenance = update_outputs()
        result = _review_against_base(base, params, provenance)
    except UserError as error:
        return _write_failure(out, error)
    _write_review(out, render_report(result), to_json_dict(result))
    return result.is_passing


def update_outputs() -> Provenance:
    """Pull the outputs that are not here, then run the stages that are not up to date."""
    commands.clear_stale_locks()
    lost = _list_lost_objects(
        commands.pull_available_outputs(
            path for path in commands.read_output_hashes() if not Path(path).exists()
        )
    )
    ran = reproduce.run_dvc_repro(Path())
    rebuild, different = reproduce.read_last_rebuild()
    return Provenance(ran, lost, rebuild, different)


def _list_lost_objects(lost: list[str]) -> list[str]:
    """Return the missing or damaged objects of outputs that are lost.

    Return the outputs themselves if the remote cannot say.
    """
    if not lost:
        return []
    known = commands.read_output_hashes()
    try:
        with object_store.open_remote() as remote:
            faults = object_store.find_faults(
                remote, {path: known[path] for path in lost}, read=True
            )
    except object_store.RemoteError:
        return lost
    return [f"{fault.path} ({fault.oid}, {fault.kind})" for fault in faults] or lost


def _find_base(revision: str | None) -> str | None:
    if revision is None:
        return git.find_merge_base()
    commit = git.resolve_commit(revision)
    if commit is None:
        raise git.GitError(f"--base: {revision} is not a commit in this clone", FETCH)
    return commit


def _review_against_base(base: str | None, params: AllParams, provenance: Provenance) -> Review:
    head = load_working_tree_result(git.resolve_commit("HEAD") or "not committed yet")
    if base is None:
        return _review_results(None, "no default branch with a commit", head, params, provenance)
    with open_commit_result(base, head) as side:
        return _review_results(side, _explain_no_comparison(side), head, params, provenance)


def _explain_no_comparison(base: ResultFolder) -> str:
    """Why the models cannot be compared; empty where they can."""
    if PREDICTIONS not in base.present:
        return f"commit {base.commit[:7]} has no predictions, or the remote lacks them"
    needed = {*problem.contract.KEY, problem.contract.TARGET, *problem.contract.ANSWERS}
    lacking = sorted(needed - set(pq.read_schema(base.resolve_path(PREDICTIONS)).names))
    if not lacking:
        return ""
    return f"the predictions of commit {base.commit[:7]} lack {', '.join(lacking)}"


def _review_results(
    side: ResultFolder | None,
    no_base: str,
    head: ResultFolder,
    params: AllParams,
    provenance: Provenance,
) -> Review:
    checks = evaluate_provenance(provenance, params.review.require_reproduced)
    result = _compare_results(side, no_base, head, params, checks)
    if side is None:
        return replace(result, lineage=build_lineage(None, head, provenance))
    changes = find_changes(side, head, git.list_changed_paths(side.commit))
    lineage = build_lineage(side.commit, head, provenance)
    return replace(result, lineage=lineage, changes=changes)


def _compare_results(
    side: ResultFolder | None,
    no_base: str,
    head: ResultFolder,
    params: AllParams,
    own: Sequence[ReviewCheck],
    reference: ResultFolder | None = None,
) -> Review:
    """Compare two results, but for lineage and changes.

    If test months moved, base's model is scored on the rows of `reference`, by default head's.
    """
    rows = pd.read_parquet(head.resolve_path(PREDICTIONS))
    if side and not no_base:
        pairing, moved, no_base = _pair_with_base(side, reference or head, rows, params)
    else:
        pairing, moved = compare.pair_predictions(None, rows), None
    policy, settings, bins = params.review, params.intervals, params.evaluate.calibration_bins
    metrics = compare.compare_metrics(list(policy.metrics), rows, pairing, settings, bins)
    slices = compare.compare_slices(rows, pairing, params.evaluate.min_slice_rows, settings)
    costs = cost.compare_costs(side, head)
    checks = [*own, *_evaluate_predictions(rows, metrics, slices, params)]
    checks += _evaluate_other_checks(head, costs[1], params)
    return Review(
        checks=checks,
        no_base=no_base,
        compared=pairing.counts,
        moved=moved,
        metrics=metrics,
        slices=slices,
        row_wise=compare.compute_delong_interval(pairing, settings.confidence),
        policy=policy,
        confidence=settings.confidence,
        data=_compare_training_data(side, head),
        changes=Changes([], {}, []),
        cost=costs,
        lineage={},
        charts=render_charts(side, head),
    )


def _pair_with_base(
    base: ResultFolder, reference: ResultFolder, rows: pd.DataFrame, params: AllParams
) -> tuple[compare.Pairing, MovedTestWindow | None, str]:
    """Pair the base's predictions with head's, `rows`.

    Return the pairing, what was done if the test months moved, and why nothing can be compared.
    """
    test = params.split.test if isinstance(params.split, SplitParams) else None
    before, moved = load_base_predictions(base, reference, test)
    pairing = compare.pair_predictions(before, rows)
    if moved and not moved.rows and not len(pairing.rows):
        unpaired = compare.pair_predictions(None, rows)
        return unpaired, moved, f"the test months moved, and {moved.summary}"
    return pairing, moved, ""


def _compare_training_data(base: ResultFolder | None, head: ResultFolder) -> DataDiff:
    """Compare the data of both results; without a base there is no difference."""
    if base is None:
        return DataDiff()
    return compare_data(base, head, (_read_training_window(base), _read_training_window(head)))


def _evaluate_predictions(
    rows: pd.DataFrame,
    metrics: Sequence[compare.MetricChange],
    slices: Sequence[compare.SliceChange],
    params: AllParams,
) -> list[ReviewCheck]:
    """Check the metrics, the slices and, if the policy requires it, the gain over the baseline."""
    policy = params.review
    checks = list(map(verdict.evaluate_metric, metrics, policy.metrics.values()))
    checks += [verdict.evaluate_slice(change, policy.slices) for change in slices]
    if policy.beat_baseline:
        gain = compare.compute_baseline_gain(rows, params.intervals)
        checks.append(verdict.evaluate_baseline_gain(gain))
    return checks


def _evaluate_other_checks(
    head: ResultFolder, spent: cost.ResultCost, params: AllParams
) -> list[ReviewCheck]:
    """Judges behaviour, parity of the ONNX file, and cost."""
    policy, behaviour = params.review, pd.read_csv(head.resolve_path(BEHAVIOUR))
    bound = head.read_json(TRAINED)["onnx_difference_below"]
    parity = ReviewCheck(
        "parity",
        "ONNX parity",
        "pass",
        f"the ONNX file answers within {bound:g} of the fitted model",
    )
    limits = (
        (
            "model size",
            spent.model_bytes and spent.model_bytes / 1e6,
            policy.cost.model_megabytes,
            "MB",
        ),
        ("scoring", spent.scoring_microseconds, policy.cost.scoring_microseconds, "µs a row"),
        ("pipeline time", spent.pipeline_minutes, policy.cost.pipeline_minutes, "minutes"),
        ("peak memory", spent.peak_gigabytes, policy.cost.memory_gigabytes, "GB"),
    )
    known = [
        verdict.evaluate_limit("cost", name, value, most, unit)
        for name, value, most, unit in limits
        if value is not None
    ]
    return [*verdict.evaluate_behaviours(behaviour, policy.behaviour), parity, *known]


def _read_training_window(side: ResultFolder) -> tuple[str, str]:
    """First and last month of a result's training rows."""
    window = side.read_yaml(PARAMS).get("split", {}).get("train", {})
    return str(window.get("first", "")), str(window.get("last", ""))


def _write_review(out: Path, text: str, content: dict[str, object]) -> None:
    with replace_output(out / "report.md") as path:
        path.write_text(text, encoding="utf-8")
    write_json(out / "verdict.json", content)
    print(
        f"\n{content['verdict']}: {content['summary']}\n"
        f"written: {out / 'report.md'}, {out / 'verdict.json'}"
    )
