"""Prepare a release of Tarmac: version, changelog, tag, reproducible wheel and notes."""

import datetime
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE

from tarmac.scaffold.upgrade import find_wheel

PROJECT, CHANGELOG = Path("pyproject.toml"), Path("CHANGELOG.md")
DIST = Path("dist")
VERSION = re.compile(r"\d+\.\d+\.\d+")
PACK = """
import sys
from pathlib import Path
from tarmac.scaffold.wheel import write_wheel
print(write_wheel(Path(sys.argv[1])))
"""
OPEN = "## Unreleased\n"


def main(version: str) -> None:
    """Write the release of a version, commit and tag it, and build its wheel.

    Exit with a message, and change nothing, if the version is not a later one, if the changelog
    says nothing, or if something is not committed.
    """
    current = read_version()
    if not VERSION.fullmatch(version) or _to_numbers(version) <= _to_numbers(current):
        sys.exit(f"error: {version!r} does not follow {current}\nhint: VERSION=1.2.3")
    if _run("git", "status", "--porcelain"):
        sys.exit("error: the working tree has uncommitted changes\nhint: commit them first")
    notes = read_notes()
    if not notes:
        sys.exit(f"error: {CHANGELOG} says nothing under {OPEN.strip()!r}\nhint: add what changed")
    write_release(version, datetime.datetime.now(tz=datetime.UTC).date())
    _run("git", "commit", "--quiet", "--all", "--message", f"release: {version}")
    _run("git", "tag", "--annotate", f"v{version}", "--message", notes, "--cleanup=verbatim")
    wheel = build_wheel()
    (DIST / f"notes-{version}.md").write_text(notes, encoding="utf-8")
    print(f"{wheel}\nsha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    print(f"next: git push --follow-tags, then publish {wheel} with dist/notes-{version}.md")


def read_version() -> str:
    """Return the version of the package."""
    found = re.search(r'^version = "(.*)"$', PROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def read_notes() -> str:
    """Return what the changelog says of the changes that no release has."""
    _, _, rest = CHANGELOG.read_text(encoding="utf-8").partition(OPEN)
    return rest.split("\n## ", maxsplit=1)[0].strip()


def write_release(version: str, day: datetime.date) -> None:
    """Write a version and its day into package and changelog."""
    _replace(PROJECT, r'^version = ".*"$', f'version = "{version}"')
    _replace(CHANGELOG, rf"^{OPEN.strip()}$", f"{OPEN}\n## {version}, {day}")


def build_wheel() -> Path:
    """Pack the wheel of the working tree into `dist/`, by its own code and with its own version."""
    with tempfile.TemporaryDirectory() as folder:
        built, release = find_wheel(Path(), Path(folder)), Path(folder, "release")
        shutil.unpack_archive(built, release, "zip")
        environment = {**os.environ, "PYTHONPATH": str(release)}
        done = subprocess.run(
            [sys.executable, "-c", PACK, str(DIST)], env=environment, check=True, stdout=PIPE
        )
    return Path(done.stdout.decode().strip())


def _replace(path: Path, pattern: str, line: str) -> None:
    text, count = re.subn(pattern, line, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1, f"{path}: {count} lines match {pattern}"
    path.write_text(text, encoding="utf-8")


def _to_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1])
