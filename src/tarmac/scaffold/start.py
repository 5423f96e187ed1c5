"""`tarmac init-problem`: one table in, and the repository is about another problem."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tarmac.ingest.pinned_distribution import write_table
from tarmac.ingest.text_table import read_as_text
from tarmac.interface.errors import UserError, suggest_name
from tarmac.interface.problem import PROJECT, SOURCE, problem
from tarmac.interface.task import TASKS, Kind
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.paths import LOCK, PARAMS, PIPELINE, RAW
from tarmac.repository.dvc import object_store
from tarmac.scaffold import package, pipeline, policy, readme, small
from tarmac.scaffold.infer import InferredProblem, ProblemRequest, ScaffoldError, infer_problem
from tarmac.tabular.columns import normalize_name
from tarmac.tabular.raw import build_raw_schema, by_file, parse_raw_table

GO_ON = "make run; make push; git add --all; git commit"
DISCARD = "git reset --hard && git clean -d -x --force src tests"
# What the old problem made, and what only speaks of it.
MADE = (
    "data/*",
    "metrics",
    "models/*",
    str(LOCK),
    "monitoring",
    "review",
    "served",
    "site",
    "docs/*.png",
)


def init_problem(name: str, path: Path, request: ProblemRequest) -> Iterator[str]:
    """Replace the problem by one of the table in a file; yield what a person should know of it.

    Raise `ScaffoldError` before anything is changed if the tree has changes, or if the table has
    no problem.
    """
    check_required_options("init-problem", name, path, request.target)
    check_name_is_free(name)
    check_work_is_saved(name)
    inferred = infer_problem(read_as_text(path), request)
    months = policy.list_months(inferred)
    files = list(by_file(name, build_raw_table(inferred, name), inferred.day))
    changes = policy.build_param_changes(inferred, months, list(package.group_features(inferred)))
    replace_package(inferred, name, path.name)
    pipeline.write_params(PARAMS, changes)
    pipeline.write_dvc_yaml(PIPELINE, Path(), inferred.task, bool(inferred.day))
    readme.write_readme(inferred, name, path.name)
    remove_old_outputs()
    for stored, rows in files:
        target = RAW / f"{stored}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_table(rows, target)
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", str(RAW)], check=True)
    yield from list_summary_lines(inferred, files, changes)
    yield f"read {SOURCE}/{name}/contract/columns.py and params.yaml, then: {GO_ON}"
    yield f"another try: {DISCARD}, then this command again"


def check_required_options(command: str, name: str, path: Path, target: str) -> None:
    """Raise `ScaffoldError` if one of the three options that a command needs is empty."""
    required = {"NAME": name, "FROM": path.name, "TARGET": target}
    missing = [option for option, value in required.items() if not value]
    if missing:
        hint = f"give all three: `make {command} NAME=… FROM=… TARGET=…`"
        raise ScaffoldError(f"{', '.join(missing)} of the problem is missing", hint)


def check_name_is_free(name: str) -> None:
    """Raise `ScaffoldError` where a package, tests or `pyproject.toml` have a name already."""
    if not Path(SOURCE, "tarmac").is_dir():
        message = f"this folder is not a clone of Tarmac: {SOURCE}/tarmac is missing"
        raise ScaffoldError(message, "run the command at the root of a clone of Tarmac")
    if name != normalize_name(name):
        raise ScaffoldError(
            f"{name} is not a valid name of a package", f"use `{normalize_name(name)}`"
        )
    if name in sys.stdlib_module_names or (name != problem.name and _is_name_taken(name)):
        message = f"{name} is already the name of a package, of tests or of a setting"
        raise ScaffoldError(message, "choose another name")


def _is_name_taken(name: str) -> bool:
    """Check whether a package or the tests have this name, or `pyproject.toml` quotes it."""
    spec, source = importlib.util.find_spec(name), Path(SOURCE).resolve()
    # A folder of bytecode that another try has left in `src` is a package to Python,
    # and has no module.
    locations = (spec.submodule_search_locations if spec else None) or ()
    parents = {Path(location).parent for location in locations}
    if spec is not None and (spec.origin is not None or parents != {source}):
        return True
    if any((small.TESTS / name).rglob("*.py")) or (small.TESTS / f"{name}.py").exists():
        return True
    project = Path(PROJECT).read_text(encoding="utf-8")
    return _build_name_pattern(name).search(project) is not None


def _build_name_pattern(name: str) -> re.Pattern[str]:
    """Where `pyproject.toml` names a problem: as a package, or a module or a folder of it."""
    return re.compile(rf'(?<="){name}(?=["./])|(?<=src/){name}(?=/)')


def replace_package(inferred: InferredProblem, name: str, source: str) -> None:
    """Write the new problem's package, remove the old one with its tests, and name the new one."""
    old = problem.name
    with replace_output(Path(SOURCE, name)) as partial:
        package.write_package(inferred, name, source, partial)
    if name != old:
        shutil.rmtree(Path(SOURCE, old))
    small.replace_tests(inferred, old, name)
    project = Path(PROJECT).read_text(encoding="utf-8")
    Path(PROJECT).write_text(_build_name_pattern(old).sub(name, project), encoding="utf-8")


def parse_task(name: str) -> Kind:
    """The kind of a target by its name. Raises `ScaffoldError` for any other."""
    for kind in TASKS:
        if kind == name:
            return kind
    hint = f"{suggest_name(name, TASKS)} use one of {', '.join(TASKS)}".lstrip()
    raise ScaffoldError(f"unknown task {name}", hint)


def check_work_is_saved(name: str) -> None:
    """Check that Git, or DVC's cache, has everything that is about to be replaced.

    Raise `ScaffoldError` if it does not.
    """
    tracked = _read_git_status("--untracked-files=no")
    tests = (f"{small.TESTS}/{problem.name}", f"{small.TESTS}/{name}")
    if tracked or _read_git_status("--", SOURCE, "data", "metrics", "models", *tests):
        hint = f"commit them, or discard them: `{DISCARD}`"
        raise ScaffoldError("files that would be replaced have uncommitted changes", hint)
    pointer = RAW.with_suffix(".dvc")
    if not RAW.exists() or (
        pointer.is_file() and compute_dvc_hash(RAW) in pointer.read_text(encoding="utf-8")
    ):
        return
    with object_store.open_cache() as cache:  # also what another try has left there
        if object_store.find_faults(cache, {str(RAW): compute_dvc_hash(RAW)}, read=False):
            message = f"{RAW} would be replaced, and differs from {pointer}"
            raise ScaffoldError(message, f"keep its content first: `dvc add {RAW}`")


def _read_git_status(*options: str) -> str:
    done = subprocess.run(
        ["git", "status", "--porcelain", *options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = "this folder is not in a Git repository, which keeps the files that are replaced"
        raise ScaffoldError(message, "run the command at the root of a clone of Tarmac")
    return done.stdout.strip()


def build_raw_table(inferred: InferredProblem, name: str) -> pa.Table:
    """The rows as the raw table. Raises `ScaffoldError` where a value does not fit its column."""
    try:
        return parse_raw_table(name, inferred.rows, build_raw_schema(inferred.columns))
    except (UserError, pa.ArrowException) as error:
        message = f"{name}: {str(error).splitlines()[0]}"
        hint = getattr(error, "hint", "") or "correct the value in the file"
        raise ScaffoldError(message, hint) from None


def remove_old_outputs() -> None:
    """Remove what the old problem made; Git and its history keep it."""
    for pattern in MADE:
        for path in Path().glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def list_summary_lines(
    inferred: InferredProblem, files: Sequence[tuple[str, pa.Table]], changes: Mapping[str, Any]
) -> list[str]:
    """Return lines for a person: what was inferred, and what was left out."""
    size = f"{len(inferred.rows):,} rows in {len(files)} file(s)"
    parts = []
    for part, value in changes["split"].items():
        shown = f"{value['first']} to {value['last']}" if isinstance(value, dict) else value
        parts.append(f"{part} {shown}")
    return [
        f"{inferred.task}: {inferred.target} from {len(inferred.inputs)} columns of {size}",
        f"key: {', '.join(inferred.row_key)}; rows that are alike share {inferred.cluster}",
        f"split: {', '.join(parts)}",
        *(f"left out: {name}: {why}" for name, why in inferred.left_out.items()),
        *(f"note: {note}" for note in inferred.notes),
    ]
