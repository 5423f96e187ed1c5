"""Judge a commit by the code, the policy and the test rows of the base that it is to go into.

What the commit hands over is data: features of the test rows, two ONNX files, and the files that the
report shows. The base scores the models itself, on its own labels, clusters and slices, so that no
line of the commit takes part in the verdict. The commit's code runs in the sandbox alone.
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

from tarmac.interface.errors import UserError
from tarmac.interface.problem import PROJECT, problem
from tarmac.pipeline.base import months, paths
from tarmac.pipeline.base.params import AnySplit, SplitParams, Window
from tarmac.pipeline.metrics.metrics import spread
from tarmac.pipeline.models.scorer import Scorer
from tarmac.policy import Params
from tarmac.repository.dvc import commands
from tarmac.review.base import UnaskedError, refuse_known
from tarmac.review.rebuild import Rebuilt, rebuild
from tarmac.review.results import BASELINE, FEATURES, MODEL, PARAMS, PREDICTIONS, RAW, Result, of_commit
from tarmac.review.verdict import Check, Outcome, limit
from tarmac.review.windows import WindowsError, moved

MORE_ROWS = 2  # times those of the base: more are not read
MADE = (str(paths.TABLES), str(paths.TEST_METRICS.parent))  # by evaluate, beside the predictions
APPROVE = "a maintainer can approve this commit: add its name to `review.approved` of params.yaml in the base"
SCORING_SECONDS = 1800


class HandedOverError(UserError):
    """What a commit hands over cannot be judged."""


@dataclass
class Differences:
    """How the rows that a commit hands over differ from those that the base makes of the same raw data."""

    only_base: int = 0
    only_head: int = 0
    relabelled: int = 0
    columns: set[str] = field(default_factory=set)  # what slices, clusters and behaviors go by

    def checks(self, approved: bool) -> list[Check]:
        """Judge the differences: none may be without an approval."""
        found = (
            ("test rows", self.only_base, f"{self.only_base:,} rows of the base are missing"),
            ("test rows", self.only_head, f"{self.only_head:,} rows are others than the base's"),
            ("labels", self.relabelled, f"{self.relabelled:,} rows have another label than by the base's code"),
            (
                "columns of slices, clusters and behaviors",
                len(self.columns),
                f"other values than by the base's code in {', '.join(sorted(self.columns))}",
            ),
        )
        return [_needs_approval(name, reason, approved) for name, count, reason in found if count]


@dataclass(frozen=True)
class Case:
    """What the base found out about a commit, to be compared with its own result."""

    head: Result  # the commit's files, with predictions and tables that the base made
    reference: Result  # the test rows, made by the base, for its own model
    params: Params  # the base's, with the windows that it grants
    checks: Sequence[Check]
    rebuilt: Rebuilt


@contextmanager
def opened(commit: str, base: Result, params: Params, approval: str) -> Iterator[Case]:
    """Judge a commit for as long as the block lasts. Raises `HandedOverError` if it cannot be.

    `approval` is the commit whose name counts in `review.approved`.
    """
    approved = approval in params.review.approved
    with of_commit(commit, base, trusted=False) as head, tempfile.TemporaryDirectory(prefix="tarmac-gate-") as name:
        folder = Path(name)
        lacking = [path for path in (MODEL, BASELINE, FEATURES, RAW) if path not in head.present]
        if lacking:
            raise HandedOverError(
                f"the remote does not have {', '.join(lacking)} of commit {commit[:9]}",
                "run `make push` in the clone that made the commit",
            )
        granted, checks = grant(head, params, approved)
        split = granted.split
        test = split.test if isinstance(split, SplitParams) else None
        rebuilt = Rebuilt("not tried", reason="the policy does not require it")
        if params.review.require_reproduced:
            rebuilt = rebuild(head, granted, folder / "rebuild")
        shutil.rmtree(folder / "rebuild", ignore_errors=True)
        features = make_view(base, head, folder)
        tree = folder / "judged"
        found = hand_over(features, base, head, granted, tree, approved)
        _stage("evaluate", tree)
        _use_baseline(tree, features, base)
        reference = _lay_out_reference(folder / "reference", features, tree)
        yield Case(
            _show(head, tree),
            reference,
            granted,
            [*checks, *found.checks(approved), *judge_model(head, test), *judge_rebuild(rebuilt, params)],
            rebuilt,
        )


def grant(head: Result, params: Params, approved: bool) -> tuple[Params, list[Check]]:
    """Return the base's parameters with the windows that head is judged on, and the checks of what head changed.

    Windows move by themselves if raw data came and head's are those of the base's own retraining.
    """
    tree, checks = head.yaml(PARAMS), []
    ours = params.model_dump(mode="json")
    if tree.get("problem") != ours["problem"]:
        reason = "target or cut-off differ from the base's (`problem` in params.yaml)"
        checks.append(_needs_approval("problem", reason, approved))
    if tree.get("split") == ours["split"]:
        return params, checks
    try:
        wanted = type(params.split).model_validate(tree.get("split"))
    except ValidationError:
        return params, [*checks, Check("gate", "split", "fail", "`split` of params.yaml cannot be read")]
    if approved or _same_test(wanted, params.split) or _retrained(wanted, head, params):
        return params.model_copy(update={"split": wanted}), checks
    reason = "the test rows are others (`split` in params.yaml), and not those of a retraining by the base's policy"
    return params, [*checks, _needs_approval("split", reason, approved)]


def _same_test(one: AnySplit, other: AnySplit) -> bool:
    return isinstance(one, SplitParams) and isinstance(other, SplitParams) and one.test == other.test


def _retrained(wanted: Any, head: Result, params: Params) -> bool:
    """Check whether windows are those that the base's policy of retraining gives for a later month of head's data."""
    if not isinstance(wanted, SplitParams) or not isinstance(params.split, SplitParams):
        return False
    try:
        stored = months.stored(head.path(RAW) / problem.contract.MONTHLY[-1])
        last = wanted.test.last
        found = moved(stored[0], last, params.retrain)
    except (WindowsError, months.MonthsError, IndexError):
        return False
    given = {f"split.{part}.{end}": month for part, ends in wanted.model_dump().items() for end, month in ends.items()}
    return params.split.test.last < last <= stored[-1] and given == found


def make_view(base: Result, head: Result, folder: Path) -> Path:
    """Return the features that the base's code makes of head's raw data: its own, if the raw data are its own."""
    if FEATURES in base.present and base.hashes.get(RAW) == head.hashes[RAW]:
        return base.path(FEATURES).resolve()
    tree = folder / "view"
    _lay_out_base(base, tree)
    shutil.copytree(head.path(RAW).resolve(), tree / RAW)
    for stage in ("prepare", "featurize"):
        _stage(stage, tree)
    return tree / FEATURES


def hand_over(features: Path, base: Result, head: Result, params: Params, tree: Path, approved: bool) -> Differences:
    """Lay out what evaluate reads: head's models, and head's features with the base's rows, labels and clusters."""
    _lay_out_base(base, tree)
    path = tree / PARAMS
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**given, "split": params.split.model_dump(mode="json")}), encoding="utf-8")
    for name in (MODEL, BASELINE):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(head.path(name), tree / name)
    found = Differences()
    (tree / FEATURES).mkdir(parents=True)
    for file in _files(features, params):
        ours = pd.read_parquet(features / file)
        theirs = _read(head.path(FEATURES) / file, len(ours))
        rows = theirs if approved else join(ours, theirs, found)
        rows.to_parquet(tree / FEATURES / file)
    return found


def _files(features: Path, params: Params) -> list[str]:
    """Return the files of the rows that are judged, and of those that the threshold is chosen on."""
    split = params.split
    if not isinstance(split, SplitParams):
        return sorted(path.name for path in features.glob("*.parquet"))
    wanted = {month for part in (split.validation, split.test) for month in months.between(part.first, part.last)}
    return [f"{month}.parquet" for month in sorted(wanted)]


def _read(path: Path, rows: int) -> pd.DataFrame:
    """Read a table that is not trusted.

    Raises `HandedOverError` if it is missing, odd, or far too large.
    """
    try:
        found = pq.read_metadata(path).num_rows
        if found > MORE_ROWS * rows + 1000:
            many = f"far more rows ({found:,}) than the base ({rows:,})"
            raise HandedOverError(f"{FEATURES}/{path.name} has {many}")
        table = pd.read_parquet(path)
        if table.duplicated(list(problem.contract.KEY)).any():
            raise HandedOverError(f"{FEATURES}/{path.name} has more than one row with the same key")
    except HandedOverError:
        raise
    except Exception as error:  # noqa: BLE001 -- a hostile file may break its reader in any way
        raise HandedOverError(f"{FEATURES}/{path.name} cannot be read ({type(error).__name__}: {error})") from None
    return table


def join(ours: pd.DataFrame, theirs: pd.DataFrame, found: Differences) -> pd.DataFrame:
    """Return the base's rows, in its order, with head's columns; labels, keys and clusters are the base's.

    What differs is counted in `found`. A row that head lacks is left out; that alone fails.
    """
    key = list(problem.contract.KEY)
    own = [name for name in theirs.columns if name not in {*key, problem.contract.TARGET}]
    try:
        places = ours[key].merge(theirs[key].assign(place=range(len(theirs))), on=key, how="left")["place"]
    except (ValueError, KeyError, TypeError) as error:
        reason = f"the keys of {FEATURES} do not match those of the base ({error})"
        raise HandedOverError(reason) from None
    known = places.notna().to_numpy()
    found.only_base += int((~known).sum())
    found.only_head += len(theirs) - int(known.sum())
    base = ours[known].reset_index(drop=True)
    head = theirs.iloc[places[known].astype("int64")].reset_index(drop=True)
    if problem.contract.TARGET in head:
        found.relabelled += int(_differs(base[problem.contract.TARGET], head[problem.contract.TARGET]).sum())
    for name in _guarded():
        if name in base and (name not in head or _differs(base[name], head[name]).any()):
            found.columns.add(name)
    rows = head[own].assign(**{name: base[name] for name in base.columns if name not in own})
    before, after = problem.slices.slices(base), problem.slices.slices(rows)
    found.columns |= {name for name in before if _differs(before[name], after[name]).any()}
    return rows[[*base.columns, *(name for name in own if name not in base.columns)]]


def _guarded() -> set[str]:
    """Return the columns that clusters and behaviors go by."""
    return (
        {problem.contract.CLUSTER} | {name for behaviour in problem.behaviour.BEHAVIOURS for name in behaviour.columns}
    ) - set(problem.contract.KEY)


def _differs(one: "pd.Series[Any]", other: "pd.Series[Any]") -> "pd.Series[bool]":
    """Return where two columns differ; two missing values do not."""
    left, right = one.astype(object), other.astype(object)
    both = left.isna() & right.isna()
    return ~(both | (left == right).fillna(False).astype(bool))


def _stage(name: str, tree: Path) -> None:
    """Run a stage of the base."""
    words = [sys.executable, "-m", f"tarmac.pipeline.{name}.stage"]
    environment = commands.environment({"PYTHONPATH": "src"})
    try:
        done = subprocess.run(
            words, cwd=tree, env=environment, check=False, capture_output=True, text=True, timeout=SCORING_SECONDS
        )
    except subprocess.TimeoutExpired:
        reason = f"stage {name} of the base took longer than {SCORING_SECONDS:,} seconds"
        raise HandedOverError(reason) from None
    if done.returncode:
        last = " ".join([line for line in done.stderr.splitlines() if line.strip()][-1:])
        raise HandedOverError(f"stage {name} of the base failed on the commit's outputs: {last}")


def _lay_out_base(base: Result, tree: Path) -> None:
    """Write the base's code and settings, and nothing else."""
    tree.mkdir(parents=True)
    for name in ("src", "requirements"):
        shutil.copytree(base.path(name), tree / name)
    for name in (PARAMS, PROJECT):
        shutil.copyfile(base.path(name), tree / name)
    (tree / ".dvc" / "tmp").mkdir(parents=True)


def _use_baseline(tree: Path, features: Path, base: Result) -> None:
    """Put the answers of the base's own baseline into the predictions, if there is one: head's may be a weak one."""
    if BASELINE not in base.present:
        return
    path, model = tree / PREDICTIONS, Scorer(base.path(BASELINE))
    rows = pd.read_parquet(path)
    columns = list(dict.fromkeys((*problem.contract.KEY, *model.categories, *model.numbers)))
    files = sorted(features.glob("*.parquet"))
    known = pd.concat([pd.read_parquet(file, columns=columns) for file in files], ignore_index=True)
    inputs = rows[list(problem.contract.KEY)].merge(known, on=list(problem.contract.KEY), how="left")
    rows.assign(**spread(model.score(inputs), "baseline_")).to_parquet(path)


def _lay_out_reference(folder: Path, features: Path, tree: Path) -> Result:
    """Return the test rows with the features that the base made of them."""
    (folder / "data").mkdir(parents=True)
    (folder / FEATURES).symlink_to(features)
    (folder / PREDICTIONS).symlink_to((tree / PREDICTIONS).resolve())
    return Result(folder, "", {}, frozenset({FEATURES, PREDICTIONS}))


def _show(head: Result, tree: Path) -> Result:
    """Put what the base made in the place of what head says of itself."""
    target = head.path(PREDICTIONS)
    target.unlink(missing_ok=True)  # it may be a link to the base's
    shutil.copyfile(tree / PREDICTIONS, target)
    for name in MADE:
        shutil.rmtree(head.path(name), ignore_errors=True)
        shutil.copytree(tree / name, head.path(name))
    return Result(head.folder, head.commit, head.hashes, head.present | {PREDICTIONS})


def judge_model(head: Result, test: Window | None) -> list[Check]:
    """Judge what the model says of itself: it may neither take the label nor have learned from test months."""
    model, found = Scorer(head.path(MODEL)), []
    if problem.contract.TARGET in {*model.categories, *model.numbers}:
        found.append(Check("gate", "inputs", "fail", f"the model takes {problem.contract.TARGET}, which is the label"))
    try:
        if test is not None:
            refuse_known(model.metadata, test)
    except UnaskedError as error:
        found.append(Check("gate", "months of the model", "fail", str(error)))
    return found


def judge_rebuild(found: Rebuilt, params: Params) -> list[Check]:
    """Judge the rebuild in the sandbox, and the time that it took."""
    names = ", ".join(found.different)
    words = {
        "identical": "rebuilt from raw data in a sandbox, bit for bit",
        "differs": f"rebuilt in a sandbox, it differs in {names}",
        "failed": "the rebuild in a sandbox failed",
        "not tried": "not rebuilt",
    }[found.result]
    blind = f"; {found.blind} the model is the same" if found.blind else ""
    if found.decided:
        blind += f"; in another future the features of {found.decided:,} rows are the same"
    reason = f"{words}{blind}{f': {found.reason}' if found.reason else ''}"
    failing: Outcome = "fail" if params.review.require_reproduced else "not proven"
    same = found.result == "identical"
    judged = Check("lineage", "reproduced", "pass" if same else failing, reason)
    most = params.review.cost.pipeline_minutes
    return [judged, *([limit("cost", "pipeline time", found.seconds / 60, most, "minutes")] if same else [])]


def _needs_approval(name: str, reason: str, approved: bool) -> Check:
    if approved:
        return Check("gate", name, "pass", f"{reason}; a maintainer has approved this commit")
    return Check("gate", name, "fail", f"{reason}; {APPROVE}")
