"""Scores a file of rows, or a folder of them, some thousand rows at a time."""

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tarmac.batch.plan import BatchFile, find_stray_files, lock_output, plan_files
from tarmac.batch.progress import ProgressBar
from tarmac.batch.score import SCHEMA, PreparedRows, ScoredRows, prepare_rows, score_rows
from tarmac.batch.sink import Note, ScoresWriter, find_complete_note, open_rejects
from tarmac.batch.source import iter_chunks
from tarmac.interface.errors import UserError
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.outputs import replace_output
from tarmac.serving.bundle import Bundle
from tarmac.serving.settings import Settings

CHUNK = 4096  # rows that are scored at once
SELDOM = 1_000_000  # objects that are made before Python looks for cycles among them


class BatchError(UserError):
    """A batch that could not be scored to its end, or that was asked for more than it gives."""


@dataclass(frozen=True)
class Job:
    """A part, the state its file had when it was looked at, and what its scores are made from."""

    part: BatchFile
    status: os.stat_result
    made_from: Note

    @classmethod
    def from_file(cls, part: BatchFile, by: Note) -> "Job":
        """Read the whole file for its hash: its size and time would not tell every change."""
        return cls(part, part.source.stat(), {**by, "input": compute_dvc_hash(part.source)})

    def check_unchanged(self) -> None:
        """Raise `BatchError` where the file is no longer the one that was hashed."""
        now = self.part.source.stat()
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (
            self.status.st_ino,
            self.status.st_size,
            self.status.st_mtime_ns,
        ):
            message = f"{self.part.source} was changed while it was read"
            raise BatchError(message, "run the same command again")


def load_bundle(folder: Path | None) -> Bundle:
    """Load the bundle in a folder, by default the one that is served.

    Raise `UserError` if there is none.
    """
    return Bundle((folder or Settings.from_environment().bundle).resolve())


def predict_files(
    source: Path, out: Path, bundle: Bundle, most: float = 1.0, rows: int = CHUNK
) -> str:
    """Score a file or a folder of them, `rows` at a time, and return what was done.

    Raise `UserError` if something cannot be read or written, if no row is valid, or if the share of
    rejected rows is above `most`. What was scored stays then.
    """
    try:
        parts = plan_files(source, out)
        with lock_output(out), _reduce_garbage_collection():
            by = compute_provenance(bundle)
            notes = _run_jobs([Job.from_file(part, by) for part in parts], bundle, rows)
    except OSError as error:
        message = f"{error.filename or out}: {error.strerror or error}"
        hint = "check the permissions there and the free disk space, then run the command again"
        raise BatchError(message, hint) from None
    for path in find_stray_files(parts, out):
        print(f"{path} does not belong to this input: delete it, or choose another output")
    return summarize_batch(notes, out, bundle.version, most)


def compute_provenance(bundle: Bundle) -> Note:
    """Return what the scores of a row follow from, besides the row.

    This is the version with its commit, and the hashes of model and tables.
    """
    hashes = {
        name: compute_dvc_hash(bundle.folder / file)
        for name, file in {"model": "model.onnx", "online": "online"}.items()
    }
    return {"version": bundle.version, "commit": bundle.release.get("commit"), **hashes}


def _run_jobs(jobs: list[Job], bundle: Bundle, rows: int) -> list[Note]:
    """Do what is not done already; the notes of all."""
    done = {}
    for job in jobs:
        part = job.part
        note = find_complete_note(part.out, part.rejects, job.made_from)
        if note:
            done[part] = note
            print(
                f"{part.source}: skipped, {part.out} has its {note['rows']:,} rows"
                f" by {bundle.version} already"
            )
    wanted = [job for job in jobs if job.part not in done]
    progress = ProgressBar(sum(job.status.st_size for job in wanted))
    try:
        for job in wanted:
            done[job.part] = _score_file(job, bundle, rows, progress)
    finally:
        progress.close()
    return list(done.values())


def _score_file(job: Job, bundle: Bundle, rows: int, progress: ProgressBar) -> Note:
    """Score one file.

    The rejected rows are in place before the scores: these say that all is there.
    """
    part, read = job.part, 0
    with replace_output(part.out) as partial:
        scores = ScoresWriter(partial, part.out.suffix, SCHEMA, job.made_from)
        with open_rejects(part.rejects) as rejected:
            for scored_rows in _iter_scored_rows(
                _iter_prepared_rows(job, bundle, rows, progress),
                lambda one: score_rows(bundle, one),
            ):
                scores.write_batch(scored_rows.batch)
                rejected.write_lines(scored_rows.rejected)
                read += scored_rows.given
        job.check_unchanged()
        note = {
            "rows": read,
            "scored": scores.count,
            "rejected": rejected.count,
            "rejects": compute_dvc_hash(part.rejects),
        }
        if read != scores.count + rejected.count:
            raise BatchError(
                f"{part.source}: {read:,} rows were read, but {scores.count:,} were scored"
                f" and {rejected.count:,} rejected",
                "run the same command again; if the numbers still differ, report it as a bug",
            )
        scores.close(note)
    progress.finish_file(job.status.st_size)
    return note


def _iter_prepared_rows(
    job: Job, bundle: Bundle, rows: int, progress: ProgressBar
) -> Iterator[PreparedRows]:
    first = 1
    for chunk in iter_chunks(job.part.source, rows):
        yield prepare_rows(bundle, chunk.rows, first)
        first += len(chunk.rows)
        progress.add_rows(len(chunk.rows), chunk.share * job.status.st_size)


def _iter_scored_rows(
    prepared: Iterable[PreparedRows], finish: Callable[[PreparedRows], ScoredRows]
) -> Iterator[ScoredRows]:
    """Finish some rows in a thread while the next are prepared, and keep the order.

    ONNX Runtime runs without Python's lock.
    """
    with ThreadPoolExecutor(1) as pool:
        before: Future[ScoredRows] | None = None
        for one in prepared:
            now = pool.submit(finish, one)
            if before:
                yield before.result()
            before = now
        if before:
            yield before.result()


@contextmanager
def _reduce_garbage_collection() -> Iterator[None]:
    """Let Python look for cycles seldom.

    The rows have none, and looking at each of them takes a tenth of the time.
    """
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def summarize_batch(notes: list[Note], out: Path, version: str, most: float) -> str:
    """What to tell at the end. Raises `BatchError` where too few rows are valid."""
    rows = sum(note["rows"] for note in notes)
    scored = sum(note["scored"] for note in notes)
    rejected = sum(note["rejected"] for note in notes)
    summary = f"{rows:,} rows: {scored:,} scored by {version} into {out}, {rejected:,} rejected"
    reasons = f"{out}.rejects{'' if out.is_dir() else '.csv'}"
    if rejected and (not scored or rejected / rows > most):
        message = f"{summary}, more than {most:.2%}" if scored else summary
        raise BatchError(message, f"correct the rows; {reasons} has the reason for each")
    return f"{summary} ({reasons} says why)" if rejected else summary
