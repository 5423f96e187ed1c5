"""The wheel produces the same bytes for a problem in another folder.

It does so without this repository.
"""

import hashlib
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tarmac.interface.problem import problem
from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.testing.pipeline_file import stages
from tests.conftest import ROOT, Workspace, copy_repository
from tests.e2e.running import STAGES

pytestmark = pytest.mark.pipeline

UV = (sys.executable, "-m", "uv")
# Packages from PYTHONPATH alone: `-S` leaves out the files that put this repository's code on the
# path.
PYTHON = (sys.executable, "-S")
NAME = "tarmac-ml"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = copy_repository(folder / "source").path
    build = (
        *UV,
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--out-dir",
        str(folder),
        str(source),
    )
    subprocess.run(build, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path) -> dict[str, str]:
    """The environment of an interpreter that has the wheel and the packages that it needs."""
    target = wheel.parent / "installed"
    command = (*UV, "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel))
    subprocess.run(command, check=True, capture_output=True)
    return {"PYTHONPATH": ":".join([str(target), *site.getsitepackages()]), "PATH": "/usr/bin:/bin"}


def test_wheel_contains_exactly_the_tarmac_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {
            name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")
        }
    files = (
        path
        for path in (ROOT / "src/tarmac").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )
    assert inside == {str(path.relative_to(ROOT / "src")) for path in files}
    assert "tarmac/py.typed" in inside


def test_makes_the_same_bytes_without_this_repository(
    finished_template: Workspace, wheel: Path, installed: dict[str, str], tmp_path: Path
) -> None:
    theirs = tmp_path / "elsewhere"
    for name in ("data/raw", f"src/{problem.name}", "requirements"):
        shutil.copytree(finished_template.path / name, theirs / name)
    for name in ("params.yaml", "pyproject.toml"):
        shutil.copy(finished_template.path / name, theirs / name)
    (theirs / "vendor").mkdir()
    shutil.copy(wheel, theirs / "vendor")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pin = f"./vendor/{wheel.name} --hash=sha256:{digest}\n"
    (theirs / "requirements/tarmac.txt").write_text(pin)
    run = "import runpy, sys; runpy.run_module(sys.argv[1], run_name='__main__', alter_sys=True); "
    run += "assert 'installed' in sys.modules['tarmac'].__file__"
    for name in STAGES:
        command = (*PYTHON, "-c", run, f"tarmac.pipeline.{name}.stage")
        done = subprocess.run(
            command, cwd=theirs, env=installed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    outs = [path for stage in stages(finished_template.path).values() for path in stage.outs]
    assert len(outs) > len(STAGES)
    for path in outs:
        assert compute_dvc_hash(theirs / path) == compute_dvc_hash(finished_template.path / path), (
            path
        )


def test_reports_version_and_missing_repository(
    wheel: Path, installed: dict[str, str], tmp_path: Path
) -> None:
    version = wheel.name.split("-")[1]

    def ran(option: str) -> subprocess.CompletedProcess[str]:
        command = (*PYTHON, "-c", "from tarmac.cli import app; app()", option)
        return subprocess.run(
            command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=False
        )

    assert ran("--version").stdout == f"{NAME} {version}\n"
    done = ran("run")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error: no pyproject.toml here or next to the code names the problem"
    )
