"""Makes a review: brings the result up to date, fetches the base, compares, judges, and writes report and verdict."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from tarmac.interface.errors import UserError, format_error
from tarmac.interface.problem import problem
from tarmac.pipeline.base.outputs import replacing, write_json
from tarmac.pipeline.base.params import SplitParams
from tarmac.pipeline.base.paths import TABLES, TRAIN_METRICS
from tarmac.policy import Params, load
from tarmac.repository import clone, git, reproduce
from tarmac.repository.dvc import commands, object_store
from tarmac.review import compare, cost, gate, verdict
from tarmac.review.additions import find_additions
from tarmac.review.base import answers
from tarmac.review.changes import Changes, changes
from tarmac.review.charts import charts
from tarmac.review.data import DataDiff, diff
from tarmac.review.facts import Review, as_json
from tarmac.review.provenance import Provenance, checks, hashes, lineage
from tarmac.review.report import failure, report
from tarmac.review.results import PARAMS, PREDICTIONS, Result, here, of_commit
from tarmac.review.verdict import Check

BEHAVIOUR, TRAINED = str(TABLES / "behaviour.csv"), str(TRAIN_METRICS)
FETCH = "fetch the commit with `git fetch origin`, or name another commit"
BY_HAND = "to review it by hand, check it out on a machine without secrets and run `make review`"


def review_by_base(revision: str | None, out: Path) -> bool:
    """Review HEAD as CI does: by the code and the policy of the base, in a clone of it.

    Writes to `out` what `review_commit` writes. Raises `GitError` if there is no base, or if
    something is not committed.
    """
    base, head = _base(revision), git.commit("HEAD")
    if base is None or head is None:
        raise git.GitError(
            "no commit of a default branch was found whose code could review HEAD",
            "run `git fetch origin`, or `make review` without JUDGE=base",
        )
    changed = [path for path in git.changed_since("HEAD") if not path.startswith(f"{out}/")]
    if changed:
        raise git.GitError(
            f"{changed[0]} is not committed, and JUDGE=base reviews only commits",
            "commit or remove it, or run `make review` without JUDGE=base",
        )
    out.mkdir(parents=True, exist_ok=True)
    with clone.of_commit(base) as folder:
        program = "from tarmac.cli import app; app()"
        words = [sys.executable, "-c", program, "review", "--candidate", head, "--out", str(out.resolve())]
        return subprocess.run(words, cwd=folder, env=_of_clone(folder), check=False).returncode == 0


def _of_clone(folder: Path) -> dict[str, str]:
    """Return the environment in which a clone's own code runs, on its own DVC state."""
    return commands.environment({**clone.site(folder), "PYTHONPATH": str(folder / "src")})


def review_commit(revision: str, out: Path, approval: str = "") -> bool:
    """Judge a commit by this tree's code, policy and data; write `report.md` and `verdict.json` to `out`.

    Returns whether the verdict is pass. `approval` is the commit whose name counts in
    `review.approved`; by default the judged one. Raises `GitError` if a commit is not here.
    """
    head, own = git.commit(revision), git.commit("HEAD")
    if head is None or own is None:
        raise git.GitError(f"{revision} is not a commit in this clone", FETCH)
    try:
        with of_commit(own, Result(Path(), "", {}, frozenset())) as base:
            judged = _judge_commit(head, base, load(base.path(PARAMS)), approval or head)
    except UserError as error:
        return _no_result(out, error, BY_HAND)
    except Exception as error:  # noqa: BLE001 -- what a commit hands over is hostile, and may break any reader
        reason = f"{type(error).__name__}: {error}"
        unreadable = UserError(f"the outputs of the commit cannot be read ({reason})")
        return _no_result(out, unreadable, BY_HAND)
    _write(out, report(judged), as_json(judged))
    return judged.passed


def _no_result(out: Path, error: UserError, *hints: str) -> bool:
    hint = "\n".join(filter(None, (error.hint, *hints)))
    shown = format_error(UserError(str(error), hint))
    found: dict[str, object] = {"verdict": "fail", "summary": "no result to judge"}
    _write(out, failure(shown), found | {"error": str(error), "hint": hint})
    print(f"\n{shown}")
    return False


def _judge_commit(head: str, base: Result, params: Params, approval: str) -> Review:
    with gate.opened(head, base, params, approval) as case:
        found = _compare_results(base, _why_not(base), case.head, case.params, list(case.checks), case.reference)
        changed = git.git("diff", "--name-only", "--no-renames", "-z", base.commit, head, "--").split("\0")
        return replace(
            found,
            judge=base.commit,
            additions=find_additions(base.commit, head),
            lineage=hashes(base.commit, case.head) | {"reproduced": case.rebuilt.result, "judged by": base.commit},
            changes=changes(base, case.head, sorted(set(changed) - {""})),
        )


def review(revision: str | None, out: Path) -> bool:
    """Writes `report.md` and `verdict.json` to `out`; returns whether the verdict is pass.

    The base is `revision`, or where this branch left the default branch. Raises `GitError` where it cannot be found.
    """
    base = _base(revision)
    try:
        params = load()
        found = bring_up_to_date()
        judged = _compare(base, params, found)
    except UserError as error:
        return _no_result(out, error)
    _write(out, report(judged), as_json(judged))
    return judged.passed


def bring_up_to_date() -> Provenance:
    """Pulls the outputs that are not here, then runs the stages that are not up to date."""
    commands.clear_stale_locks()
    lost = _objects(commands.pull_each(path for path in commands.outputs() if not Path(path).exists()))
    ran = reproduce.repro(Path())
    rebuild, different = reproduce.last_rebuild()
    return Provenance(ran, lost, rebuild, different)


def _objects(lost: list[str]) -> list[str]:
    """The objects for want of which outputs are lost; the outputs themselves where the remote cannot say."""
    if not lost:
        return []
    known = commands.outputs()
    try:
        with object_store.opened() as remote:
            found = object_store.faults(remote, {path: known[path] for path in lost}, read=True)
    except object_store.RemoteError:
        return lost
    return [f"{fault.path} ({fault.oid}, {fault.kind})" for fault in found] or lost


def _base(revision: str | None) -> str | None:
    if revision is None:
        return git.merge_base()
    found = git.commit(revision)
    if found is None:
        raise git.GitError(f"--base: {revision} is not a commit in this clone", FETCH)
    return found


def _compare(base: str | None, params: Params, found: Provenance) -> Review:
    head = here(git.commit("HEAD") or "not committed yet")
    if base is None:
        return _judge(None, "no default branch with a commit", head, params, found)
    with of_commit(base, head) as side:
        return _judge(side, _why_not(side), head, params, found)


def _why_not(base: Result) -> str:
    """Why the models cannot be compared; empty where they can."""
    if PREDICTIONS not in base.present:
        return f"commit {base.commit[:7]} has no predictions, or the remote lacks them"
    lacking = {*problem.contract.KEY, problem.contract.TARGET, *problem.contract.ANSWERS} - set(
        pq.read_schema(base.path(PREDICTIONS)).names
    )
    return f"the predictions of commit {base.commit[:7]} lack {', '.join(sorted(lacking))}" if lacking else ""


def _judge(side: Result | None, no_base: str, head: Result, params: Params, found: Provenance) -> Review:
    judged = _compare_results(side, no_base, head, params, checks(found, params.review.require_reproduced))
    changed = changes(side, head, git.changed_since(side.commit)) if side else Changes([], {}, [])
    return replace(judged, lineage=lineage(side.commit if side else None, head, found), changes=changed)


def _compare_results(
    side: Result | None,
    no_base: str,
    head: Result,
    params: Params,
    own: Sequence[Check],
    reference: Result | None = None,
) -> Review:
    """Compare two results, but for lineage and changes.

    The base's model is scored on the rows of `reference` if test months moved; by default on head's.
    """
    rows = pd.read_parquet(head.path(PREDICTIONS))
    test = params.split.test if isinstance(params.split, SplitParams) else None
    before, moved = answers(side, reference or head, test) if side and not no_base else (None, None)
    pairing = compare.pair(before, rows)
    if moved and not moved.asked and not len(pairing.rows):
        no_base, pairing = f"the test months moved, and {moved.told}", compare.pair(None, rows)
    policy, settings = params.review, params.intervals
    metrics = compare.metric_changes(list(policy.metrics), rows, pairing, settings, params.evaluate.calibration_bins)
    slices = compare.slice_changes(rows, pairing, params.evaluate.min_slice_rows, settings)
    costs = cost.compare(side, head)
    judged = [
        *own,
        *map(verdict.metric, metrics, policy.metrics.values()),
        *(verdict.one_slice(change, policy.slices) for change in slices),
        *([verdict.baseline(compare.over_baseline(rows, settings))] if policy.beat_baseline else []),
        *_other(head, costs[1], params),
    ]
    return Review(
        checks=judged,
        no_base=no_base,
        compared=pairing.counts,
        moved=moved,
        metrics=metrics,
        slices=slices,
        row_wise=compare.row_wise(pairing, settings.confidence),
        policy=policy,
        confidence=settings.confidence,
        data=diff(side, head, (_window(side), _window(head))) if side else DataDiff(),
        changes=Changes([], {}, []),
        cost=costs,
        lineage={},
        charts=charts(side, head),
    )


def _other(head: Result, spent: cost.Cost, params: Params) -> list[Check]:
    """Judges behaviour, parity of the ONNX file, and cost."""
    policy, behaviour = params.review, pd.read_csv(head.path(BEHAVIOUR))
    bound = head.json(TRAINED)["onnx_difference_below"]
    parity = Check("parity", "ONNX parity", "pass", f"the ONNX file answers within {bound:g} of the fitted model")
    limits = (
        ("model size", spent.model_bytes and spent.model_bytes / 1e6, policy.cost.model_megabytes, "MB"),
        ("scoring", spent.scoring_microseconds, policy.cost.scoring_microseconds, "µs a row"),
        ("pipeline time", spent.minutes, policy.cost.pipeline_minutes, "minutes"),
        ("peak memory", spent.gigabytes, policy.cost.memory_gigabytes, "GB"),
    )
    known = [verdict.limit("cost", name, value, most, unit) for name, value, most, unit in limits if value is not None]
    return [*verdict.behaviours(behaviour, policy.behaviour), parity, *known]


def _window(side: Result) -> tuple[str, str]:
    """First and last month of a result's training rows."""
    window = side.yaml(PARAMS).get("split", {}).get("train", {})
    return str(window.get("first", "")), str(window.get("last", ""))


def _write(out: Path, text: str, found: dict[str, object]) -> None:
    with replacing(out / "report.md") as path:
        path.write_text(text, encoding="utf-8")
    write_json(out / "verdict.json", found)
    print(f"\n{found['verdict']}: {found['summary']}\nwritten: {out / 'report.md'}, {out / 'verdict.json'}")
