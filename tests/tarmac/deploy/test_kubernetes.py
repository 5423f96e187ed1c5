"""Kubernetes manifest: it is valid, keeps the service available, and isolates it."""

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tarmac.deploy import rollout, smoke
from tests.conftest import ROOT
from tests.tarmac.deploy.test_dockerfile import FINAL, only

pytestmark = pytest.mark.program

PATH = ROOT / "deploy" / "kubernetes.yaml"
THINGS = {thing["kind"]: thing for thing in yaml.safe_load_all(PATH.read_text())}
POD = THINGS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
LABELS = THINGS["Deployment"]["spec"]["template"]["metadata"]["labels"]


def validate(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    validator = Path(sys.executable).with_name("kubernetes-validate")
    return subprocess.run(
        [validator, "--strict", "--quiet", *options, path],
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_manifest_passes_strict_validation(version):
    done = validate(PATH, "--kubernetes-version", version)
    assert done.returncode == 0, done.stderr


FAULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field that is spelt wrong": lambda spec: spec.update(replica=2),
    "a number as a text": lambda spec: spec.update(replicas="two"),
    "no selector": lambda spec: spec.pop("selector"),
    "a list for a thing": lambda spec: spec["template"]["spec"].update(securityContext=[]),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_validator_rejects_invalid_manifest(tmp_path, fault):
    thing = copy.deepcopy(THINGS["Deployment"])
    fault(thing["spec"])
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(thing))
    assert validate(tmp_path / "bad.yaml").returncode == 1


def test_pod_and_container_have_least_privileges():
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    assert [next(iter(volume.keys() - {"name"})) for volume in POD["volumes"]] == ["emptyDir"]


def test_smoke_options_and_image_user_match_pod_security():
    assert {
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
    } == set(smoke.STRICT)
    assert [mount["mountPath"] for mount in CONTAINER["volumeMounts"]] == ["/tmp"]
    ids = {POD["securityContext"][name] for name in ("runAsUser", "runAsGroup")}
    assert {str(number) for number in ids} == set(only(FINAL, "USER").value.split(":"))


def test_rollout_and_disruptions_keep_enough_pods_available():
    spec = THINGS["Deployment"]["spec"]
    assert spec["replicas"] >= 2
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert THINGS["PodDisruptionBudget"]["spec"]["minAvailable"] == spec["replicas"] - 1
    patience = int(rollout.PATIENCE.removesuffix("m")) * 60
    assert spec["progressDeadlineSeconds"] < patience


def test_pod_has_health_probes_and_time_to_finish_requests():
    asked = {
        name: CONTAINER[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")
    }
    assert {name: get["path"] for name, get in asked.items()} == {
        "startup": "/health",
        "readiness": "/health",
        "liveness": "/health/live",
    }
    assert {get["port"] for get in asked.values()} == {port["name"] for port in CONTAINER["ports"]}
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] >= pause + 20


def test_container_requests_and_limits_cpu_and_memory():
    assert (
        CONTAINER["resources"]["limits"].keys()
        == CONTAINER["resources"]["requests"].keys()
        == {"cpu", "memory"}
    )


def test_every_selector_matches_pod_labels():
    selectors = [THINGS[kind]["spec"]["selector"] for kind in ("Deployment", "PodDisruptionBudget")]
    assert [selector["matchLabels"] for selector in selectors] == [LABELS, LABELS]
    assert (
        THINGS["Service"]["spec"]["selector"]
        == THINGS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
        == LABELS
    )


def test_network_policy_allows_only_http_ingress():
    policy = THINGS["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert "egress" not in policy
    assert policy["ingress"] == [{"ports": [{"port": "http"}]}]


def test_port_matches_port_of_image():
    exposed = int(only(FINAL, "EXPOSE").value)
    assert [port["containerPort"] for port in CONTAINER["ports"]] == [exposed]
    annotations = THINGS["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(exposed)
    assert f"TARMAC_PORT={exposed}" in only(FINAL, "ENV").value


def test_manifest_image_is_invalid_until_placeholder_is_replaced():
    assert PATH.read_text().count(rollout.PLACE) == 1
    assert not re.fullmatch(r"[a-z0-9./:@-]+", CONTAINER["image"]), "Kubernetes would look for it"
