"""A change selects the tests that it can affect: by imports, conftest files and names of files."""

import subprocess
import sys
from pathlib import Path

import pytest

from tarmac.repository.imports import ImportGraph, find_package_folders
from tests.changed import affected, imported
from tests.conftest import ROOT

FILES = {
    "src/tarmac/__init__.py": "",
    "src/tarmac/low.py": "",
    "src/tarmac/high.py": "def late():\n    from tarmac import low\n",
    "src/tarmac/other.py": "",
    "tests/__init__.py": "",
    "tests/conftest.py": 'DATA = "data"\n',
    "tests/helper.py": "from tarmac import high\n",
    "tests/test_low.py": "from tarmac import low\n",
    "tests/test_high.py": "from tests.helper import high\n",
    "tests/part/__init__.py": "",
    "tests/part/conftest.py": "import tarmac.other\n",
    "tests/part/test_page.py": 'PAGE = ROOT / "docs" / "a.md"\n',
}
LOADED = """
import sys, tests.{}
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", ""))
"""
LOW, HIGH, PAGE = "tests/test_low.py", "tests/test_high.py", "tests/part/test_page.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ("src/tarmac/low.py", [HIGH, LOW]),
        ("src/tarmac/high.py", [HIGH]),
        ("src/tarmac/other.py", [PAGE]),
        ("src/tarmac/__init__.py", [PAGE, HIGH, LOW]),
        ("tests/helper.py", [HIGH]),
        ("tests/part/conftest.py", [PAGE]),
        ("tests/conftest.py", [PAGE, HIGH, LOW]),
        (LOW, [LOW]),
        ("docs/a.md", [PAGE]),
        ("docs/new.md", [PAGE]),
        ("data/raw", []),
        ("NOTES.md", []),
        ("pyproject.toml", [PAGE, HIGH, LOW]),
        ("requirements/dev.txt", [PAGE, HIGH, LOW]),
    ],
)
def test_selects_the_tests_that_a_file_can_affect(
    root: Path, changed: str, found: list[str]
) -> None:
    assert affected(root, [changed]) == found


def test_selects_nothing_without_a_change(root: Path) -> None:
    assert affected(root, []) == []


@pytest.mark.program
@pytest.mark.parametrize(
    "name", ["tarmac/review/test_verdict", "tarmac/monitoring/test_judge", "e2e/test_sweep"]
)
def test_static_imports_cover_every_file_that_test_loads(name: str) -> None:
    command = [sys.executable, "-c", LOADED.format(name.replace("/", "."))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    own = [
        Path(line)
        for line in done.stdout.splitlines()
        if line.startswith((f"{ROOT}/src/", f"{ROOT}/tests/"))
    ]
    loaded = {str(path.relative_to(ROOT)) for path in own}
    assert len(loaded) > 10
    assert loaded <= imported(
        ImportGraph(ROOT, {**find_package_folders(ROOT), "tests": ROOT}),
        ROOT,
        ROOT / "tests" / f"{name}.py",
    )
