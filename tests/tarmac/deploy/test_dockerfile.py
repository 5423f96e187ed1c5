"""Required properties of the Dockerfile, and detection of planted faults by its linter."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tarmac.deploy.dockerfile import Instruction, read

pytestmark = pytest.mark.program

PATH = ROOT / "Dockerfile"
BUILDER, FINAL = read(PATH)
FAULTS = {
    "a base of any version": ("FROM python:3.13-slim-bookworm\n", "FROM python:latest\n", "DL3007"),
    "root": ("USER 65532:65532", "USER root", "DL3002"),
    "a shell around the command": (
        'CMD ["python", "-m", "tarmac.serving"]',
        "CMD python -m tarmac.serving",
        "DL3025",
    ),
    "a file that is fetched or unpacked": ("COPY requirements", "ADD requirements", "DL3020"),
    "a relative folder": ("WORKDIR /app\nENV", "WORKDIR app\nENV", "DL3000"),
    "a stage that is not there": ("--from=builder /venv", "--from=built /venv", "DL3022"),
    "a second command": ("EXPOSE 8080", 'EXPOSE 8080\nCMD ["python"]', "DL4003"),
}


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    hadolint = Path(sys.executable).with_name("hadolint")
    return subprocess.run([hadolint, path], check=False, capture_output=True, text=True)


def only(stage: list[Instruction], name: str) -> Instruction:
    (found,) = (step for step in stage if step.name == name)
    return found


def test_dockerfile_passes_linter():
    done = lint(PATH)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("old", "new", "rule"), FAULTS.values(), ids=FAULTS)
def test_linter_reports_planted_fault(tmp_path, old, new, rule):
    text = PATH.read_text()
    assert old in text
    planted = tmp_path / "Dockerfile"
    planted.write_text(new.join(text.rsplit(old, 1)))
    done = lint(planted)
    assert done.returncode == 1
    assert rule in done.stdout


def test_both_stages_use_the_same_supported_python():
    bases = {stage[0].words({})[0] for stage in (BUILDER, FINAL)}
    (version,) = {
        re.fullmatch(r"python:3\.(\d+)-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)[1]
        for base in bases
    }
    assert len(bases) == 1
    assert 11 <= int(version) <= 14


def test_packages_are_installed_as_binaries_with_hashes():
    (install,) = (step.value for step in BUILDER if "pip " in step.value)
    assert {"--require-hashes", "--only-binary"} <= set(install.split())
    assert install.endswith("--requirement requirements/serve.txt")


def test_final_stage_copies_only_runtime_files():
    assert not [step for step in FINAL if step.name == "RUN"]
    copied = [step.words({"BUNDLE": "BUNDLE"}) for step in FINAL if step.name == "COPY"]
    assert copied == [
        ["/venv", "/venv"],
        ["/app/src", "src"],
        ["pyproject.toml", "pyproject.toml"],
        ["BUNDLE", "bundle"],
    ]


def test_service_is_non_root_without_shell_and_takes_sigterm():
    user, group = only(FINAL, "USER").value.split(":")
    assert int(user) > 0 < int(group)
    assert only(FINAL, "CMD").exec_form[0] == "python"
    assert only(FINAL, "STOPSIGNAL").value == "SIGTERM"


def test_image_labels_report_version_and_revision():
    given = {"VERSION": "v0.0.2", "REVISION": "0" * 40}
    labels = dict(word.split("=") for word in only(FINAL, "LABEL").words(given))
    assert labels["org.opencontainers.image.version"] == "v0.0.2"
    assert labels["org.opencontainers.image.revision"] == "0" * 40
