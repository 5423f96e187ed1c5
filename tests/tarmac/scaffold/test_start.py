"""Init-problem replaces nothing that is unsaved, and a refused call changes nothing."""

import pandas as pd
import pytest

from tarmac.interface.problem import problem
from tests.conftest import Workspace, copy_repository
from tests.e2e.running import FROM_SOURCE, TARMAC

pytestmark = pytest.mark.pipeline

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
HEAD = (*TARMAC, "init-problem", "things", "--target", "size", "--from")


@pytest.fixture
def repository(tmp_path) -> Workspace:
    """The repository's files, committed, with a table beside them."""
    workspace = copy_repository(tmp_path / "repository")
    workspace.run("git", "init", "--quiet")
    (workspace.path / ".dvc/.gitignore").write_text("/cache\n/tmp\n/config.local\n")
    workspace.run("git", "add", "--all")
    workspace.run("git", *IDENTITY, "commit", "--quiet", "--message", "start")
    pd.DataFrame({"size": [n + 0.5 for n in range(30)], "age": range(30)}).to_csv(
        tmp_path / "table.csv", index=False
    )
    return workspace


def refused(workspace: Workspace, *arguments: str) -> str:
    """The lines of a refusal, an error and a hint, after which every file is as it was."""
    before = workspace.run("git", "status", "--porcelain").stdout
    done = workspace.run(*HEAD, *arguments, check=False, env=FROM_SOURCE)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert workspace.run("git", "status", "--porcelain").stdout == before
    error, hint = done.stderr.splitlines()
    assert (error[:7], hint[:6]) == ("error: ", "hint: ")
    return done.stderr


def test_refuses_to_replace_uncommitted_changes(repository: Workspace) -> None:
    path = repository.path / "src" / problem.name / "mine.py"
    path.write_text("")
    assert "files that would be replaced have uncommitted changes" in refused(
        repository, "../table.csv"
    )
    path.unlink()
    (repository.path / "params.yaml").write_text("{}")
    assert "files that would be replaced have uncommitted changes" in refused(
        repository, "../table.csv"
    )


def test_refuses_to_replace_raw_data_not_tracked_by_dvc(repository: Workspace) -> None:
    (repository.path / "data/raw").mkdir(parents=True)
    (repository.path / "data/raw/table.parquet").write_text("rows")
    assert "data/raw would be replaced, and differs from data/raw.dvc" in refused(
        repository, "../table.csv"
    )


def test_user_mistake_is_reported_in_one_line(repository: Workspace) -> None:
    assert "none.csv cannot be read" in refused(repository, "none.csv")
    assert "the file has no column day" in refused(repository, "../table.csv", "--time", "day")
    assert "unknown task number\nhint: use one of binary, multiclass, regression" in refused(
        repository, "../table.csv", "--task", "number"
    )


def test_repeated_run_succeeds_and_readme_names_new_problem(repository: Workspace) -> None:
    (repository.path / "README.md").write_text("flights")
    rows = pd.DataFrame({"size": [n + 0.5 for n in range(30)], "kind": ["a", "b", "c"] * 10})
    rows.to_csv(repository.path.parent / "table.csv", index=False)
    repository.run("git", "add", "--all")
    repository.run("git", *IDENTITY, "commit", "--quiet", "--message", "page")
    for name in ("first", "second"):
        repository.run(
            *TARMAC,
            "init-problem",
            name,
            "--target",
            "size",
            "--from",
            "../table.csv",
            env=FROM_SOURCE,
        )
        page = (repository.path / "README.md").read_text()
        assert f"Size of {name}" in page
        assert "flights" not in page.split("How to go on")[0]
        repository.run("git", "reset", "--quiet", "--hard")
        repository.run("git", "clean", "-d", "--force", "--quiet")


def test_rejects_invalid_folder_name_and_suggests_valid_one(repository: Workspace) -> None:
    done = repository.run(
        *TARMAC,
        "init-problem",
        "My Things",
        "--target",
        "size",
        "--from",
        "../table.csv",
        check=False,
        env=FROM_SOURCE,
    )
    assert "My Things is not a valid name of a package\nhint: use `my_things`" in done.stderr


@pytest.mark.parametrize("name", ["../x", "json", "numpy", "google", "tarmac", "needs", "policy"])
def test_rejects_taken_or_invalid_name_and_changes_nothing(
    repository: Workspace, name: str
) -> None:
    (repository.path / "tests").mkdir()
    (repository.path / "tests/needs.py").write_text("")
    repository.run("git", "add", "--all")
    repository.run("git", *IDENTITY, "commit", "--quiet", "--message", "a test")
    command = [name if word == "things" else word for word in HEAD]
    done = repository.run(*command, "../table.csv", check=False, env=FROM_SOURCE)
    assert (done.returncode, done.stdout) == (1, "")
    taken = "is already the name of a package, of tests or of a setting"
    reason = "is not a valid name of a package" if name == "../x" else taken
    assert f"{name} {reason}" in done.stderr
    assert repository.run("git", "status", "--porcelain").stdout == ""
