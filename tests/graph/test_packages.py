"""A stage depends on the pins of the packages that stages import, and on no other pin."""

import json
import re
from collections.abc import Mapping
from importlib.metadata import packages_distributions

import pytest

from tarmac.testing.pipeline_file import REQUIREMENTS, stages
from tests.conftest import ROOT, Workspace
from tests.graph.plant import edit
from tests.graph.trace import Trace

pytestmark = pytest.mark.pipeline

PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)
LIST, ALL = "requirements/stages.in", "requirements/pipeline.txt"


def pins(path: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / path).read_text()))


def imported(traces: Mapping[str, Trace]) -> set[str]:
    """Return the distributions that stages loaded and that the pipeline installs.

    Other distributions belong to this environment only.
    """
    owners = packages_distributions()
    found = {
        name
        for run in traces.values()
        for package in run.packages
        for name in owners.get(package, [])
    }
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found} & pins(ALL).keys()


def test_stage_requirements_list_equals_imported_packages(traces: dict[str, Trace]) -> None:
    lines = (ROOT / LIST).read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == sorted(imported(traces))


def test_stage_pins_are_subset_of_pipeline_pins() -> None:
    assert pins(REQUIREMENTS).items() <= pins(ALL).items()
    assert {"optuna", "sqlalchemy", "typer"} <= pins(ALL).keys() - pins(REQUIREMENTS).keys()


def test_new_version_of_unimported_package_reruns_nothing(finished: Workspace) -> None:
    version = pins(ALL)["optuna"]
    edit(finished.path, ALL, f"optuna=={version}", f"optuna=={version}.1")
    assert finished.dvc("status", "--quiet", check=False).returncode == 0


def test_new_version_of_imported_package_reruns_all_stages(finished: Workspace) -> None:
    version = pins(REQUIREMENTS)["numpy"]
    edit(finished.path, REQUIREMENTS, f"numpy=={version}", f"numpy=={version}.1")
    assert (
        json.loads(finished.dvc("status", "--json").stdout).keys() == stages(finished.path).keys()
    )
