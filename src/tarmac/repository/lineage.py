"""Where an output comes from: commit, data, code, environment, parameters and metrics, from Git and the file alone."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tarmac.interface.errors import UserError, suggest
from tarmac.pipeline.base.hashing import digest
from tarmac.pipeline.base.params import TASK
from tarmac.pipeline.base.paths import LOCK, TEST_METRICS, TRAIN_METRICS
from tarmac.pipeline.training import identity
from tarmac.reporting.trees import flatten
from tarmac.repository import commits
from tarmac.repository.commits import Commit
from tarmac.repository.dvc import commands, lockfile, object_store
from tarmac.repository.dvc.lockfile import Entry
from tarmac.repository.git import GitError, text_at
from tarmac.repository.remote import objects

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
    also_in: list[str] = field(default_factory=list)  # later commits that changed their lock and have them, too
    same_inputs: str | None = None  # a commit that made other bytes from the same inputs, where none has these
    data: dict[str, str] = field(default_factory=dict)  # hash of what came in from outside, by path
    data_files: dict[str, str] = field(default_factory=dict)  # hash of each of its files, by path
    params: dict[str, Any] = field(default_factory=dict)  # by stage
    environment: str | None = None  # hash of the locked requirements
    code: str | None = None  # hash of the code of the stages that made it
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)  # validation and test
    carried: dict[str, Any] = field(default_factory=dict)  # what the file itself says
    rebuild: list[str] = field(default_factory=list)  # commands
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> Facts:
        """The same, under the same names, as plain values."""
        return asdict(self)


def lineage(file: Path) -> Lineage:
    """Asks the history of the repository here, and the file. Raises `LineageError` where neither knows it."""
    known = digest(file)
    if not known:
        hint = f"{_nearest(str(file))} fetch the outputs of the pipeline with `make pull`"
        raise LineageError(f"{file}: file not found", hint.strip())
    carried = carried_by(file)
    try:
        facts = _committed(known) or _alike(carried)
        notes = [] if facts else [NO_COMMIT, *_shallow()]
    except (GitError, OSError) as error:
        facts, notes = {}, [f"the history cannot be read: {' '.join(str(error).split())}"]
    if not facts and not carried:
        reason, *advice = notes
        message = f"{file} ({known}): {reason}, and the file has no lineage metadata"
        raise LineageError(message, "; ".join(advice))
    return Lineage(str(file), known, **{**facts, "carried": carried, "notes": [*notes, *facts.get("notes", [])]})


def of_output(path: str) -> Lineage:
    """The same of an output by the hash that the lock gives it, whether or not its file is here."""
    known = commands.outputs().get(path)
    if not known:
        hint = f"{_nearest(path)} create it with `make run`"
        raise LineageError(f"{path} is not an output in {LOCK}", hint.strip())
    facts = _committed(known)
    notes = [] if facts else [NO_COMMIT, *_shallow()]
    return Lineage(path, known, **{**facts, "notes": [*notes, *facts.get("notes", [])]})


def carried_by(file: Path) -> Facts:
    """What a model's file says that it was made from; empty where it is no model, or says nothing of that."""
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


def _shallow() -> list[str]:
    return ["the clone is shallow: run `git fetch --unshallow`"] if commits.is_shallow() else []


def _nearest(path: str) -> str:
    """Return a question with the output nearest to a wrong path, or nothing if none is near."""
    with suppress(commands.StoreError, OSError, ValueError):
        return suggest(path, commands.locked(LOCK.read_text(encoding="utf-8")))
    return ""


def _committed(known: str) -> Facts:
    """The first commit that has an output with this hash, and what it says of it; empty where there is none."""
    having = commits.commits_with(known)
    for place, commit in enumerate(having, start=1):
        if facts := _said_by(commit, known):
            return {**facts, "commit": commits.described(commit), "also_in": having[place:]}
    return {}


def _said_by(commit: str, known: str) -> Facts:
    stages = lockfile.stages(text_at(commit, LOCK))
    for stage, entry in stages.items():
        for output, md5 in lockfile.hashes([entry], "outs").items():
            if md5 == known:
                facts, (metrics, notes) = _made(commit, stages, stage), _metrics(commit, stages)
                notes = [*facts["notes"], *notes]
                return {**facts, "stage": stage, "output": output, "metrics": metrics, "notes": notes}
    return _from_outside(commit, stages, known)


def _from_outside(commit: str, stages: Mapping[str, Entry], known: str) -> Facts:
    """What no stage has made: raw data, or a file of Git that a stage depends on."""
    try:
        named = {**objects.named(commit), **lockfile.hashes(stages.values(), "deps")}
    except commands.StoreError:  # a conflict was committed
        return {}
    output = next((path for path, md5 in named.items() if md5 == known), None)
    if output is None:
        return {}
    files, notes = _files({output: known})
    rebuild = [f"git switch --detach {commit}", "make pull"]
    return {"output": output, "data": {output: known}, "data_files": files, "rebuild": rebuild, "notes": notes}


def _made(commit: str, stages: Mapping[str, Entry], stage: str) -> Facts:
    """What a stage of a commit was made from, directly or not, and how to make it again."""
    above = lockfile.above(stages, stage)
    made, deps = (lockfile.hashes(above.values(), kind) for kind in ("outs", "deps"))
    data = {path: md5 for path, md5 in deps.items() if path not in made and not path.startswith(OF_GIT)}
    files, notes = _files(data)
    return {
        "data": data,
        "data_files": files,
        "params": {name: found for name, entry in above.items() if (found := lockfile.params(entry))},
        "environment": lockfile.environment(above.values()),
        "code": lockfile.code_hash(above.values()),
        "rebuild": [f"git switch --detach {commit}", "make pull", "make reproduce"],
        "notes": notes,
    }


def _metrics(commit: str, stages: Mapping[str, Entry]) -> tuple[dict[str, Facts], list[str]]:
    """The metrics that a commit has, where they are the ones that its lock names."""
    named, found, notes = lockfile.hashes(stages.values(), "outs"), {}, []
    for name, (path, key) in MEASURED.items():
        text = text_at(commit, Path(path)) or "{}"
        if _md5(text.encode()) == named.get(path):
            found[name] = json.loads(text)[key] if key else json.loads(text)
        else:
            notes.append(f"{path} of the commit is not what its lock names: {name} metrics are not known")
    return found, notes


def _files(data: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the hash of every file of some data by path, and if it is not known, why."""
    files: dict[str, str] = {}
    for path, oid in data.items():
        try:
            listed = _listing(oid) if oid.endswith(".dir") else {}
        except (object_store.BadObjectError, object_store.RemoteError) as error:
            return files, [f"the files of the data are not known: {oid}: {error}"]
        files |= {f"{path}/{name}": md5 for name, md5 in listed.items()} or {path: oid}
    return files, []


def _listing(oid: str) -> dict[str, str]:
    """Return the hashes of a folder's files from its listing in the cache, or else in the remote."""
    with object_store.opened_cache() as cache, suppress(object_store.BadObjectError):
        return object_store.entries(object_store.listing(cache, oid))
    with object_store.opened() as remote:
        return object_store.entries(object_store.listing(remote, oid))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _alike(carried: Facts) -> Facts:
    """What a model was made from whose bytes no commit has: trained once more elsewhere, or changed since."""
    for commit, stage in _candidates(carried):
        stages = lockfile.stages(text_at(commit, LOCK))
        if _fits(stages[stage], carried):
            facts = _made(commit, stages, stage)
            told = f"{commit[:9]} trained on the same, and its model has other bytes: this file is not that model"
            return {**facts, "same_inputs": commit, "notes": [told, *facts["notes"]]}
    return {}


def _candidates(carried: Facts) -> Iterator[tuple[str, str]]:
    """Commits and stages that trained on the same features."""
    for commit in commits.commits_with(carried["features"]) if carried else []:
        for name, entry in lockfile.stages(text_at(commit, LOCK)).items():
            if carried["features"] in lockfile.hashes([entry], "deps").values() and _trained(lockfile.params(entry)):
                yield commit, name


def _fits(entry: Entry, carried: Facts) -> bool:
    """Whether a stage of a commit had the parameters that a model's file carries."""
    params = lockfile.params(entry)
    return carried["split"] == params.get("split") and carried["params"] in _trained(params)


def _trained(params: Facts) -> list[Facts]:
    """What the models of a stage were fitted with, by its parameters; none where it fits none."""
    inside = {name.removeprefix("train."): value for name, value in params.items() if name.startswith("train.")}
    sections = [params["train"]] if "train" in params else []
    if "baseline" in params:
        sections.append({**inside, **params.get("train", {}), **BASELINE, **params["baseline"]})
    return [
        {name: section[name] for name in identity.names(section["model"]) if name in section} for section in sections
    ]


def text(found: Lineage) -> str:
    """For a person: a line a fact."""
    lines = [f"{found.file}  {found.hash}", *_where(found)]
    if found.stage:
        lines.append(f"  made by      stage {found.stage}, as {found.output}")
    lines += [f"  data         {path}  {md5}" for path, md5 in found.data.items()]
    lines += [f"  code         {found.code}"] if found.code else []
    lines += [f"  environment  {found.environment}"] if found.environment else []
    lines += [f"  {name:<12} {_flat(values)}" for name, values in found.metrics.items()]
    known = found.params or {name: found.carried[name] for name in identity.AS_JSON if name in found.carried}
    lines += [f"  params       {stage}: {_flat(tree)}" for stage, tree in known.items()]
    if found.carried:
        lines.append(f"  carried      features {found.carried['features']}")
    lines += [f"  file         {path}  {md5}" for path, md5 in found.data_files.items()]
    lines += [f"  rebuild      {command}" for command in found.rebuild]
    lines += [f"  note         {note}" for note in found.notes]
    return "\n".join("".join(sign if sign.isprintable() else "?" for sign in line) for line in lines)


def _where(found: Lineage) -> list[str]:
    commit = found.commit
    if commit is None:
        return [f"  commit       {'none with these bytes' if found.same_inputs else 'not known'}"]
    refs = ", ".join(commit.refs) or "no branch or tag"
    more = f", and in {len(found.also_in)} later" if found.also_in else ""
    who = f"{commit.author} <{commit.email}>, {commit.date}: {commit.subject}"
    return [f"  commit       {commit.name} (of {refs}{more})", f"  by           {who}"]


def _flat(tree: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {_plain(value)}" for name, value in flatten(tree).items())


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
