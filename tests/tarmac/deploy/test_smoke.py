"""`make image` and `make smoke` reject faulty images.

Stand-ins replace Docker and the service.
"""

import shutil
from pathlib import Path

import pytest

from tarmac.deploy import smoke
from tests.tarmac.deploy.clone import Clone, calls, containers
from tests.tarmac.deploy.root import missing

pytestmark = [
    pytest.mark.program,
    pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine"),
]
with_root = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_image_is_built_with_version_commit_and_linked_bundle(clone):
    clone.bundle(version="v0.0.2")
    done = clone.make("image", IMAGE="ghcr.io/Team/Service")
    assert (done.returncode, done.stdout) == (0, "ghcr.io/team/service:v0.0.2\n"), done.stderr
    (build,) = (call["argv"] for call in calls(clone.engine))
    assert build == [
        *("docker", "build", "--quiet", "--pull"),
        *("--build-arg", "BUNDLE=served/versions/v0.0.2-1f"),
        *("--build-arg", "VERSION=v0.0.2"),
        *("--build-arg", f"REVISION={clone.git('rev-parse', 'HEAD')}"),
        *("--tag", "ghcr.io/team/service:v0.0.2", "."),
    ]


def test_rejects_live_bundle_outside_clone(clone, tmp_path):
    clone.bundle(version="v0.0.2")
    link, outside = clone.path / "served" / "live", tmp_path / "outside"
    link.resolve().rename(outside)
    link.unlink()
    link.symlink_to(outside)
    done = clone.make("image")
    assert done.returncode != 0
    assert f"error: served/live links to {outside}, outside this clone" in done.stderr
    assert "hint: make a bundle in this clone: `make bundle`\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert calls(clone.engine) == []


def test_good_image_passes_and_leaves_no_container(clone):
    clone.bundle(version="v0.0.2")
    done = clone.make("image", "smoke")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith('v0.0.2 answers {"given": {"row": 7}}\n')
    assert containers(clone.engine) == []
    (run,) = (call["argv"] for call in calls(clone.engine) if call["argv"][1] == "run")
    assert set(smoke.STRICT) <= set(run)


FAULTS = {
    "ends": "it cannot start",
    "other": "the container serves version v9.9.9, not v0.0.2",
    "wrong": "/predict did not return a valid response",
    "silent": "/openapi.json has no example",
}


@pytest.mark.parametrize(("fault", "told"), FAULTS.items())
def test_faulty_image_fails_and_leaves_no_container(clone, fault, told):
    clone.bundle(version="v0.0.2", fault=fault)
    done = clone.make("image", "smoke")
    assert done.returncode != 0
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert containers(clone.engine) == []


@with_root
def test_rejects_image_that_writes_to_its_root_file_system(clone):
    clone.bundle(version="v0.0.2", fault="writes")
    done = clone.make("image", "smoke")
    assert done.returncode != 0
    assert "Read-only file system" in done.stdout


@with_root
def test_rejects_image_that_runs_as_root(clone):
    clone.bundle(version="v0.0.2")
    path = clone.path / "Dockerfile"
    path.write_text(path.read_text().replace("USER 65532:65532", "USER 0:0"))
    done = clone.make("image", "smoke")
    assert done.returncode != 0
    assert "error: tarmac:v0.0.2 runs as root" in done.stderr


def test_times_out_on_image_that_stays_unhealthy(clone, monkeypatch):
    clone.bundle(version="v0.0.2", fault="ill")
    assert clone.make("image").returncode == 0
    monkeypatch.setattr(smoke, "PATIENCE", 2)
    monkeypatch.setenv("PATH", str(clone.tools), prepend=":")
    with pytest.raises(smoke.DeployError, match="running, and was not healthy within 2 s"):
        smoke.run_smoke_test("tarmac:v0.0.2", "v0.0.2")
    assert containers(clone.engine) == []


@pytest.mark.parametrize("text", [None, "", "[]", '{"commit": "1f"}'])
def test_rejects_missing_or_damaged_bundle(clone, text):
    if text is not None:
        clone.bundle(version="v0.0.2")
        (clone.path / "served" / "live" / "release.json").write_text(text)
    for target in ("image", "smoke"):
        done = clone.make(target)
        assert done.returncode != 0
        assert "error: served/live/release.json of the bundle " in done.stderr
        assert "hint: make a bundle: `make bundle ENVIRONMENT=prod`\n" in done.stderr
    assert calls(clone.engine) == []


def test_image_of_changed_code_is_marked_changed_and_dirty(clone):
    clone.bundle(version="v0.0.2+changed")
    (clone.path / "src" / "tarmac" / "cli" / "application.py").write_text("")
    assert clone.make("image").stdout == "tarmac:v0.0.2-changed\n"
    revision = next(word for word in calls(clone.engine)[0]["argv"] if word.startswith("REVISION="))
    assert revision == f"REVISION={clone.git('rev-parse', 'HEAD')}-dirty"
