"""Which commits have an output: by the hash that their `dvc.lock` or `.dvc` file gives it."""

from dataclasses import dataclass
from pathlib import Path

from tarmac.pipeline.base.paths import LOCK
from tarmac.repository.git import find_revisions_with_text, run_git

LOCKS = (str(LOCK), "*.dvc")
# What has a name that people use, before experiments, which a clone does not bring.
# A stash is nobody's result.
SCOPES = (
    ("HEAD", "--branches", "--tags", "--remotes"),
    ("--exclude=refs/stash", "--exclude=refs/exps/stash", "--all"),
)
FIELDS = ("%H", "%an", "%ae", "%aI", "%s")


@dataclass(frozen=True)
class Commit:
    """A commit, who made it and when, and the branches and tags that have it."""

    name: str
    author: str
    email: str
    date: str  # ISO 8601, with the author's zone
    subject: str
    refs: list[str]


def find_commits_by_hash(text: str, folder: Path = Path()) -> list[str]:
    """Return the commits that changed a lock and whose lock has a text, the oldest first.

    Return commits of experiments only if no other commit has the text.
    """
    for scope in SCOPES:
        options = ("--full-history", "--date-order", "--reverse")
        changed = run_git("rev-list", *options, *scope, "--", *LOCKS, folder=folder).split()
        having = find_revisions_with_text(text, changed, LOCKS, folder)
        if having:
            return having
    return []


def describe_commit(commit: str, folder: Path = Path()) -> Commit:
    """What Git knows of a commit."""
    fields = run_git(
        "show", "--no-patch", f"--format={'%x00'.join(FIELDS)}", commit, folder=folder
    ).rstrip("\n")
    refs = run_git(
        "for-each-ref", "--contains", commit, "--format=%(refname:short)", folder=folder
    ).split("\n")
    name, author, email, date, subject = fields.split("\0", len(FIELDS) - 1)
    return Commit(name, author, email, date, subject, [ref for ref in refs if ref])


def is_shallow_clone(folder: Path = Path()) -> bool:
    """Whether only a part of the history was fetched."""
    return run_git("rev-parse", "--is-shallow-repository", folder=folder).strip() == "true"
