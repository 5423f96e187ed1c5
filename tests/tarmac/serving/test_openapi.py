"""The service's OpenAPI document, and the service's conformance to it.

schemathesis checks both.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.conftest import ROOT
from tests.tarmac.serving.running import Service
from tests.tarmac.serving.test_http import post

pytestmark = pytest.mark.server

SEEDS, EXAMPLES = (1, 2, 3), 40


@pytest.fixture(scope="module")
def document(service: Service):
    with service.client() as client:
        return client.get("/openapi.json").json()


def check(service: Service, seed: int, *options: str) -> str:
    """Runs schemathesis with all of its checks, and returns what it found wrong."""
    command = [
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"{service.url}/openapi.json",
        "--checks=all",
    ]
    command += [f"--seed={seed}", f"--max-examples={EXAMPLES}", "--no-color", "--no-shrink"]
    command += ["--generation-database=none", *options]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.tarmac.serving.agreed",
        "PYTHONPATH": path,
    }
    done = subprocess.run(
        command,
        cwd=service.log.parent,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.parametrize("seed", SEEDS)
def test_service_conforms_to_openapi_document_under_fuzzing(service, seed):
    assert not check(service, seed, "--phases=examples,fuzzing")
    with service.client() as client:
        assert client.get("/health").status_code == 200


def test_service_enforces_limits_of_openapi_document(service):
    """Check values on and beyond each limit of each field, one at a time.

    `/explain` takes the same rows, and much longer.
    """
    assert not check(service, SEEDS[0], "--phases=coverage", "--exclude-path=/explain")


def test_schemas_are_valid_and_titled_and_references_resolve(document):
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("title") == name
    text = str(document)
    for reference in {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"]


def test_service_accepts_every_example_of_openapi_document(document, service):
    shown = 0
    for path in ("/predict", "/explain"):
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        with service.client() as client:
            for name, example in content["examples"].items():
                assert post(client, example["value"], path).status_code == 200, name
                shown += 1
    assert shown == 6
