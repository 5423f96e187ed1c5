"""A Git repository for tests to query, which neither CI nor a user's settings reach."""

import subprocess
from pathlib import Path

import pytest

from tarmac.repository.git import NAMED_BY_CI

WHO = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


def work_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder, and work in it without an identity of Git."""
    for name in NAMED_BY_CI:
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        **dict.fromkeys(WHO, "test@example.org"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str) -> str:
    """What Git prints, in the working folder."""
    return subprocess.run(
        ["git", *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(**files: str) -> str:
    """Write some files, commit everything in the folder, and return the commit's hash.

    In a file's name, `__` stands for a slash and `_` for a dot.
    """
    for name, text in files.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run("add", "--all")
    run("commit", "--quiet", "--allow-empty", "--message", "work")
    return run("rev-parse", "HEAD")
