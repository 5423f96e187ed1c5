"""The Dockerfile's image, built and run without Docker: same steps, user, files and signals."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tarmac.registry.bundle import PARTS
from tests.conftest import required
from tests.tarmac.deploy.clone import Clone
from tests.tarmac.deploy.engine import first
from tests.tarmac.deploy.root import missing
from tests.tarmac.deploy.test_kubernetes import CONTAINER
from tests.waiting import wait_for

UNWANTED = {
    "pandas",
    "scikit-learn",
    "dvc",
    "duckdb",
    "ibis-framework",
    "pip",
    "setuptools",
    "xgboost-cpu",
}

pytestmark = [
    pytest.mark.program,
    pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine"),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone whose image is built from the unchanged Dockerfile.

    What the lock names is installed in it.
    """
    clone = Clone(tmp_path_factory.mktemp("image"), stub=False)
    live_bundle(clone)
    done = clone.make("image")
    assert done.returncode == 0, done.stderr
    return clone


def state(clone: Clone, *words: str) -> str:
    """What the engine answers."""
    command = [clone.tools / "docker", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def container(clone: Clone) -> Iterator[str]:
    """A container of the image, which is healthy."""
    name = state(clone, "run", "--read-only", image(clone))
    try:
        wait_healthy(clone, name)
        yield name
    finally:
        state(clone, "rm", name)


def test_image_starts_read_only_as_non_root_and_responds(clone):
    done = clone.make("smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{image(clone)} as user 65532: v" in done.stdout


def test_image_contains_only_locked_service_packages(clone):
    (site,) = root(clone).glob("venv/lib/python3*/site-packages")
    there = {path.name.split("-")[0].lower().replace("_", "-") for path in site.glob("*.dist-info")}
    lock = (clone.path / "requirements" / "serve.txt").read_text()
    assert {"fastapi", "onnxruntime"} <= there
    assert not UNWANTED & there
    assert {name for name in there if f"\n{name}==" not in lock} == set()


def test_image_contains_precompiled_unchecked_bytecode(clone):
    code = root(clone) / "app" / "src" / "tarmac"
    sources = {path.stem for path in code.glob("*.py")}
    assert {path.name.split(".")[0] for path in (code / "__pycache__").iterdir()} == sources
    flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in code.rglob("*.pyc")}
    assert flags == {1}, "its source would be looked at: PEP 552"


def test_service_can_write_only_to_tmp(clone, container):
    script = "import pathlib; pathlib.Path('{}').write_text('x')"
    for path, status in (("/app/x", 1), ("/venv/x", 1), ("/app/bundle/x", 1), ("/tmp/x", 0)):
        command = [clone.tools / "docker", "exec", container, "python", "-c", script.format(path)]
        assert subprocess.run(command, check=False, capture_output=True).returncode == status, path


def test_service_memory_is_below_manifest_request(clone, container):
    status = Path(f"/proc/{process(clone, container)}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1024  # MiB
    assert resident < int(CONTAINER["resources"]["requests"]["memory"].removesuffix("Mi"))


def test_sigterm_stops_service(clone):
    name = state(clone, "run", "--read-only", image(clone))
    wait_healthy(clone, name)
    os.kill(process(clone, name), signal.SIGTERM)
    wait_for(lambda: inspect(clone, name)["Status"] != "running", "the service stops")
    state(clone, "rm", name)


def wait_healthy(clone: Clone, name: str) -> None:
    wait_for(
        lambda: inspect(clone, name)["Health"]["Status"] == "healthy",
        lambda: f"the service is healthy:\n{state(clone, 'logs', name)}",
    )


def inspect(clone: Clone, name: str) -> dict[str, Any]:
    """Return the state of a container."""
    return json.loads(state(clone, "inspect", "--format={{json .State}}", name))


def process(clone: Clone, name: str) -> int:
    """The first process of a container, which must be there."""
    config = json.loads((clone.engine / "state" / "containers" / name / "config.json").read_text())
    found = first(config["Pid"])
    assert found is not None
    return found


def image(clone: Clone) -> str:
    release = json.loads((clone.path / "served" / "live" / "release.json").read_text())
    return f"tarmac:{release['version']}"


def root(clone: Clone) -> Path:
    """The image's file system."""
    return clone.engine / "state" / "stages" / "1"


def live_bundle(clone: Clone) -> None:
    """A bundle of the published model."""
    clone.bundle(version="v0.0.2")
    for source, name in PARTS.items():
        path = required(source)
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, clone.path / "served" / "live" / name)
