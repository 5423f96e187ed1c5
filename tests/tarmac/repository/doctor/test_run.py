"""The doctor command: one line per check, an exit status, and a full report whatever is broken."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tarmac.repository.doctor.finding import Diagnosis
from tarmac.repository.doctor.run import CHECKS
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC

NAMES = [name for names in CHECKS.values() for name in names]


def asked(
    workspace: Workspace, *command: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """What the doctor prints, and the outcome by check."""
    done = workspace.run(
        *(command or (*TARMAC, "doctor")), check=False, env=FROM_SOURCE, forked=False
    )
    assert done.stderr == ""
    *lines, _ = done.stdout.splitlines()
    found = {line.split()[1]: line.split()[0] for line in lines}
    assert list(found) == NAMES, done.stdout
    assert set(found.values()) <= {"ok", "warn", "fail"}
    assert done.returncode == int("fail" in found.values())
    return done, found


def files(workspace: Workspace) -> dict[str, bytes]:
    """All but what DVC keeps of its own questions."""
    paths = [
        path
        for path in workspace.path.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    found = {str(path.relative_to(workspace.path)): path for path in paths}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not name.startswith((".dvc/tmp", ".git/index"))
    }


def test_finished_workspace_passes_all_checks_unchanged(here):
    before = files(here)
    done, found = asked(here)
    assert set(found.values()) == {"ok"}, done.stdout
    assert done.stdout.splitlines()[-1] == f"{len(NAMES)} checks, 0 to look at, 0 to fix"
    assert files(here) == before


def nothing_but_code(workspace: Workspace) -> None:
    for path in workspace.path.iterdir():
        if path.name != "src":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def no_lock(workspace: Workspace) -> None:
    (workspace.path / "dvc.lock").unlink()


def no_git(workspace: Workspace) -> None:
    shutil.rmtree(workspace.path / ".git")


def no_params(workspace: Workspace) -> None:
    (workspace.path / "params.yaml").unlink()


def garbage(workspace: Workspace) -> None:
    for name in (
        "params.yaml",
        "dvc.lock",
        "dvc.yaml",
        "data/raw.dvc",
        ".dvc/config",
        "requirements/pipeline.txt",
    ):
        (workspace.path / name).write_bytes(b"\xff\x00]: [{\n\n<<<<<<<")


@pytest.mark.parametrize(
    ("broken", "failing"),
    [
        (no_lock, {"locks"}),
        (no_git, {"commits", "branch", "merging", "result"}),
        (no_params, {"parameters", "gpu"}),
        (garbage, {"parameters", "locks", "result", "cache"}),
        (nothing_but_code, {"parameters", "packages", "commits", "cache"}),
    ],
)
def test_broken_part_does_not_hide_other_checks(
    here, broken: Callable[[Workspace], None], failing: set[str]
):
    broken(here)
    _, found = asked(here)
    assert failing <= {name for name, outcome in found.items() if outcome == "fail"}
    assert found["python"] == found["clock"] == "ok"


def test_reports_every_check_when_package_is_missing(here):
    """An environment that was installed by half."""
    half = "import sys; sys.modules['yaml'] = None; from tarmac.cli import app; app()"
    done, found = asked(here, TARMAC[0], "-c", half, "doctor")
    assert found["python"] == found["packages"] == "ok"
    assert found["disk"] == "fail"
    assert "make setup" in done.stdout


def test_reports_failed_checks_when_git_is_not_installed(here, tmp_path: Path):
    done = subprocess.run(
        [*TARMAC, "doctor"],
        cwd=here.path,
        env={**here.environment, **FROM_SOURCE, "PATH": str(tmp_path / "nothing")},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "fail  commits" in done.stdout


def test_finding_is_rendered_on_one_line():
    line = Diagnosis("fail", "two\nlines", "do\nthis").format_line("name")
    assert line == "fail  name       two lines; do this"
