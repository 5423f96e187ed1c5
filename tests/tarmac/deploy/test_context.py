"""The build context contains the code, the lock and the bundle, and no other file of the clone."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

NEEDED = (
    "pyproject.toml",
    "requirements/serve.txt",
    "src/tarmac/__init__.py",
    "src/flights/contract/columns.py",
    "served/live",
    "served/versions/v0.0.2-1f/model.onnx",
    "served/versions/v0.0.2-1f/state/facts.json",
)
PRIVATE = (
    ".git/config",
    ".dvc/config.local",
    ".dvc/cache/files/md5/00/1",
    ".env",
    ".venv/bin/python",
    "data/raw/planes.parquet",
    "data/remote/files/md5/00/1",
    "kubeconfig",
    "models/model.onnx",
    "requirements/dev.txt",
    "review/report.md",
    "served/log/2013-12-31.parquet",
    "served/shadow",
    "src/tarmac_ml.egg-info/PKG-INFO",
    "src/tarmac/__pycache__/cli.cpython-313.pyc",
    "src/flights/contract/__pycache__/columns.cpython-313.pyc",
    "tests/conftest.py",
)


def ignored(path: str, patterns: str) -> bool:
    """Return whether `.dockerignore` excludes a path.

    The last pattern that matches the path, or a folder above it, decides.
    """
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    out = False
    for line in patterns.splitlines():
        pattern = line.strip().removeprefix("!").strip("/")
        if (
            pattern
            and not line.startswith("#")
            and any(re.fullmatch(_regex(pattern), name) for name in above)
        ):
            out = not line.startswith("!")
    return out


def _regex(pattern: str) -> str:
    """Go's `filepath.Match` as an expression, with `**` for any number of folders."""
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        signs.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    )


RULES = (ROOT / ".dockerignore").read_text()
PART = ROOT / "src/tarmac/scaffold/files/deploy"  # what a project builds its image by
PROJECT_RULES = (PART / "dot_dockerignore").read_text()


@pytest.mark.parametrize("path", NEEDED)
def test_context_includes_files_that_image_needs(path):
    assert not ignored(path, RULES)


@pytest.mark.parametrize("path", PRIVATE)
def test_context_excludes_private_files(path):
    assert ignored(path, RULES)


@pytest.mark.parametrize("path", PRIVATE)
def test_context_of_project_excludes_private_files(path):
    if ".egg-info" not in path:  # nothing builds a project
        assert ignored(path, PROJECT_RULES)


def test_context_of_project_includes_what_its_image_copies():
    dockerfile = (PART / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", dockerfile, re.MULTILINE)
    paths = " ".join(copied).replace("$BUNDLE", "served/live").split()
    assert "vendor" in paths
    for path in [*paths, "src/rents/contract/columns.py", "vendor/tarmac_ml-1.0.0.whl"]:
        assert not ignored(path, PROJECT_RULES)


def test_image_of_project_serves_as_this_one_does():
    """All but the code is the same: tarmac comes from the pinned wheel, and without a title."""
    ours = (ROOT / "Dockerfile").read_text().partition("COPY src src\n")[2]
    theirs = (PART / "Dockerfile").read_text().partition("COPY src src\n")[2]
    title = "org.opencontainers.image.title=tarmac \\\n      "
    assert title in ours
    assert theirs == ours.replace(title, "")


def test_context_contains_only_files_that_build_copies():
    folders = [
        path
        for path in ROOT.iterdir()
        if path.name not in {".venv", ".git", "data", "served", ".dvc"}
    ]
    files = [
        path
        for folder in folders
        for path in ([folder] if folder.is_file() else sorted(folder.rglob("*")))
    ]
    inside = {str(path.relative_to(ROOT)) for path in files if path.is_file()}
    let_in = {path for path in inside if not ignored(path, RULES)}
    code = {path for path in inside if path.startswith("src/") and Path(path).suffix == ".py"}
    code -= {path for path in code if path.startswith("src/tarmac/scaffold/files/")}
    assert let_in == code | {"requirements/serve.txt", "pyproject.toml"}


@pytest.mark.parametrize(
    ("path", "patterns", "out"),
    [
        ("a/b.py", "*", True),
        ("a/b.py", "*\n!a", False),
        ("a/b.py", "*\n!a/b.py", False),
        ("a/c.py", "*\n!a/b.py", True),
        ("a/b.py", "!a\n*", True),
        ("a/x/b", "**/x", True),
        ("x/b", "**/x", True),
        ("ax", "**/x", False),
        ("a/b", "# a", False),
    ],
)
def test_ignore_patterns_follow_docker_rules(path, patterns, out):
    assert ignored(path, patterns) is out
