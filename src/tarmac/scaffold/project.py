"""`tarmac new`: one table in, and out comes the repository of a project, with a first commit."""

import datetime
import hashlib
import importlib.util
import keyword
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import pyarrow as pa

from tarmac.ingest.pinned_distribution import write_table
from tarmac.ingest.text_table import read_as_text
from tarmac.interface.errors import UserError, suggest_name
from tarmac.interface.problem import SOURCE
from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.paths import PARAMS, PIPELINE, RAW, WHEEL_PIN
from tarmac.pipeline.base.site_cache import FOLDER, VARIABLE
from tarmac.repository import git
from tarmac.repository.dvc import commands
from tarmac.scaffold import package, pipeline, policy
from tarmac.scaffold.infer import InferredProblem, ProblemRequest, ScaffoldError, infer_problem
from tarmac.scaffold.parts import RENDERED, write_parts
from tarmac.scaffold.summary import list_summary_lines
from tarmac.scaffold.wheel import write_wheel
from tarmac.tabular.columns import normalize_name
from tarmac.tabular.raw import build_raw_schema, by_file, parse_raw_table

HERE = Path(__file__).parent
LICENSES = HERE / "licenses"
VENDOR = Path("vendor")
RESERVED = ("tarmac", "tests", "src", "data", "models", "metrics", "vendor")


@dataclass(frozen=True)
class ProjectRequest:
    """What a person asks for: where the project goes, its optional parts, and its license."""

    name: str
    folder: Path
    license: str
    holder: str = ""  # of the copyright; by default Git's user
    parts: Sequence[str] = ()


def create_project(request: ProjectRequest, path: Path, problem: ProblemRequest) -> Iterator[str]:
    """Write the repository of a project; yield what a person should know of it.

    The folder appears when everything in it is written. Raise `ScaffoldError` if the table has no
    problem, if the name or the folder is taken, or if Git or DVC fails.
    """
    check_required_options(request.name, path, problem.target)
    check_name(request.name)
    check_folder(request.folder)
    author = read_git_author()
    inferred = infer_problem(read_as_text(path), problem)
    months = policy.list_months(inferred)
    files = list(by_file(request.name, build_raw_table(inferred, request.name), inferred.day))
    groups = list(package.group_features(inferred))
    changes = policy.build_param_changes(inferred, months, groups)
    texts = describe_project(request, inferred, path.name, author)
    with replace_output(request.folder) as folder:
        write_parts(request.parts, texts, folder)
        write_pinned_wheel(folder)
        write_license(request.license, texts, folder)
        package.write_package(
            inferred, request.name, texts["source"], folder / SOURCE / request.name
        )
        pipeline.write_params(folder / PARAMS, changes)
        timed = bool(inferred.day)
        pipeline.write_dvc_yaml(folder / PIPELINE, folder, inferred.task, timed)
        write_tables(files, folder / RAW)
        commit_project(folder)
    yield from list_summary_lines(inferred, files, changes)
    yield f"read {request.folder / SOURCE / request.name}/contract/columns.py and params.yaml there"
    yield f"next: cd {request.folder} && make run && make test"


def check_required_options(name: str, path: Path, target: str) -> None:
    """Raise `ScaffoldError` if one of the three options is empty."""
    required = {"NAME": name, "FROM": path.name, "TARGET": target}
    missing = [option for option, value in required.items() if not value]
    if missing:
        hint = "give all three: `make new NAME=… FROM=… TARGET=…`"
        raise ScaffoldError(f"{', '.join(missing)} of the problem is missing", hint)


def check_name(name: str) -> None:
    """Raise `ScaffoldError` if a name is not one that a package of a project can have."""
    if not name or name != normalize_name(name) or keyword.iskeyword(name):
        hint = f"use `{normalize_name(name)}`" if name else "name what its rows are called"
        raise ScaffoldError(f"{name!r} is not a valid name of a package", hint)
    if name in RESERVED or name in sys.stdlib_module_names or importlib.util.find_spec(name):
        message = f"{name} is already the name of a package or of a folder"
        raise ScaffoldError(message, "choose another name")


def check_folder(folder: Path) -> None:
    """Raise `ScaffoldError` if something would be overwritten, or Git would track it twice."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScaffoldError(f"{folder} exists and is not empty", "name another one: `--to FOLDER`")
    parent = next(one for one in folder.absolute().parents if one.is_dir())
    repository = git.find_root(parent)
    if repository is not None:
        message = f"{folder} would be inside the repository {repository}"
        raise ScaffoldError(message, "name a folder outside of it: `--to ../FOLDER`")


def read_git_author() -> str:
    """Return the name of Git's user. Raise `ScaffoldError` if Git does not know who commits."""
    try:
        author = git.run_git("var", "GIT_AUTHOR_IDENT")
    except git.GitError:
        hint = 'git config --global user.name "…"; git config --global user.email "…"'
        raise ScaffoldError("Git does not know who makes the first commit", hint) from None
    return author.partition(" <")[0]


def describe_project(
    request: ProjectRequest, inferred: InferredProblem, source: str, author: str
) -> dict[str, str]:
    """Return the texts that fill the placeholders of a project's files."""
    return {
        "name": request.name,
        "title": package.format_title(inferred, request.name),
        "predicts": package.describe_prediction(inferred),
        "source": source.encode(errors="replace").decode(),  # names of files may be any bytes
        "rows": f"{len(inferred.rows):,}",
        "year": str(datetime.datetime.now(tz=datetime.UTC).year),
        "holder": request.holder or author,
        "license": request.license,
        "task": inferred.task,
        "time": inferred.day or "",
    }


def write_pinned_wheel(folder: Path) -> None:
    """Write the wheel of the package that runs, and its pin."""
    wheel = write_wheel(folder / VENDOR)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pin = f"./{wheel.relative_to(folder)} --hash=sha256:{digest}\n"
    text = f"# The release of Tarmac that runs this project.\n{pin}"
    (folder / WHEEL_PIN).write_text(text, encoding="utf-8")


def build_raw_table(inferred: InferredProblem, name: str) -> pa.Table:
    """The rows as the raw table. Raises `ScaffoldError` where a value does not fit its column."""
    try:
        return parse_raw_table(name, inferred.rows, build_raw_schema(inferred.columns))
    except (UserError, pa.ArrowException) as error:
        message = f"{name}: {str(error).splitlines()[0]}"
        hint = getattr(error, "hint", "") or "correct the value in the file"
        raise ScaffoldError(message, hint) from None


def write_tables(files: Sequence[tuple[str, pa.Table]], raw: Path) -> None:
    """Write tables as Parquet files by their names."""
    for name, rows in files:
        target = raw / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_table(rows, target)


def write_license(name: str, texts: Mapping[str, str], folder: Path) -> None:
    """Write the text of a license. Raise `ScaffoldError` for one that is not known."""
    known = sorted(path.stem for path in LICENSES.glob(f"*{RENDERED}"))
    if name not in known:
        hint = f"{suggest_name(name, known)} use one of {', '.join(known)}".lstrip()
        raise ScaffoldError(f"unknown license {name}", hint)
    text = Template((LICENSES / f"{name}{RENDERED}").read_text(encoding="utf-8")).substitute(texts)
    (folder / "LICENSE").write_text(text, encoding="utf-8")


def commit_project(folder: Path) -> None:
    """Make a folder a repository of Git and DVC, with its raw data in the embedded remote."""
    git.run_git("init", "--quiet", "--initial-branch=main", folder=folder)
    private = {VARIABLE: str((folder / FOLDER).resolve())}
    for arguments in (("add", "--quiet", str(RAW)), ("push", "--quiet", f"{RAW}.dvc")):
        list(commands.run_dvc(*arguments, folder=folder, extra=private))
    git.run_git("add", "--all", folder=folder)
    git.run_git("commit", "--quiet", "--message", "Create the project with Tarmac", folder=folder)
