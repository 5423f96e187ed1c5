"""Merge the files of a release into those of a project, three ways."""

import subprocess
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

BINARY = b"\0"  # is in no text, by Git's own rule
LABELS = ("this project", "the release that it came from", "the new release")


class Outcome(StrEnum):
    """What an upgrade does with a file."""

    SAME = "same"  # the release has not changed it, or the project has the same change
    KEPT = "kept"  # one has removed what the other has changed, or it is not text
    ADDED = "added"
    UPDATED = "updated"  # the project has not changed it
    REMOVED = "removed"
    MERGED = "merged"
    CONFLICT = "conflict"  # both have changed the same lines, which Git's markers show


@dataclass(frozen=True)
class MergedFile:
    """A file after the merge: its path in the project, and its content, if it is not removed."""

    path: Path
    outcome: Outcome
    content: bytes | None


def merge_folders(project: Path, old: Path, new: Path) -> list[MergedFile]:
    """Merge every file that one of two releases has, and return those that are not the same."""
    names = sorted({path.relative_to(root) for root in (old, new) for path in _list_files(root)})
    merged = []
    for name in names:
        ours, before, after = (_read(root / name) for root in (project, old, new))
        merged.append(merge_file(name, ours, before, after))
    return [file for file in merged if file.outcome is not Outcome.SAME]


def merge_file(path: Path, ours: bytes | None, old: bytes | None, new: bytes | None) -> MergedFile:
    """Merge the contents of one file; None where it is missing."""
    if new in (ours, old):
        return MergedFile(path, Outcome.SAME, ours)
    if ours == old:
        outcome = Outcome.UPDATED if old is not None else Outcome.ADDED
        return MergedFile(path, Outcome.REMOVED if new is None else outcome, new)
    if ours is None or new is None:
        return MergedFile(path, Outcome.KEPT, ours)
    if any(BINARY in content for content in (ours, old or b"", new)):
        return MergedFile(path, Outcome.KEPT, ours)
    content, conflicts = _merge_text(ours, old or b"", new)
    return MergedFile(path, Outcome.CONFLICT if conflicts else Outcome.MERGED, content)


def _merge_text(ours: bytes, old: bytes, new: bytes) -> tuple[bytes, bool]:
    """Return the merged text, and whether it has conflict markers."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("ours", "old", "new")]
        for path, content in zip(paths, (ours, old, new), strict=True):
            path.write_bytes(content)
        labels = [option for label in LABELS for option in ("-L", label)]
        command = ["git", "merge-file", "--stdout", *labels, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout, done.returncode != 0


def _list_files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
