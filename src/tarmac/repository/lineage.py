"""Find where an output comes from, by Git and the file alone.

The lineage has commit, data, code, environment, parameters and metrics.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError, suggest_name
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import LOCK, TEST_METRICS, TRAIN_METRICS
from tarmac.pipeline.training import identity
from tarmac.reporting.trees import flatten_tree
from tarmac.repository import commits
from tarmac.repository.commits import Commit
from tarmac.repository.dvc import commands, lockfile, object_store
from tarmac.repository.dvc.errors import StoreError
from tarmac.repository.dvc.lockfile import Entry
from tarmac.repository.git import GitError, read_text_at
from tarmac.repository.remote import commit_outputs

HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")
MEASURED = {"validation": (str(TRAIN_METRICS), "validation"), "test": (str(TEST_METRICS), "")}
BASELINE = {"model": TASK.baseline, "device": "cpu"}  # the same training, otherwise
NO_COMMIT = "no commit in this clone has it"
OF_GIT = (lockfile.CODE, lockfile.ENVIRONMENT)  # dependencies that are no data
Facts = dict[str, Any]  # fields of `Lineage`, by name


class LineageError(UserError):
    """A file of which nothing can be said, or data that is not there to be looked at."""


@dataclass(frozen=True)
class Lineage:
    """What is known of a file. What is not known is None or empty, and `notes` say why."""

    file: str
    hash: str
    output: str | None = None  # its path in the commit
    stage: str | None = None  # that made it
    commit: Commit | None = None  # the first that has these bytes
    # Later commits that changed their lock and have them, too.
    also_in: list[str] = field(default_factory=list)
    same_inputs: str | None = (
        None  # a commit that made other bytes from the same inputs, where none has these
    )
    data: dict[str, str] = field(default_factory=dict)  # hash of what came in from outside, by path
    data_files: dict[str, str] = field(default_factory=dict)  # hash of each of its files, by path
    params: dict[str, Any] = field(default_factory=dict)  # by stage
    environment: str | None = None  # hash of the locked requirements
    code: str | None = None  # hash of the code of the stages that made it
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)  # validation and test
    carried: dict[str, Any] = field(default_factory=dict)  # what the file itself says
    rebuild: list[str] = field(default_factory=list)  # commands
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> Facts:
        """The same, under the same names, as plain values."""
        return asdict(self)


def find_lineage(file: Path) -> Lineage:
    """Return the lineage of a file, by the history of the repository and by the file itself.

    Raise `LineageError` if neither knows it.
    """
    known = compute_dvc_hash(file)
    if not known:
        hint = f"{_suggest_output(str(file))} fetch the outputs of the pipeline with `make pull`"
        raise LineageError(f"{file}: file not found", hint.strip())
    carried = read_model_identity(file)
    try:
        facts = _find_in_history(known) or _find_same_inputs(carried)
        notes = [] if facts else [NO_COMMIT, *_note_shallow_history()]
    except (GitError, OSError) as error:
        facts, notes = {}, [f"the history cannot be read: {' '.join(str(error).split())}"]
    if not facts and not carried:
        reason, *advice = notes
        message = f"{file} ({known}) has no lineage: {reason}, and it has no metadata of its own"
        fetch = (
            "fetch all branches with `git fetch --all --tags`, or name an output of the pipeline"
        )
        raise LineageError(message, "; ".join(advice) or fetch)
    return Lineage(
        str(file),
        known,
        **{**facts, "carried": carried, "notes": [*notes, *facts.get("notes", [])]},
    )


def find_output_lineage(path: str) -> Lineage:
    """The same of an output by the hash that the lock gives it, whether or not its file is here."""
    known = commands.read_output_hashes().get(path)
    if not known:
        hint = f"{_suggest_output(path)} create it with `make run`"
        raise LineageError(f"{path} is not an output in {LOCK}", hint.strip())
    facts = _find_in_history(known)
    notes = [] if facts else [NO_COMMIT, *_note_shallow_history()]
    return Lineage(path, known, **{**facts, "notes": [*notes, *facts.get("notes", [])]})


def read_model_identity(file: Path) -> Facts:
    """Return what a model's file says that it was made from.

    Return nothing if the file is no model, or does not say it.
    """
    if file.suffix != ".onnx":
        return {}
    from tarmac.pipeline.models.scorer import Scorer

    try:
        metadata = Scorer(file).metadata
        trees = {name: dict(json.loads(metadata[name])) for name in identity.AS_JSON}
        hashes = {name: metadata[name] for name in identity.NAMES if name not in trees}
    except (UserError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return hashes | trees if all(HASH.fullmatch(text) for text in hashes.values()) else {}


def _note_shallow_history() -> list[str]:
    return (
        ["the clone is shallow: run `git fetch --unshallow`"] if commits.is_shallow_clone() else []
    )


def _suggest_output(path: str) -> str:
    """Return a question with the output nearest to a wrong path, or nothing if none is near."""
    with suppress(StoreError, OSError, ValueError):
        return suggest_name(path, lockfile.parse_output_hashes(LOCK.read_text(encoding="utf-8")))
    return ""


def _find_in_history(known: str) -> Facts:
    """Return the first commit that has an output with this hash, and what it says of it.

    Return nothing if there is no such commit.
    """
    having = commits.find_commits_by_hash(known)
    for position, commit in enumerate(having, start=1):
        if facts := _read_commit_facts(commit, known):
            return {
                **facts,
                "commit": commits.describe_commit(commit),
                "also_in": having[position:],
            }
    return {}


def _read_commit_facts(commit: str, known: str) -> Facts:
    stages = lockfile.parse_stages(read_text_at(commit, LOCK))
    for stage, entry in stages.items():
        for output, md5 in lockfile.collect_hashes([entry], "outs").items():
            if md5 == known:
                facts = _trace_stage(commit, stages, stage)
                metrics, notes = _read_metrics_at(commit, stages)
                return {
                    **facts,
                    "stage": stage,
                    "output": output,
                    "metrics": metrics,
                    "notes": [*facts["notes"], *notes],
                }
    return _trace_external_file(commit, stages, known)


def _trace_external_file(commit: str, stages: Mapping[str, Entry], known: str) -> Facts:
    """What no stage has made: raw data, or a file of Git that a stage depends on."""
    try:
        named = {
            **commit_outputs.list_commit_outputs(commit),
            **lockfile.collect_hashes(stages.values(), "deps"),
        }
    except StoreError:  # a conflict was committed
        return {}
    output = next((path for path, md5 in named.items() if md5 == known), None)
    if output is None:
        return {}
    files, notes = _list_data_files({output: known})
    rebuild = [f"git switch --detach {commit}", "make pull"]
    return {
        "output": output,
        "data": {output: known},
        "data_files": files,
        "rebuild": rebuild,
        "notes": notes,
    }


def _trace_stage(commit: str, stages: Mapping[str, Entry], stage: str) -> Facts:
    """What a stage of a commit was made from, directly or not, and how to make it again."""
    above = lockfile.select_upstream_stages(stages, stage)
    outs = lockfile.collect_hashes(above.values(), "outs")
    deps = lockfile.collect_hashes(above.values(), "deps")
    data = {
        path: md5 for path, md5 in deps.items() if path not in outs and not path.startswith(OF_GIT)
    }
    files, notes = _list_data_files(data)
    params = {name: lockfile.collect_params(entry) for name, entry in above.items()}
    return {
        "data": data,
        "data_files": files,
        "params": {name: values for name, values in params.items() if values},
        "environment": lockfile.find_environment_hash(above.values()),
        "code": lockfile.compute_code_hash(above.values()),
        "rebuild": [f"git switch --detach {commit}", "make pull", "make reproduce"],
        "notes": notes,
    }


def _read_metrics_at(
    commit: str, stages: Mapping[str, Entry]
) -> tuple[dict[str, Facts], list[str]]:
    """The metrics that a commit has, where they are the ones that its lock names."""
    named = lockfile.collect_hashes(stages.values(), "outs")
    metrics, notes = {}, []
    for name, (path, key) in MEASURED.items():
        text = read_text_at(commit, Path(path)) or "{}"
        if _compute_md5(text.encode()) == named.get(path):
            metrics[name] = json.loads(text)[key] if key else json.loads(text)
        else:
            notes.append(
                f"{path} of the commit is not what its lock names: {name} metrics are not known"
            )
    return metrics, notes


def _list_data_files(data: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the hash of every file of some data by path, and if it is not known, why."""
    files: dict[str, str] = {}
    for path, oid in data.items():
        try:
            listed = _read_folder_listing(oid) if oid.endswith(".dir") else {}
        except (object_store.BadObjectError, object_store.RemoteError) as error:
            return files, [f"the files of the data are not known: {oid}: {error}"]
        files |= {f"{path}/{name}": md5 for name, md5 in listed.items()} or {path: oid}
    return files, []


def _read_folder_listing(oid: str) -> dict[str, str]:
    """Return the hashes of a folder's files from its listing in the cache, or else the remote."""
    with object_store.open_cache() as cache, suppress(object_store.BadObjectError):
        return object_store.parse_listing(object_store.read_listing(cache, oid))
    with object_store.open_remote() as remote:
        return object_store.parse_listing(object_store.read_listing(remote, oid))


def _compute_md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _find_same_inputs(carried: Facts) -> Facts:
    """Return what a model was made from whose bytes no commit has.

    The model was trained once more elsewhere, or changed since.
    """
    for commit, stage in _iter_candidates(carried):
        stages = lockfile.parse_stages(read_text_at(commit, LOCK))
        if _has_same_params(stages[stage], carried):
            facts = _trace_stage(commit, stages, stage)
            note = (
                f"{commit[:9]} trained on the same, and its model has other bytes: "
                "this file is not that model"
            )
            return {**facts, "same_inputs": commit, "notes": [note, *facts["notes"]]}
    return {}


def _iter_candidates(carried: Facts) -> Iterator[tuple[str, str]]:
    """Commits and stages that trained on the same features."""
    for commit in commits.find_commits_by_hash(carried["features"]) if carried else []:
        for name, entry in lockfile.parse_stages(read_text_at(commit, LOCK)).items():
            deps = lockfile.collect_hashes([entry], "deps")
            if carried["features"] not in deps.values():
                continue
            if _list_training_params(lockfile.collect_params(entry)):
                yield commit, name


def _has_same_params(entry: Entry, carried: Facts) -> bool:
    """Whether a stage of a commit had the parameters that a model's file carries."""
    params = lockfile.collect_params(entry)
    if carried["split"] != params.get("split"):
        return False
    return carried["params"] in _list_training_params(params)


def _list_training_params(params: Facts) -> list[Facts]:
    """What the models of a stage were fitted with, by its parameters; none where it fits none."""
    inside = {
        name.removeprefix("train."): value
        for name, value in params.items()
        if name.startswith("train.")
    }
    sections = [params["train"]] if "train" in params else []
    if "baseline" in params:
        sections.append({**inside, **params.get("train", {}), **BASELINE, **params["baseline"]})
    return [_select_model_params(section) for section in sections]


def _select_model_params(section: Facts) -> Facts:
    names = identity.list_param_names(section["model"])
    return {name: section[name] for name in names if name in section}


def format_lineage(lineage: Lineage) -> str:
    """For a person: a line a fact."""
    lines = [f"{lineage.file}  {lineage.hash}", *_format_commit(lineage)]
    if lineage.stage:
        lines.append(f"  made by      stage {lineage.stage}, as {lineage.output}")
    lines += [f"  data         {path}  {md5}" for path, md5 in lineage.data.items()]
    if lineage.code:
        lines.append(f"  code         {lineage.code}")
    if lineage.environment:
        lines.append(f"  environment  {lineage.environment}")
    lines += [f"  {name:<12} {_format_tree(values)}" for name, values in lineage.metrics.items()]
    known = lineage.params or {
        name: lineage.carried[name] for name in identity.AS_JSON if name in lineage.carried
    }
    lines += [f"  params       {stage}: {_format_tree(tree)}" for stage, tree in known.items()]
    if lineage.carried:
        lines.append(f"  carried      features {lineage.carried['features']}")
    lines += [f"  file         {path}  {md5}" for path, md5 in lineage.data_files.items()]
    lines += [f"  rebuild      {command}" for command in lineage.rebuild]
    lines += [f"  note         {note}" for note in lineage.notes]
    return "\n".join(map(_replace_unprintable, lines))


def _replace_unprintable(line: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _format_commit(lineage: Lineage) -> list[str]:
    commit = lineage.commit
    if commit is None:
        return [f"  commit       {'none with these bytes' if lineage.same_inputs else 'not known'}"]
    refs = ", ".join(commit.refs) or "no branch or tag"
    more = f", and in {len(lineage.also_in)} later" if lineage.also_in else ""
    who = f"{commit.author} <{commit.email}>, {commit.date}: {commit.subject}"
    return [f"  commit       {commit.name} (of {refs}{more})", f"  by           {who}"]


def _format_tree(tree: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {_format_value(value)}" for name, value in flatten_tree(tree).items())


def _format_value(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
