"""What a batch reads and writes: one file, or a folder file by file.

Nothing of the input is ever written to.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tarmac.batch.source import CSV, PARQUET, check_file
from tarmac.interface.errors import UserError, suggest_name
from tarmac.pipeline.base.outputs import acquire_file_lock

SUFFIXES = (PARQUET, CSV)


class PathError(UserError):
    """An input or an output that cannot be used."""


@dataclass(frozen=True)
class BatchFile:
    """One file of the input, where its scores go, and where its rejected rows go."""

    source: Path
    out: Path
    rejects: Path


def plan_files(source: Path, out: Path) -> list[BatchFile]:
    """The parts of an input, each looked into. Raises `PathError` or `SourceError`."""
    if not source.exists():
        nearby = (path.name for path in source.parent.glob("*"))
        hint = f"{suggest_name(source.name, nearby)} name an existing file or folder with `IN=`"
        raise PathError(f"the input {source} does not exist", hint.strip())
    parts = _plan_folder(source, out) if source.is_dir() else [_plan_file(source, out)]
    written = {part.out.resolve() for part in parts} | {part.rejects.resolve() for part in parts}
    for part in parts:
        if part.source.resolve() in written:
            message = f"the output would overwrite the input {part.source}"
            raise PathError(message, "choose another output")
        check_file(part.source)
    return parts


def find_stray_files(parts: Sequence[BatchFile], out: Path) -> list[Path]:
    """What lies in the folder of the scores and would be read as scores, and is of no part."""
    outputs = {part.out for part in parts}
    return [
        path
        for path in sorted(out.rglob(f"*{PARQUET}"))
        if path not in outputs and not _is_hidden(path.relative_to(out))
    ]


def _plan_file(source: Path, out: Path) -> BatchFile:
    for path in (source, out):
        if path.suffix not in SUFFIXES:
            message = f"{path} is not a {' or '.join(SUFFIXES)} file"
            raise PathError(message, "use Parquet or CSV files for input and output")
    if out.is_dir():
        message = f"the output {out} is a folder, but the input {source} is a file"
        raise PathError(message, f"choose a file as the output: `{out / 'scores.parquet'}`")
    return BatchFile(source, out, _build_rejects_path(out))


def _plan_folder(source: Path, out: Path) -> list[BatchFile]:
    """One part for each file, in order of name."""
    files, rejects = list_input_files(source, out), build_rejects_folder_path(out)
    names = [path.relative_to(source).with_suffix(PARQUET) for path in files]
    if repeated := sorted({str(name) for name in names if names.count(name) > 1}):
        message = f"two files in {source} would have the same output: {', '.join(repeated)}"
        raise PathError(message, "rename one of the two files")
    return [
        BatchFile(path, out / name, rejects / f"{name}.csv")
        for path, name in zip(files, names, strict=True)
    ]


def list_input_files(source: Path, out: Path) -> list[Path]:
    """Return the files of a folder in order of name.

    Files that begin with a dot or an underscore are not data. Raise `PathError` if there is no
    file, if one is of another kind, or if scores would lie among them.
    """
    inside, rejects = source.resolve(), build_rejects_folder_path(out)
    for other in (out.resolve(), rejects.resolve()):
        if inside == other or inside in other.parents or other in inside.parents:
            message = f"the input {source} and the output {out} overlap"
            raise PathError(message, "choose an output folder outside the input folder")
    if out.exists() and not out.is_dir():
        message = f"the output {out} is a file, but the input {source} is a folder"
        raise PathError(message, "choose a folder as the output")
    files = [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file() and not _is_hidden(path.relative_to(source))
    ]
    if unsupported := [str(path) for path in files if path.suffix not in SUFFIXES]:
        message = f"files are not {' or '.join(SUFFIXES)}: {', '.join(unsupported[:3])}"
        raise PathError(message, "move them out of the folder, or start their names with `_`")
    if not files:
        raise PathError(
            f"{source} contains no {' or '.join(SUFFIXES)} file",
            "put Parquet or CSV files there; names that begin with `.` or `_` are skipped",
        )
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _build_rejects_path(out: Path) -> Path:
    return out.with_name(f"{out.name}.rejects.csv")


def build_rejects_folder_path(out: Path) -> Path:
    """Where the rejected rows of a folder's files go."""
    return out.with_name(f"{out.name}.rejects")


@contextmanager
def lock_output(out: Path) -> Iterator[None]:
    """Let one run at a time write an output.

    Two would take away each other's half-written files. Raise `PathError` if another run is writing
    it.
    """
    with acquire_file_lock(out.with_name(f".{out.name}.lock.tmp"), wait=False) as held:
        if not held:
            message = f"another run is writing {out}"
            raise PathError(message, "wait until it ends, or choose another output")
        yield
