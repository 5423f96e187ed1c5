"""A comment names the files of a pull request that decide its verdict, in a project too."""

from pathlib import Path

import pytest

from tarmac.ci import review_comment

DECIDE = [
    ".github/workflows/review.yml",
    "Makefile",
    "make/serve.mk",
    "pyproject.toml",
    "requirements/pipeline.txt",
    "requirements/tarmac.txt",
    "src/rents/contract/columns.py",
    "vendor/tarmac_ml-1.0.0-py3-none-any.whl",
]
OTHER = ["README.md", "dvc.yaml", "src/rents/notes.md", "tests/test_a.py"]


def test_names_review_files_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = tmp_path / "src/rents/contract/columns.py"
    columns.parent.mkdir(parents=True)
    for path in (columns, columns.with_name("__init__.py"), columns.parents[1] / "__init__.py"):
        path.touch()
    (tmp_path / "src/rents/roles.py").write_text("from rents.contract import columns\n")
    (tmp_path / "pyproject.toml").write_text('[tool.tarmac]\nproblem = "rents"\n')
    monkeypatch.chdir(tmp_path)
    files = [{"filename": name} for name in [*OTHER, *DECIDE]]
    monkeypatch.setattr(review_comment, "fetch_entries", lambda path, environment: files)
    assert review_comment.find_changed_review_files({}, 1) == DECIDE
