"""What must hold of the Dockerfile, whoever changes it next; and that its linter sees what it is there for."""

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
    "a shell around the command": ('CMD ["python", "-m", "tarmac.serving"]', "CMD python -m tarmac.serving", "DL3025"),
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


def test_the_linter_finds_fault_with_the_dockerfile():
    done = lint(PATH)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("old", "new", "rule"), FAULTS.values(), ids=FAULTS)
def test_the_linter_does_not_see_a_planted_fault(tmp_path, old, new, rule):
    text = PATH.read_text()
    assert old in text
    planted = tmp_path / "Dockerfile"
    planted.write_text(new.join(text.rsplit(old, 1)))
    done = lint(planted)
    assert done.returncode == 1
    assert rule in done.stdout


def test_both_stages_have_another_python_or_one_that_tarmac_does_not_run_on():
    bases = {stage[0].words({})[0] for stage in (BUILDER, FINAL)}
    (version,) = {re.fullmatch(r"python:3\.(\d+)-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)[1] for base in bases}
    assert len(bases) == 1
    assert 11 <= int(version) <= 14


def test_packages_come_without_their_hashes_or_build_something():
    (install,) = (step.value for step in BUILDER if "pip " in step.value)
    assert {"--require-hashes", "--only-binary"} <= set(install.split())
    assert install.endswith("--requirement requirements/serve.txt")


def test_the_image_has_what_only_the_build_needs():
    assert not [step for step in FINAL if step.name == "RUN"]
    copied = [step.words({"BUNDLE": "BUNDLE"}) for step in FINAL if step.name == "COPY"]
    assert copied == [
        ["/venv", "/venv"],
        ["/app/src", "src"],
        ["pyproject.toml", "pyproject.toml"],
        ["BUNDLE", "bundle"],
    ]


def test_the_service_runs_as_root_behind_a_shell_or_cannot_be_stopped():
    user, group = only(FINAL, "USER").value.split(":")
    assert int(user) > 0 < int(group)
    assert only(FINAL, "CMD").exec_form[0] == "python"
    assert only(FINAL, "STOPSIGNAL").value == "SIGTERM"


def test_the_image_does_not_say_what_is_in_it():
    given = {"VERSION": "v0.0.2", "REVISION": "0" * 40}
    labels = dict(word.split("=") for word in only(FINAL, "LABEL").words(given))
    assert labels["org.opencontainers.image.version"] == "v0.0.2"
    assert labels["org.opencontainers.image.revision"] == "0" * 40
