"""The Makefile: help lists every target, and an unsuitable machine gets a clear error."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

MAKEFILE, README = ROOT / "Makefile", ROOT / "README.md"
PROJECT = ROOT / "src/tarmac/scaffold/files/core/Makefile"  # of a project that `make new` creates
TOO_OLD = """#!/bin/sh
# This Python says that it is 3.9: it runs what it is given under another version number.
test "$1" = -c || exit 9
exec "{python}" -c 'import sys; sys.version_info = (3, 9, 0, "final", 0); exec(sys.argv[1])' "$2"
"""
GOOD = """#!/bin/sh
test "$1" = -c && exec "{python}" -c "$2"
echo "$(basename "$0") was asked: $*"
exit 1
"""
NEEDED = "Tarmac needs Python 3.11 to 3.14: make PYTHON=/path/to/python3"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


def phony(makefile: Path = MAKEFILE) -> set[str]:
    text = makefile.read_text().replace("\\\n", " ")
    return set(" ".join(re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)).split())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The Makefile with what it depends on, and without an environment."""
    (tmp_path / "requirements").mkdir()
    for name in ("pyproject.toml", "requirements/pipeline.txt", "requirements/dev.txt"):
        (tmp_path / name).touch()
    shutil.copy(MAKEFILE, tmp_path)
    return tmp_path


def make(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs make with the project's own `bin` first on the path, as the only place with a Python."""
    tools = project / "bin"
    tools.mkdir(exist_ok=True)
    for version in ("", ".14", ".13", ".12", ".11"):
        write_python(tools / f"python3{version}", TOO_OLD, overwrite=False)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | {
        "PATH": path,
        **variables,
    }
    return subprocess.run(
        ["make", "-C", project, *arguments], check=False, capture_output=True, text=True, env=env
    )


def write_python(path: Path, script: str, overwrite: bool = True) -> str:
    path.parent.mkdir(exist_ok=True)
    if overwrite or not path.exists():
        path.write_text(script.format(python=sys.executable))
        path.chmod(0o755)
    return str(path)


def help_lines(text: str) -> dict[str, str]:
    """The description of each target that a help text lists."""
    return dict(re.findall(r"^  make ([\w-]+) +(\S.*)$", text, re.MULTILINE))


@pytest.mark.program
def test_help_lists_every_target_with_its_own_description(project):
    told = help_lines(make(project, "help", "ALL=1").stdout)
    assert set(told) == phony()
    assert len(set(told.values())) == len(told)


@pytest.mark.program
def test_help_groups_targets_and_hides_those_of_ci(project):
    text = make(project, "help").stdout
    headings = [line for line in text.splitlines() if re.match(r"[A-Z]", line)]
    assert headings[0] == "Run and compare"
    assert "CI" not in headings
    hidden = {"comment", "add", "add-result", "publish", "propose", "ship"}
    assert phony() - set(help_lines(text)) == hidden
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.program
@pytest.mark.parametrize(
    ("old", "new"), [("init-problem", "new"), ("mend", "repair"), ("replay", "backtest")]
)
def test_renamed_target_fails_and_names_the_new_one(project, old: str, new: str):
    done = make(project, old)
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == [f"error: there is no target {old}", f"hint: make {new}"]


@pytest.mark.program
def test_renamed_variable_fails_and_names_the_new_one(project):
    done = make(project, "promote", "STAGE=prod", "WHY=better")
    assert done.returncode == 2
    assert "STAGE= was renamed, use ENVIRONMENT=prod" in done.stderr


@pytest.mark.program
def test_renamed_variable_of_shell_fails_only_where_it_would_choose(project):
    done = make(project, "-n", "bundle", STAGE="prod")
    assert done.returncode == 2
    assert "STAGE= was renamed, use ENVIRONMENT=prod" in done.stderr
    others = [("help", "prod", ""), ("bundle", "build", ""), ("bundle", "prod", "staging")]
    for target, stage, environment in others:
        variables = {"ENVIRONMENT": environment} if environment else {}
        assert "renamed" not in make(project, "-n", target, STAGE=stage, **variables).stderr


@pytest.mark.program
def test_make_without_target_prints_help(project):
    assert make(project).stdout == make(project, "help").stdout


@pytest.mark.program
@pytest.mark.parametrize("goal", ["run", "pull", "reproduce", "test", "setup"])
def test_make_stops_without_supported_python(project, goal):
    done = make(project, goal)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == NEEDED
    assert not (project / ".venv").exists()


@pytest.mark.program
@pytest.mark.parametrize(
    "chosen", ["", "/no/such/python3", "{old}"], ids=["none", "missing", "too old"]
)
def test_make_rejects_unsuitable_chosen_python(project, chosen):
    old = write_python(project / "old" / "python", TOO_OLD)
    done = make(project, f"PYTHON={chosen.format(old=old)}", ".venv/pipeline")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == NEEDED
    assert not (project / ".venv").exists()


@pytest.mark.program
def test_make_finds_supported_python_behind_older_one(project):
    write_python(project / "bin" / "python3.12", GOOD)
    done = make(project, ".venv/pipeline")
    assert "python3.12 was asked: -m venv --clear .venv" in done.stdout
    assert NEEDED not in done.stderr


@pytest.mark.program
def test_doctor_reports_missing_environment(project):
    done = make(project, "doctor")
    assert done.returncode == 2
    assert "fail  python     there is no environment; make setup" in done.stdout.splitlines()


@pytest.mark.program
@pytest.mark.parametrize(
    ("given", "folder", "license_name"),
    [({}, "../rents", "none"), ({"TO": "/tmp/it's new", "LICENSE": "MIT"}, "/tmp/it's new", "MIT")],
)
def test_new_passes_every_option_as_one_word(project, given, folder, license_name):
    (project / ".venv/bin").mkdir(parents=True)
    write_python(project / ".venv/bin/tarmac", '#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (project / ".venv/pipeline").touch()
    options = {"NAME": "rents", "FROM": 'my "rents" `id`.csv', "TARGET": "the rent", **given}
    done = make(project, "--silent", "new", "TIME=day", "WITH=serve,site", **options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *("new", "rents", "--from", options["FROM"], "--target", "the rent"),
        *("--time", "day", "--group", "", "--key", "", "--task", "", "--to", folder),
        *("--with", "serve,site", "--license", license_name),
    ]


@pytest.mark.skipif(not README.exists(), reason="there is no README.md yet")
def test_readme_names_only_existing_targets():
    named = set(re.findall(r"\bmake ([a-z-]+)\b", "\n".join(code(README.read_text()))))
    assert named
    assert named <= phony() | phony(PROJECT)


def code(text: str) -> list[str]:
    """What stands in the fences and between the backticks of a Markdown text."""
    fences = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    return fences + re.findall(
        r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )
