"""Code boundaries: problem words stay in the problem's folder, and paths in one module.

Nothing is installed by its name on the index.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tarmac.pipeline.base import paths
from tests.conftest import ROOT

WORDS = re.compile(
    r"flight|carrier|airport|airline|aircraft|\bplane|weather|tail ?num|\blate\b|new york",
    re.IGNORECASE,
)
TEXTS = {".py", ".txt", ".html", ".css", ".js"}
OUTSIDE = sorted(path for path in (ROOT / "src" / "tarmac").rglob("*") if path.suffix in TEXTS)


@pytest.mark.parametrize("path", [*OUTSIDE, ROOT / "Makefile"], ids=lambda path: path.name)
def test_generic_code_contains_no_problem_words(path):
    found = [
        f"{number}: {line}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if WORDS.search(line)
    ]
    assert not found, "\n".join(found)


def test_word_search_matches_problem_code():
    flights = (ROOT / "src" / "flights").rglob("*.py")
    assert sum(bool(WORDS.search(path.read_text())) for path in flights) > 10


# Neither name on the package index is this project: `tarmac` is another one, and `tarmac-ml` is not
# registered.
NAME = r"(?<![\w./:-])tarmac(-ml)?(\[[\w,]*\])?(?![\w./-])"
INSTALLS = re.compile(
    rf"\b(pipx?|uvx?|poetry|conda|mamba)\b.*\b(install|add|tool run|uvx)\b.*{NAME}|"
    rf"\buvx\b(?! --from \S+\.whl ).*{NAME}"
)
REQUIRES = re.compile(r"^\s*[\"']?tarmac(-ml)?(\[[\w,]*\])?\s*([<>~!@;,]|==|[\"'],?$|$)")


def installs_by_name(path: Path) -> list[str]:
    """The lines of a file that would install the machinery from a package index."""
    pins = path.parent.name == "requirements" or path.name == "pyproject.toml"
    lines = path.read_text(encoding="utf-8", errors="ignore").splitlines()
    return [line for line in lines if INSTALLS.search(line) or (pins and REQUIRES.search(line))]


def test_no_file_installs_package_by_index_name() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    texts = {".md", ".txt", ".toml", ".yml", ".yaml", ".py", ".sh", ".in", ""}
    files = [
        ROOT / name
        for name in listed
        if Path(name).suffix in texts and not name.startswith(("data/", "tests/test_boundary"))
    ]
    assert len(files) > 500
    found = {
        str(file.relative_to(ROOT)): installs_by_name(file) for file in files if file.is_file()
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("pip install tarmac", True),
        ("$ uv pip install --upgrade 'tarmac-ml'", True),
        ("uvx tarmac new rents", True),
        ("uv add tarmac-ml[spark]", True),
        ("uv pip install ./vendor/tarmac_ml-1.0.0-py3-none-any.whl", False),
        ("uv pip install --editable .  # then: .venv/bin/tarmac run", False),
        ("uvx --from ./tarmac_ml.whl tarmac-new", False),
    ],
)
def test_install_search_matches_only_installs_by_name(
    tmp_path: Path, line: str, wrong: bool
) -> None:
    (tmp_path / "page.md").write_text(line)
    assert bool(installs_by_name(tmp_path / "page.md")) is wrong


@pytest.mark.parametrize(
    "line", ["tarmac==1.0", "tarmac-ml>=1", "tarmac", '  "tarmac-ml[spark]",', "tarmac @ https://x"]
)
def test_install_search_finds_requirement_pins(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/x.txt").write_text(line)
    assert installs_by_name(tmp_path / "requirements/x.txt") == [line]


def test_pipeline_paths_are_defined_in_one_module() -> None:
    stated = {str(value) for value in vars(paths).values() if isinstance(value, Path)}
    assert len(stated) > 15
    literal = re.compile("|".join(rf'"{re.escape(path)}"' for path in sorted(stated)))
    modules = [path for path in (ROOT / "src/tarmac").rglob("*.py") if path != Path(paths.__file__)]
    found = {path.name: literal.findall(path.read_text()) for path in modules}
    assert {name: hits for name, hits in found.items() if hits} == {}
