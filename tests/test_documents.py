"""Links and file names in the documents exist, and pre-commit runs what `make check` does."""

import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", ".github/*.md", "docs/*.md", "benchmarks/results/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w.-]+\.(?:md|ya?ml|toml))`")
CODE = re.compile(r"```.*?```", re.DOTALL)


def make_anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def list_anchors(path: Path) -> set[str]:
    text = CODE.sub("", path.read_text())
    return {make_anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_relative_links_lead_to_files_and_headings(name: str) -> None:
    document = ROOT / name
    broken = []
    for link in LINK.findall(CODE.sub("", document.read_text())):
        path, _, anchor = link.partition("#")
        if "://" in link or path.startswith("mailto:"):
            continue
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in list_anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", ["AGENTS.md", ".github/CONTRIBUTING.md"])
def test_named_files_exist(name: str) -> None:
    named = FILE.findall((ROOT / name).read_text())
    made = {"data/raw/", "data/features/"}  # by commands
    assert [path for path in named if path not in made and not (ROOT / path).exists()] == []


def test_pre_commit_runs_commands_of_make_check() -> None:
    checks = re.search(r"^check:.*?\n\n", (ROOT / "Makefile").read_text(), re.DOTALL | re.MULTILINE)
    assert checks
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in local["hooks"]:
        program = hook["entry"].removeprefix(".venv/bin/").split(" --")[0]
        assert f"$(BIN)/{program}" in checks[0], hook["id"]
