"""Rebuild a commit in the sandbox from its source and raw data.

The first run is blind to the months that the commit is tested on.
The model of the blind run must be the committed one, but for the hash of the features in its
metadata, which covers months that it has not seen: so it has learned nothing from the test months.
Rows without a time are blinded by giving the test rows each other's labels.
The second run has all months, and every output must match. In the third run the future is another
one: no feature of a row that was decided on before may change.
"""

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from tarmac.interface.errors import UserError, format_error_inline
from tarmac.interface.problem import problem
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.params import AnySplit, SplitParams
from tarmac.pipeline.base.paths import LOCKED, WHEEL_PIN
from tarmac.pipeline.models.dataset import read_part
from tarmac.policy import AllParams
from tarmac.repository import git
from tarmac.repository.dvc import lockfile
from tarmac.review import sandbox
from tarmac.review.look_ahead import change_future, compare_decided_rows, list_raw_files
from tarmac.review.result_folder import (
    BASELINE,
    FEATURES,
    LOCK,
    MODEL,
    PARAMS,
    PIPELINE,
    RAW,
    ResultFolder,
)
from tarmac.review.sandbox import CommandResult, SandboxLimits
from tarmac.tabular import future

FEATURIZING = ("prepare", "featurize")  # the stages that make the features
BLIND = (*FEATURIZING, "baseline", "train")  # the stages that make the models
MODELS = (MODEL, BASELINE)
SEEN_LATER = "features"  # the key of a model's metadata that names months which it has not seen
LEFT_OUT = (":(exclude)data/remote", ":(exclude).git*")  # what a stage has no business to read
STAGE = {
    "PYTHONPATH": "src",
    "PYTHONDONTWRITEBYTECODE": "1",
    "DVC_NO_ANALYTICS": "1",
    "LOGNAME": "stage",
}
SHOWN = 15  # lines of a stage that failed


class RebuildError(UserError):
    """The commit cannot be rebuilt; the words say what failed."""


@dataclass(frozen=True)
class RebuildOutcome:
    """Outcome of a rebuild: `identical`, `differs`, `failed` or `not tried`.

    It also has what differs, and why.
    """

    result: str
    different: tuple[str, ...] = ()
    reason: str = ""
    blind: str = ""  # what the model was made without, and came out the same
    decided: int = 0  # rows whose features stayed the same in another future
    seconds: float = 0.0  # of the second run


@dataclass(frozen=True)
class RebuildTree:
    """Head's files in a folder, and the commands of its stages in the order of their inputs."""

    work: Path
    stages: Mapping[str, list[str]]
    python: Path | None
    limits: SandboxLimits

    def run_stages(self, names: Iterable[str]) -> float:
        """Run stages in the sandbox; return their seconds. Raises `RebuildError` if one fails."""
        spent = 0.0
        for name in names:
            print(f"rebuild: {name}", flush=True)
            for command in self.stages[name]:
                ended = sandbox.run_in_sandbox(
                    ["sh", "-c", command], self.work, STAGE, self.limits, self.python
                )
                spent += ended.seconds
                if not ended.is_successful:
                    raise RebuildError(
                        f"stage {name} failed in the sandbox: {_explain_failure(ended)}",
                        "check out the commit and run `make reproduce` to see the whole output",
                    )
        return spent


def rebuild_commit(
    head: ResultFolder, params: AllParams, folder: Path, limits: SandboxLimits | None = None
) -> RebuildOutcome:
    """Rebuild head in `folder`, which is empty, by the base's parameters and granted windows."""
    try:
        python, work = _install_environment(head, folder / "environment"), folder / "work"
        stages = _read_stage_commands(head)
        _extract_commit(head.commit, work)
        tree = RebuildTree(work, stages, python, limits or SandboxLimits())
        blind, seen = _rebuild_without_test_rows(head, tree, params.split)
        if seen:
            reason = f"made {blind}, it comes out otherwise: it has seen them"
            return RebuildOutcome("differs", tuple(seen), reason)
        different, spent = _rebuild_all_stages(head, tree)
        if different:
            return RebuildOutcome("differs", tuple(different), blind=blind, seconds=spent)
        changed, rows, cut = _rebuild_with_other_future(head, tree, params)
        if changed:
            reason = f"they change with what became known later ({cut})"
            return RebuildOutcome("differs", (f"the features {', '.join(changed)}",), reason)
        return RebuildOutcome("identical", blind=blind, decided=rows, seconds=spent)
    except RebuildError as error:
        return RebuildOutcome("failed", reason=format_error_inline(error))
    except sandbox.SandboxError as error:
        return RebuildOutcome("not tried", reason=format_error_inline(error))


def _rebuild_without_test_rows(
    head: ResultFolder, tree: RebuildTree, split: AnySplit
) -> tuple[str, list[str]]:
    """Make the models blind to the test rows; return how, and what differs from the commit.

    If the class of a row decides its part, labels cannot be exchanged, and nothing is made.
    """
    committed = lockfile.parse_output_hashes(head.read_text(LOCK) or "", head.commit)
    first = find_first_test_month(split)
    _copy_raw_data(head.resolve_path(RAW), tree.work / RAW, before=first)
    if first is None and not exchange_labels(head, tree.work, split):
        return "", []
    tree.run_stages(name for name in tree.stages if name in BLIND)
    seen = [
        name
        for name in MODELS
        if name in committed and not is_same_model(head.resolve_path(name), tree.work / name)
    ]
    if first is None:
        return "with other labels of the test rows", seen
    seen += find_look_ahead_months(head.resolve_path(FEATURES), tree.work / FEATURES, first)
    return f"without the months from {first} on", seen


def find_first_test_month(split: AnySplit) -> str | None:
    """Return the first test month; None without time."""
    return split.test.first if isinstance(split, SplitParams) else None


def exchange_labels(head: ResultFolder, work: Path, split: AnySplit) -> bool:
    """Exchange the labels of test rows in raw data without time; return whether it is possible."""
    if isinstance(split, SplitParams) or split.by == "label":
        return False
    try:
        keys = read_part(
            head.resolve_path(FEATURES), split, "test", list(problem.contract.KEY)
        ).assign(_test=True)
    except Exception as error:  # noqa: BLE001 -- a hostile file may break its reader in any way
        reason = f"{FEATURES} of the commit cannot be read ({type(error).__name__})"
        raise RebuildError(reason, "make them again (`make run`), and commit the result") from None
    for _, path in list_raw_files(work / RAW, None):
        rows = pq.read_table(path)
        if not {*problem.contract.KEY, problem.contract.TARGET} <= {*rows.column_names}:
            return False
        merged = (
            rows.select(list(problem.contract.KEY))
            .to_pandas()
            .merge(keys, on=list(problem.contract.KEY), how="left", validate="many_to_one")
        )
        test = merged["_test"].notna().to_numpy()
        pq.write_table(
            future.hide(rows, problem.contract.TARGET, int(head.commit[:12], 16), test), path
        )
    return True


def _rebuild_all_stages(head: ResultFolder, tree: RebuildTree) -> tuple[list[str], float]:
    """Run all stages; return what differs from the commit, and the seconds that they took."""
    committed = lockfile.parse_output_hashes(head.read_text(LOCK) or "", head.commit)
    _copy_raw_data(head.resolve_path(RAW), tree.work / RAW)
    spent = tree.run_stages(tree.stages)
    require_no_symlinks(tree.work, committed)
    different = [
        path for path, oid in sorted(committed.items()) if compute_dvc_hash(tree.work / path) != oid
    ]
    return different + _find_stale_inputs(head, tree.work, tree.stages), spent


def _rebuild_with_other_future(
    head: ResultFolder, tree: RebuildTree, params: AllParams
) -> tuple[list[str], int, object]:
    """Make the features with another future.

    Return what changed, the number of rows compared, and the instant.
    """
    first = find_first_test_month(params.split)
    cut = change_future(head, tree.work, first)
    tree.run_stages(name for name in tree.stages if name in FEATURIZING)
    require_no_symlinks(tree.work, {FEATURES: ""})
    try:
        return *compare_decided_rows(head, tree.work, params.problem, cut, first), cut
    except Exception as error:  # noqa: BLE001 -- a hostile file may break its reader in any way
        reason = f"{FEATURES} of the rebuild cannot be compared ({type(error).__name__})"
        hint = "check that the features have the same columns after each run (`make reproduce`)"
        raise RebuildError(reason, hint) from None


def find_look_ahead_months(committed: Path, blind: Path, first_test: str) -> list[str]:
    """Return the months of features before the test months that differ without the test months."""
    months = sorted(path.name for path in committed.glob("*.parquet") if path.stem < first_test)
    return [
        f"{FEATURES}/{name}"
        for name in months
        if compute_dvc_hash(committed / name) != compute_dvc_hash(blind / name)
    ]


def is_same_model(one: Path, other: Path) -> bool:
    """Check that two ONNX files differ in nothing but the hash of all features.

    That hash covers months that no fit has seen. The inputs, outputs, graph and all other metadata
    must be the same to the byte.
    """
    return (
        one.is_file()
        and other.is_file()
        and not other.is_symlink()
        and _serialize_without_hash(one) == _serialize_without_hash(other)
    )


def _serialize_without_hash(path: Path) -> bytes:
    # The import takes a second, and few commands need it.
    from skl2onnx.helpers.onnx_helper import load_onnx_model

    try:
        model = load_onnx_model(path.read_bytes())
    except Exception as error:  # noqa: BLE001 -- a hostile file may break its reader in any way
        message = f"{path.name} is not an ONNX file ({type(error).__name__})"
        raise RebuildError(message, "make the model again: `make run`") from None
    kept = [entry for entry in model.metadata_props if entry.key != SEEN_LATER]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    return bytes(model.SerializeToString(deterministic=True))


def require_no_symlinks(work: Path, paths: Mapping[str, str]) -> None:
    """Raise `RebuildError` if an output is, contains or lies below a symbolic link.

    The bytes of such an output may be this machine's.
    """
    for path in paths:
        place = work / path
        parents = [parent for parent in place.parents if work in parent.parents]
        inside = place.rglob("*") if place.is_dir() and not place.is_symlink() else ()
        link = next((one for one in (place, *parents, *inside) if one.is_symlink()), None)
        if link is not None:
            raise RebuildError(
                f"output {path}: {link.relative_to(work)} is a symbolic link",
                "have the stage write files and folders of its own",
            )


def _install_environment(head: ResultFolder, folder: Path) -> Path | None:
    """Return the environment that head's lockfiles name, or None for this one.

    It is this one if the lockfiles are the same or head has none. Another one is installed from
    wheels alone, whose code does not run while it is installed.
    """
    locks = [path for path in (LOCKED, WHEEL_PIN) if head.read_text(str(path)) is not None]
    if all(_read_installed(path) == head.read_text(str(path)) for path in locks):
        return None
    install = ["uv", "pip", "install", "--quiet", "--no-build", "--no-deps", "--require-hashes"]
    commands = [["uv", "venv", "--quiet", str(folder)]]
    commands += [[*install, "--python", str(folder), "-r", str(path)] for path in locks]
    for command in commands:
        try:
            done = subprocess.run(
                command, cwd=head.folder, check=False, capture_output=True, text=True
            )
        except FileNotFoundError:
            raise RebuildError(
                f"{LOCKED} of the commit differs, and `uv`, which installs it, is missing",
                "install uv: `python -m pip install uv`",
            ) from None
        if done.returncode:
            reason = _select_last_lines(done.stderr)
            message = f"{LOCKED} of the commit cannot be installed from wheels: {reason}"
            raise RebuildError(message, "pin versions that have wheels, then run `make lock`")
    return folder


def _read_installed(lock: Path) -> str | None:
    """Return the lockfile of the environment that runs, or None if it has none."""
    return lock.read_text(encoding="utf-8") if lock.is_file() else None


def _read_stage_commands(head: ResultFolder) -> dict[str, list[str]]:
    """Return the commands of each stage of head's pipeline, in an order in which they can run."""
    try:
        tree = lockfile.parse_yaml(head.read_text(PIPELINE) or "")["stages"]
        makers = {
            _parse_output_path(out): name
            for name, stage in tree.items()
            for out in _list_outputs(stage)
        }
        needs = {name: _find_needed_stages(stage, makers) - {name} for name, stage in tree.items()}
        commands = {name: _parse_commands(stage["cmd"]) for name, stage in tree.items()}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        hint = "correct dvc.yaml: `dvc stage list` shows what is wrong"
        raise RebuildError("dvc.yaml of the commit cannot be read", hint) from None
    order: list[str] = []
    while len(order) < len(tree):
        ready = [name for name in tree if name not in order and needs[name] <= set(order)]
        if not ready:
            cycle = ", ".join(name for name in tree if name not in order)
            message = f"the stages of dvc.yaml depend on each other in a cycle: {cycle}"
            raise RebuildError(message, "remove one of these dependencies from dvc.yaml")
        order += ready
    return {name: commands[name] for name in order}


def _find_needed_stages(stage: Mapping[str, Any], makers: Mapping[str, str]) -> set[str]:
    """Return the stages whose outputs a stage depends on."""
    return {makers[dep] for dep in stage.get("deps", []) if dep in makers}


def _list_outputs(stage: Mapping[str, Any]) -> list[Any]:
    return [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]


def _parse_output_path(out: Any) -> str:
    return out if isinstance(out, str) else str(next(iter(out)))


def _parse_commands(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else [str(part) for part in given]


def _extract_commit(commit: str, work: Path) -> None:
    """Write a commit's files, as files and folders alone, without its history, remote or cache."""
    command = ["git", "archive", "--format=tar", commit, "--", ".", *LEFT_OUT]
    environment = git.build_git_environment()
    done = subprocess.run(command, check=False, capture_output=True, env=environment)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        hint = "fetch the commit again (`git fetch origin`), and check the clone with `git fsck`"
        raise RebuildError(f"`git archive {commit[:9]}` failed: {reason}", hint)
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(work, filter="data")
    except tarfile.TarError as error:
        message = f"a file of the commit points outside the repository: {error}"
        raise RebuildError(message, "remove that link from the commit") from None
    # Where months are kept from the first to the second run.
    (work / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)


def _copy_raw_data(source: Path, target: Path, before: str | None = None) -> None:
    """Copy raw data; of the monthly tables, copy only the months before `before`, if it is given.

    Nothing that is in the target is trusted.
    """
    if target.is_symlink():
        hint = f"remove the link (`git rm {RAW}` if it is committed): `{RAW}.dvc` names the data"
        raise RebuildError(f"{RAW} is a symbolic link, of the commit or made by a stage", hint)
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        monthly = inner.parts[0] in problem.contract.MONTHLY
        if path.is_file() and not (monthly and before is not None and path.stem >= before):
            (target / inner).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / inner)


def _explain_failure(ended: CommandResult) -> str:
    return ended.limit or f"exit status {ended.status}: {_select_last_lines(ended.printed)}"


def _select_last_lines(text: str) -> str:
    return "\n".join([line for line in text.splitlines() if line.strip()][-SHOWN:])


def _find_stale_inputs(
    head: ResultFolder, work: Path, stages: Mapping[str, list[str]]
) -> list[str]:
    """Return what the lock says of inputs that is not true.

    Code has changed since, or a parameter is another one.
    """
    entries = lockfile.parse_stages(head.read_text(LOCK))
    outputs, noted = set[str](), dict[str, str]()
    for entry in entries.values():
        outputs.update(lockfile.collect_hashes([entry], "outs"))
        noted.update(lockfile.collect_hashes([entry], "deps"))
    wrong = [
        path
        for path, oid in sorted(noted.items())
        if path not in outputs and compute_dvc_hash(work / path) != oid
    ]
    params = head.read_yaml(PARAMS)
    for name, entry in entries.items():
        values = lockfile.collect_params(entry)
        wrong += [
            f"{name} ran with another {key}"
            for key, value in values.items()
            if not _has_same_value(params, key, value)
        ]
    wrong += [f"dvc.lock lacks the stage {name}" for name in stages if name not in entries]
    return wrong


def _has_same_value(tree: Any, key: str, value: Any) -> bool:
    for part in key.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            return value is None
        tree = tree[part]
    return json.dumps(tree, sort_keys=True, default=str) == json.dumps(
        value, sort_keys=True, default=str
    )
