"""A created project is complete, pinned and committed; a refused call writes nothing."""

import hashlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tarmac.pipeline.base.paths import WHEEL_PIN
from tarmac.pipeline.base.wheel import read_pinned_wheel
from tarmac.scaffold import parts, project
from tarmac.scaffold.infer import ProblemRequest, ScaffoldError
from tarmac.scaffold.project import ProjectRequest, check_folder, check_name, create_project
from tests.conftest import ROOT
from tests.e2e.running import TARMAC

AUTHOR = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", 'Zoë "Z" O\\x'), ("EMAIL", "zoe@example.org"))
}


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of rows, whose name needs escapes."""
    path = tmp_path / 'ren"ts.csv'
    rows = {"size": [n + 0.5 for n in range(60)], "age": range(60), "kind": ["a", "b", "c"] * 20}
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(folder: Path) -> dict[str, bytes]:
    """The files of a project that Git has."""
    names = run(folder, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return {name: (folder / name).read_bytes() for name in names.split("\0") if name}


def create(table: Path, folder: Path, *options: str) -> Path:
    command = (*TARMAC, "new", "rents", "--from", str(table), "--target", "size")
    run(folder.parent, *command, "--to", str(folder), "--license", "MIT", *options)
    return folder


@pytest.fixture
def from_source(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Programs that a test starts run the code of this repository."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    return


@pytest.mark.pipeline
@pytest.mark.usefixtures("from_source")
def test_project_is_committed_and_add_completes_it_byte_for_byte(
    table: Path, tmp_path: Path
) -> None:
    core = create(table, tmp_path / "core")
    whole = create(table, tmp_path / "whole", "--with", "all", "--without", "gpu,spark")
    chosen = [part for part in parts.PARTS if part not in {"gpu", "spark"}]
    for folder, recorded in ((core, []), (whole, chosen)):
        assert run(folder, "git", "status", "--porcelain") == ""
        settings = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["tarmac"]
        assert settings["parts"] == recorded
        created = settings["created"]
        assert (created["source"], created["holder"]) == (table.name, AUTHOR["GIT_AUTHOR_NAME"])
        assert (created["name"], created["license"], created["time"]) == ("rents", "MIT", "")
        assert (created["task"], created["rows"]) == ("regression", "60")
        assert AUTHOR["GIT_AUTHOR_NAME"] in (folder / "LICENSE").read_text()
    for part in reversed(chosen):
        run(core, *TARMAC, "add", part)
    assert read(core) == read(whole)


def test_pinned_hash_is_that_of_the_wheel(tmp_path: Path) -> None:
    (tmp_path / WHEEL_PIN).parent.mkdir()
    project.write_pinned_wheel(tmp_path)
    pinned = read_pinned_wheel(tmp_path)
    (wheel,) = (tmp_path / "vendor").iterdir()
    assert pinned is not None
    assert pinned.path == wheel
    assert pinned.sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()
    again = tmp_path / "again"
    (again / WHEEL_PIN).parent.mkdir(parents=True)
    project.write_pinned_wheel(again)
    assert (again / WHEEL_PIN).read_bytes() == (tmp_path / WHEEL_PIN).read_bytes()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "not a valid name"),
        ("Rents", "not a valid name"),
        ("2nd", "not a valid name"),
        ("my-rents", "not a valid name"),
        ("my rents", "not a valid name"),
        ("miete_ä", "not a valid name"),
        ("../rents", "not a valid name"),
        ("class", "not a valid name"),
        ("tarmac", "already the name"),
        ("tests", "already the name"),
        ("data", "already the name"),
        ("json", "already the name"),
        ("numpy", "already the name"),
    ],
)
def test_invalid_name_is_refused_with_hint(name: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=message) as caught:
        check_name(name)
    assert caught.value.hint


def test_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "deep")
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(ScaffoldError, match="exists and is not empty"):
            check_folder(folder)


def test_folder_inside_a_repository_is_refused(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    for folder in (tmp_path / "new", tmp_path / "new" / "deep"):
        with pytest.raises(ScaffoldError, match="would be inside the repository") as caught:
            check_folder(folder)
        assert caught.value.hint.startswith("name a folder outside")


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"license": "MTI"}, "unknown license MTI", "did you mean `MIT`?"),
        ({"license": ""}, "unknown license", "use one of BSD-3-Clause, MIT, none"),
        ({"license": "../MIT"}, "unknown license", "MIT"),
        ({"parts": ("server",)}, "unknown part 'server'", "did you mean `serve`?"),
        ({"name": "Rents"}, "'Rents' is not a valid name", "use `rents`"),
        ({"name": ""}, "NAME of the problem is missing", "make new NAME"),
    ],
)
def test_refused_request_writes_nothing(
    changes: dict[str, object], message: str, hint: str, table: Path, tmp_path: Path
) -> None:
    options: dict[str, object] = {"name": "rents", "folder": tmp_path / "to", "license": "none"}
    request = ProjectRequest(**{**options, **changes})  # type: ignore[arg-type]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ScaffoldError, match=re.escape(message)) as caught:
        list(create_project(request, table, ProblemRequest("size")))
    assert hint in caught.value.hint
    assert sorted(tmp_path.iterdir()) == before


def test_missing_options_of_a_request_are_named(tmp_path: Path) -> None:
    request = ProjectRequest("rents", tmp_path / "to", "none")
    with pytest.raises(ScaffoldError, match="FROM, TARGET of the problem is missing"):
        list(create_project(request, Path(), ProblemRequest("")))
