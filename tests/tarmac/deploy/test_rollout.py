"""Rollout: an image is deployed by digest to its environment.

It is rolled back if it does not become ready.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflows.runner import executable

pytestmark = pytest.mark.program

IMAGE = "ghcr.io/team/service@sha256:" + "0a" * 32
KUBECTL = """#!{python}
import json, sys
text = sys.stdin.read() if "--filename=-" in sys.argv else ""
with open("{calls}", "a") as calls:
    calls.write(json.dumps({{"argv": sys.argv[1:], "given": text}}) + "\\n")
sys.exit({broken!r} in sys.argv)
"""


class Cluster:
    """A clone whose kubectl is recorded, and one word of which may fail."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls_at = folder / "clone", folder / "calls"
        for name in ("src", "deploy"):
            shutil.copytree(ROOT / name, self.folder / name)
        shutil.copy(ROOT / "Makefile", self.folder)
        self.tools = folder / "bin"
        self.breaks("")

    def breaks(self, word: str) -> None:
        """kubectl fails where it is asked this."""
        executable(
            self.tools / "kubectl",
            KUBECTL.format(python=sys.executable, calls=self.calls_at, broken=word),
        )

    def deploy(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """`make deploy` with these variables, as make's own."""
        path = os.pathsep.join([str(self.tools), os.environ["PATH"]])
        given = [
            f"{name}={value}" for name, value in {"PYTHON": sys.executable, **variables}.items()
        ]
        env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        command = ["make", "--silent", "-C", self.folder, "deploy", *given]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env={**env, "PATH": path}
        )

    @property
    def calls(self) -> list[list[str]]:
        """What kubectl was asked, in order."""
        if not self.calls_at.exists():
            return []
        return [json.loads(line)["argv"] for line in self.calls_at.read_text().splitlines()]

    @property
    def applied(self) -> list[dict]:
        """The manifest that it was given."""
        return list(
            yaml.safe_load_all(json.loads(self.calls_at.read_text().splitlines()[0])["given"])
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    return Cluster(tmp_path)


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_applies_manifest_with_image_in_namespace_of_environment(cluster, environment):
    done = cluster.deploy(ENVIRONMENT=environment, IMAGE=IMAGE)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{environment} runs {IMAGE}"), (
        done.stderr
    )
    namespace = f"--namespace=tarmac-{environment}"
    assert cluster.calls == [
        [namespace, "apply", "--filename=-"],
        [namespace, "rollout", "status", "deployment/tarmac", "--timeout=5m"],
    ]
    wanted = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()))
    wanted[0]["spec"]["template"]["spec"]["containers"][0]["image"] = IMAGE
    assert cluster.applied == wanted


def test_rolls_back_image_that_does_not_become_ready(cluster):
    cluster.breaks("status")
    done = cluster.deploy(ENVIRONMENT="prod", IMAGE=IMAGE)
    assert done.returncode != 0
    assert f"error: {IMAGE} did not become ready in prod and was rolled back\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert cluster.calls[-1] == ["--namespace=tarmac-prod", "rollout", "undo", "deployment/tarmac"]


def test_stops_with_error_when_cluster_refuses_manifest(cluster):
    cluster.breaks("apply")
    done = cluster.deploy(ENVIRONMENT="prod", IMAGE=IMAGE)
    assert done.returncode != 0
    assert len(cluster.calls) == 1
    assert "`kubectl --namespace=tarmac-prod apply …` ended with exit status 1" in done.stderr


@pytest.mark.parametrize(
    ("environment", "image", "message"),
    [
        ("prod", "ghcr.io/team/service:v0.0.2", "by its digest"),
        ("prod", "ghcr.io/team/service@sha256:0a", "by its digest"),
        ("prod", f"{IMAGE}\n      hostNetwork: true", "by its digest"),
        ("prod", "", "by its digest"),
        ("production", IMAGE, "'production'\nhint: use staging or prod"),
        ("", IMAGE, "''\nhint: use staging or prod"),
        ("prod; touch pwned", IMAGE, "'prod; touch pwned'\nhint: use staging or prod"),
        ("prod", f"$(touch pwned){IMAGE}", "by its digest"),
    ],
)
def test_rejects_unknown_environment_or_image_without_digest(cluster, environment, image, message):
    done = cluster.deploy(ENVIRONMENT=environment, IMAGE=image.replace("$", "$$"))
    assert done.returncode != 0
    assert message in done.stderr
    assert cluster.calls == []
    assert not list(cluster.folder.rglob("pwned"))


def test_reports_missing_kubectl(cluster):
    shutil.rmtree(cluster.tools)
    python = Path(sys.executable)
    env = {"PATH": f"{cluster.folder}", "ENVIRONMENT": "prod", "IMAGE": IMAGE, "PYTHONPATH": "src"}
    command = [python, "-m", "tarmac.deploy.rollout"]
    done = subprocess.run(
        command, cwd=cluster.folder, check=False, capture_output=True, text=True, env=env
    )
    assert (
        done.stderr == "error: kubectl is not installed\nhint: install kubectl, or add it to PATH\n"
    )
