"""Judge a commit by the code, the policy and the test rows of the base that it is to go into.

What the commit hands over is data: features of the test rows, two ONNX files, and the files that
the report shows. The base scores the models itself, on its own labels, clusters and slices, so that
no line of the commit takes part in the verdict. The commit's code runs in the sandbox alone.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import yaml
from pydantic import ValidationError

from tarmac.interface.errors import UserError, format_error_inline
from tarmac.interface.problem import PROJECT, problem
from tarmac.pipeline.base import months, paths
from tarmac.pipeline.base.params import AnySplit, MonthWindow, SplitParams
from tarmac.pipeline.metrics.metrics import split_prediction_columns
from tarmac.pipeline.models.scorer import Scorer
from tarmac.policy import AllParams
from tarmac.repository.dvc import commands
from tarmac.review.base_predictions import NotComparableError, require_unseen_months
from tarmac.review.rebuild import RebuildOutcome, rebuild_commit
from tarmac.review.result_folder import (
    BASELINE,
    FEATURES,
    MODEL,
    PARAMS,
    PREDICTIONS,
    RAW,
    ResultFolder,
    open_commit_result,
)
from tarmac.review.split_windows import SplitWindowError, compute_split_windows
from tarmac.review.verdict import Outcome, ReviewCheck, evaluate_limit

MORE_ROWS = 2  # times those of the base: more are not read
MADE = (str(paths.TABLES), str(paths.TEST_METRICS.parent))  # by evaluate, beside the predictions
APPROVE = (
    "a maintainer can approve this commit: "
    "add its name to `review.approved` of params.yaml in the base"
)
SCORING_SECONDS = 1800


class CandidateError(UserError):
    """What a commit hands over cannot be judged."""


@dataclass
class RowDifferences:
    """Differences between the rows that a commit hands over and those that the base makes.

    The base makes them of the same raw data.
    """

    only_base: int = 0
    only_head: int = 0
    relabelled: int = 0
    columns: set[str] = field(default_factory=set)  # what slices, clusters and behaviors go by

    def build_checks(self, approved: bool) -> list[ReviewCheck]:
        """Judge the differences: none may be without an approval."""
        faults = (
            ("test rows", self.only_base, f"{self.only_base:,} rows of the base are missing"),
            ("test rows", self.only_head, f"{self.only_head:,} rows are others than the base's"),
            (
                "labels",
                self.relabelled,
                f"{self.relabelled:,} rows have another label than by the base's code",
            ),
            (
                "columns of slices, clusters and behaviors",
                len(self.columns),
                f"other values than by the base's code in {', '.join(sorted(self.columns))}",
            ),
        )
        return [
            _create_approval_check(name, reason, approved)
            for name, count, reason in faults
            if count
        ]


@dataclass(frozen=True)
class GateResult:
    """What the base found out about a commit, to be compared with its own result."""

    head: ResultFolder  # the commit's files, with predictions and tables that the base made
    reference: ResultFolder  # the test rows, made by the base, for its own model
    params: AllParams  # the base's, with the windows that it grants
    checks: Sequence[ReviewCheck]
    rebuilt: RebuildOutcome


@contextmanager
def open_gate_result(
    commit: str, base: ResultFolder, params: AllParams, approval: str
) -> Iterator[GateResult]:
    """Judge a commit for as long as the block lasts. Raises `CandidateError` if it cannot be.

    `approval` is the commit whose name counts in `review.approved`.
    """
    approved = approval in params.review.approved
    with (
        open_commit_result(commit, base, trusted=False) as head,
        tempfile.TemporaryDirectory(prefix="tarmac-gate-") as name,
    ):
        folder = Path(name)
        _require_outputs(head)
        granted, checks = grant_windows(head, params, approved)
        split = granted.split
        test = split.test if isinstance(split, SplitParams) else None
        rebuilt = RebuildOutcome("not tried", reason="the policy does not require it")
        if params.review.require_reproduced:
            rebuilt = rebuild_commit(head, granted, folder / "rebuild")
        shutil.rmtree(folder / "rebuild", ignore_errors=True)
        features = build_base_features(base, head, folder)
        tree = folder / "judged"
        differences = write_evaluation_inputs(features, base, head, granted, tree, approved)
        _run_stage("evaluate", tree)
        _add_baseline_predictions(tree, features, base)
        reference = _create_reference(folder / "reference", features, tree)
        result = _replace_head_results(head, tree)
        checks += differences.build_checks(approved)
        checks += evaluate_model_metadata(head, test)
        checks += evaluate_rebuild(rebuilt, params)
        yield GateResult(result, reference, granted, checks, rebuilt)


def _require_outputs(head: ResultFolder) -> None:
    """Raise `CandidateError` if the remote lacks an output that the base evaluates."""
    lacking = [path for path in (MODEL, BASELINE, FEATURES, RAW) if path not in head.present]
    if lacking:
        raise CandidateError(
            f"the remote does not have {', '.join(lacking)} of commit {head.commit[:9]}",
            "run `make push` in the clone that made the commit",
        )


def grant_windows(
    head: ResultFolder, params: AllParams, approved: bool
) -> tuple[AllParams, list[ReviewCheck]]:
    """Return the base's parameters with the windows for head, and the checks of what head changed.

    Head is evaluated on these windows. Windows move by themselves if raw data came and head's are
    those of the base's own retraining.
    """
    tree, checks = head.read_yaml(PARAMS), []
    ours = params.model_dump(mode="json")
    if tree.get("problem") != ours["problem"]:
        reason = "target or cut-off differ from the base's (`problem` in params.yaml)"
        checks.append(_create_approval_check("problem", reason, approved))
    if tree.get("split") == ours["split"]:
        return params, checks
    try:
        wanted = type(params.split).model_validate(tree.get("split"))
    except ValidationError:
        return params, [
            *checks,
            ReviewCheck("gate", "split", "fail", "`split` of params.yaml cannot be read"),
        ]
    if (
        approved
        or _has_same_test_window(wanted, params.split)
        or _is_policy_retraining(wanted, head, params)
    ):
        return params.model_copy(update={"split": wanted}), checks
    reason = (
        "the test rows are others (`split` in params.yaml), "
        "and not those of a retraining by the base's policy"
    )
    return params, [*checks, _create_approval_check("split", reason, approved)]


def _has_same_test_window(one: AnySplit, other: AnySplit) -> bool:
    return (
        isinstance(one, SplitParams) and isinstance(other, SplitParams) and one.test == other.test
    )


def _is_policy_retraining(wanted: Any, head: ResultFolder, params: AllParams) -> bool:
    """Check whether the base's policy of retraining gives these windows.

    The policy is applied to a later month of head's data.
    """
    if not isinstance(wanted, SplitParams) or not isinstance(params.split, SplitParams):
        return False
    try:
        stored = months.list_stored_months(head.resolve_path(RAW) / problem.contract.MONTHLY[-1])
        last = wanted.test.last
        expected = compute_split_windows(stored[0], last, params.retrain)
    except (SplitWindowError, months.MonthsError, IndexError):
        return False
    given = {
        f"split.{part}.{end}": month
        for part, ends in wanted.model_dump().items()
        for end, month in ends.items()
    }
    return params.split.test.last < last <= stored[-1] and given == expected


def build_base_features(base: ResultFolder, head: ResultFolder, folder: Path) -> Path:
    """Return the features that the base's code makes of head's raw data.

    They are the base's own features if the raw data are its own.
    """
    if FEATURES in base.present and base.hashes.get(RAW) == head.hashes[RAW]:
        return base.resolve_path(FEATURES).resolve()
    tree = folder / "view"
    _write_base_files(base, tree)
    shutil.copytree(head.resolve_path(RAW).resolve(), tree / RAW)
    for stage in ("prepare", "featurize"):
        _run_stage(stage, tree)
    return tree / FEATURES


def write_evaluation_inputs(
    features: Path,
    base: ResultFolder,
    head: ResultFolder,
    params: AllParams,
    tree: Path,
    approved: bool,
) -> RowDifferences:
    """Write what evaluate reads: head's models and features, for the rows of the base.

    Labels and clusters are the base's, too.
    """
    _write_base_files(base, tree)
    path = tree / PARAMS
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(
        yaml.safe_dump({**given, "split": params.split.model_dump(mode="json")}), encoding="utf-8"
    )
    for name in (MODEL, BASELINE):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(head.resolve_path(name), tree / name)
    differences = RowDifferences()
    (tree / FEATURES).mkdir(parents=True)
    for file in _list_evaluated_files(features, params):
        ours = pd.read_parquet(features / file)
        theirs = _read_untrusted_table(head.resolve_path(FEATURES) / file, len(ours))
        rows = theirs if approved else merge_head_columns(ours, theirs, differences)
        rows.to_parquet(tree / FEATURES / file)
    return differences


def _list_evaluated_files(features: Path, params: AllParams) -> list[str]:
    """Return the files of the evaluated rows, and of those that the threshold is chosen on."""
    split = params.split
    if not isinstance(split, SplitParams):
        return sorted(path.name for path in features.glob("*.parquet"))
    wanted = {
        month
        for part in (split.validation, split.test)
        for month in months.list_months_between(part.first, part.last)
    }
    return [f"{month}.parquet" for month in sorted(wanted)]


def _read_untrusted_table(path: Path, rows: int) -> pd.DataFrame:
    """Read a table that is not trusted.

    Raises `CandidateError` if it is missing, odd, or far too large.
    """
    try:
        size = pq.read_metadata(path).num_rows
        if size > MORE_ROWS * rows + 1000:
            many = f"far more rows ({size:,}) than the base ({rows:,})"
            hint = "check that the features do not repeat rows"
            raise CandidateError(f"{FEATURES}/{path.name} has {many}", hint)
        table = pd.read_parquet(path)
        if table.duplicated(list(problem.contract.KEY)).any():
            message = f"{FEATURES}/{path.name} has more than one row with the same key"
            raise CandidateError(message, "have the features give each row a key of its own")
    except CandidateError:
        raise
    except Exception as error:  # noqa: BLE001 -- a hostile file may break its reader in any way
        raise CandidateError(
            f"{FEATURES}/{path.name} cannot be read ({type(error).__name__}: {error})",
            "make the features again (`make run`), and commit the result",
        ) from None
    return table


def merge_head_columns(
    ours: pd.DataFrame, theirs: pd.DataFrame, differences: RowDifferences
) -> pd.DataFrame:
    """Return the base's rows, in its order, with head's columns.

    Labels, keys and clusters are the base's. What differs is counted in `differences`. A row that
    head lacks is left out; that alone fails.
    """
    key = list(problem.contract.KEY)
    own = [name for name in theirs.columns if name not in {*key, problem.contract.TARGET}]
    try:
        numbered = theirs[key].assign(place=range(len(theirs)))
        places = ours[key].merge(numbered, on=key, how="left")["place"]
    except (ValueError, KeyError, TypeError) as error:
        reason = f"the keys of {FEATURES} do not match those of the base ({error})"
        hint = f"keep the columns {', '.join(key)} and their types in the features"
        raise CandidateError(reason, hint) from None
    known = places.notna().to_numpy()
    differences.only_base += int((~known).sum())
    differences.only_head += len(theirs) - int(known.sum())
    base = ours[known].reset_index(drop=True)
    head = theirs.iloc[places[known].astype("int64")].reset_index(drop=True)
    if problem.contract.TARGET in head:
        differences.relabelled += int(
            _find_different_values(
                base[problem.contract.TARGET], head[problem.contract.TARGET]
            ).sum()
        )
    for name in _list_guarded_columns():
        if name in base and (
            name not in head or _find_different_values(base[name], head[name]).any()
        ):
            differences.columns.add(name)
    rows = head[own].assign(**{name: base[name] for name in base.columns if name not in own})
    before, after = problem.slices.slices(base), problem.slices.slices(rows)
    differences.columns |= {
        name for name in before if _find_different_values(before[name], after[name]).any()
    }
    return rows[[*base.columns, *(name for name in own if name not in base.columns)]]


def _list_guarded_columns() -> set[str]:
    """Return the columns that clusters and behaviors go by."""
    columns = {problem.contract.CLUSTER}
    for behaviour in problem.behaviour.BEHAVIOURS:
        columns.update(behaviour.columns)
    return columns - set(problem.contract.KEY)


def _find_different_values(one: "pd.Series[Any]", other: "pd.Series[Any]") -> "pd.Series[bool]":
    """Return where two columns differ; two missing values do not."""
    left, right = one.astype(object), other.astype(object)
    both = left.isna() & right.isna()
    return ~(both | (left == right).fillna(False).astype(bool))


def _run_stage(name: str, tree: Path) -> None:
    """Run a stage of the base."""
    command = [sys.executable, "-m", f"tarmac.pipeline.{name}.stage"]
    environment = commands.build_dvc_environment({"PYTHONPATH": "src"})
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=SCORING_SECONDS,
        )
    except subprocess.TimeoutExpired:
        reason = f"stage {name} of the base took longer than {SCORING_SECONDS:,} seconds"
        hint = "use a model that predicts faster, or features with fewer rows"
        raise CandidateError(reason, hint) from None
    if done.returncode:
        lines = [f"  {line}" for line in _select_error_lines(done.stderr)]
        failed = f"stage {name} of the base failed on the commit's outputs:"
        hint = "make the outputs again (`make run`), and commit the result"
        raise CandidateError("\n".join([failed, *lines]), hint)


def _select_error_lines(stderr: str) -> list[str]:
    """Return the lines of a user error with its hints; the last line if there is no such error."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if line.startswith("error:"):
            return lines[number:]
    return lines[-1:]


def _write_base_files(base: ResultFolder, tree: Path) -> None:
    """Write the base's code and settings, and nothing else."""
    tree.mkdir(parents=True)
    for name in ("src", "requirements", "vendor"):
        folder = base.resolve_path(name)
        if folder.is_dir():
            shutil.copytree(folder, tree / name)
    for name in (PARAMS, PROJECT):
        shutil.copyfile(base.resolve_path(name), tree / name)
    (tree / ".dvc" / "tmp").mkdir(parents=True)


def _add_baseline_predictions(tree: Path, features: Path, base: ResultFolder) -> None:
    """Add the predictions of the base's own baseline, if there is one.

    Head's baseline may be a weak one.
    """
    if BASELINE not in base.present:
        return
    path, model = tree / PREDICTIONS, Scorer(base.resolve_path(BASELINE))
    rows = pd.read_parquet(path)
    columns = list(dict.fromkeys((*problem.contract.KEY, *model.categories, *model.numbers)))
    files = sorted(features.glob("*.parquet"))
    known = pd.concat([pd.read_parquet(file, columns=columns) for file in files], ignore_index=True)
    inputs = rows[list(problem.contract.KEY)].merge(
        known, on=list(problem.contract.KEY), how="left"
    )
    rows.assign(**split_prediction_columns(model.score(inputs), "baseline_")).to_parquet(path)


def _create_reference(folder: Path, features: Path, tree: Path) -> ResultFolder:
    """Return the test rows with the features that the base made of them."""
    (folder / "data").mkdir(parents=True)
    (folder / FEATURES).symlink_to(features)
    (folder / PREDICTIONS).symlink_to((tree / PREDICTIONS).resolve())
    return ResultFolder(folder, "", {}, frozenset({FEATURES, PREDICTIONS}))


def _replace_head_results(head: ResultFolder, tree: Path) -> ResultFolder:
    """Put what the base made in the place of what head says of itself."""
    target = head.resolve_path(PREDICTIONS)
    target.unlink(missing_ok=True)  # it may be a link to the base's
    shutil.copyfile(tree / PREDICTIONS, target)
    for name in MADE:
        shutil.rmtree(head.resolve_path(name), ignore_errors=True)
        shutil.copytree(tree / name, head.resolve_path(name))
    return ResultFolder(head.folder, head.commit, head.hashes, head.present | {PREDICTIONS})


def evaluate_model_metadata(head: ResultFolder, test: MonthWindow | None) -> list[ReviewCheck]:
    """Check what the model says of itself.

    It may neither take the label nor have learned from test months.
    """
    model, checks = Scorer(head.resolve_path(MODEL)), []
    if problem.contract.TARGET in {*model.categories, *model.numbers}:
        checks.append(
            ReviewCheck(
                "gate",
                "inputs",
                "fail",
                f"the model takes {problem.contract.TARGET}, which is the label",
            )
        )
    try:
        if test is not None:
            require_unseen_months(model.metadata, test)
    except NotComparableError as error:
        reason = format_error_inline(error)
        checks.append(ReviewCheck("gate", "months of the model", "fail", reason))
    return checks


def evaluate_rebuild(rebuilt: RebuildOutcome, params: AllParams) -> list[ReviewCheck]:
    """Judge the rebuild in the sandbox, and the time that it took."""
    names = ", ".join(rebuilt.different)
    summary = {
        "identical": "rebuilt from raw data in a sandbox, bit for bit",
        "differs": f"rebuilt in a sandbox, it differs in {names}",
        "failed": "the rebuild in a sandbox failed",
        "not tried": "not rebuilt",
    }[rebuilt.result]
    blind = f"; {rebuilt.blind} the model is the same" if rebuilt.blind else ""
    if rebuilt.decided:
        blind += f"; in another future the features of {rebuilt.decided:,} rows are the same"
    cause = f": {rebuilt.reason}" if rebuilt.reason else ""
    reason = f"{summary}{blind}{cause}"
    failing: Outcome = "fail" if params.review.require_reproduced else "inconclusive"
    same = rebuilt.result == "identical"
    checks = [ReviewCheck("lineage", "reproduced", "pass" if same else failing, reason)]
    if same:
        most = params.review.cost.pipeline_minutes
        checks.append(
            evaluate_limit("cost", "pipeline time", rebuilt.seconds / 60, most, "minutes")
        )
    return checks


def _create_approval_check(name: str, reason: str, approved: bool) -> ReviewCheck:
    if approved:
        return ReviewCheck("gate", name, "pass", f"{reason}; a maintainer has approved this commit")
    return ReviewCheck("gate", name, "fail", f"{reason}; {APPROVE}")
