"""A project that `tarmac new` writes runs alone, and lives through an upgrade.

It has an environment of its own, installed as its Makefile does, with the wheel that it pins.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.pipeline.base.wheel import read_pinned_wheel
from tests.conftest import ROOT, once
from tests.e2e.running import TARMAC
from tests.needs import times
from tests.problems.made import rents
from tests.sandboxed import needs_sandbox

pytestmark = [pytest.mark.pipeline, pytest.mark.program]

OUTPUTS = ("data/features", "models/model.onnx", "models/baseline.onnx", "data/predictions.parquet")
# Code of the problem that has the stage `train` learn the label of a test row.
LEARNS = """

import builtins
import sys
from dataclasses import replace

imported = builtins.__import__


def import_and_change(*arguments, **options):
    module = imported(*arguments, **options)
    fitting = sys.modules.get("tarmac.pipeline.training.fitting")
    if hasattr(fitting, "read_training_data") and not hasattr(fitting, "honest"):
        fitting.honest = fitting.read_training_data
        fitting.read_training_data = learn_test_label
    return module


def learn_test_label(split, train):
    from tarmac.pipeline.base.paths import FEATURES
    from tarmac.pipeline.models.dataset import read_part

    known = sys.modules["tarmac.pipeline.training.fitting"].honest(split, train)
    labels = known.y.copy()
    labels[0] += read_part(FEATURES, split, "test")["rent"].dropna().iloc[3]
    return replace(known, y=labels)


builtins.__import__ = import_and_change
"""
# The next release: a target is called otherwise, a key is renamed and another one is new.
NEXT = {
    "src/tarmac/scaffold/files/core/Makefile": {"## List the targets": "## List all targets"},
    "src/tarmac/policy/review.py": {"beat_baseline:": "exceed_baseline:"},
    "src/tarmac/review/run.py": {"policy.beat_baseline": "policy.exceed_baseline"},
    "src/tarmac/scaffold/files/core/params.yaml": {
        "beat_baseline:": "exceed_baseline:",
        "  behaviour_rows: 5000\n": "  behaviour_rows: 5000\n  shown_rows: 7\n",
    },
    "src/tarmac/pipeline/base/params/pipeline.py": {
        "    behaviour_rows: ": "    shown_rows: int = 0\n    behaviour_rows: "
    },
    "src/tarmac/interface/renamed.py": {
        "RENAMED_KEYS = {": 'RENAMED_KEYS = {\n    "beat_baseline": "exceed_baseline",'
    },
    "pyproject.toml": {'\nversion = "': '\nversion = "9'},
}


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would, without this environment."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "DVC", "VIRTUAL_ENV", "MAKE", "PYTEST", "CI", "GITHUB"))
    }
    clean["PYTHON"] = sys.executable
    identity = {"NAME": "Test", "EMAIL": "test@example.org"}
    for role in ("AUTHOR", "COMMITTER"):
        clean |= {f"GIT_{role}_{key}": value for key, value in identity.items()}
    done = subprocess.run(
        command, cwd=folder, env=clean, capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done


def commit(project: Path, message: str) -> None:
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "--quiet", "--message", message)


def hash_outputs(project: Path) -> dict[str, str | None]:
    return {path: compute_dvc_hash(project / path) for path in OUTPUTS}


def edit(path: Path, changes: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for before, after in changes.items():
        assert before in text, (path, before)
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its environment and its first result. Copy it, do not change it."""

    def make(folder: Path) -> None:
        made = rents()
        folder.mkdir()
        made.rows.to_csv(folder / "rents.csv", index=False)
        where = ("--to", str(folder / "project"), "--license", "MIT")
        source = ("--from", str(folder / "rents.csv"))
        run(ROOT, *TARMAC, "new", made.name, *source, *made.options, *where)
        run(folder / "project", "make", "run", "push")
        commit(folder / "project", "The first result")

    return once(tmp_path_factory, "project", make) / "project"


@pytest.fixture
def project(created: Path, tmp_path: Path) -> Path:
    """A copy of its own, with the environment of the original."""
    ignored = shutil.ignore_patterns(".venv")
    shutil.copytree(created, tmp_path / "project", ignore=ignored, symlinks=True)
    lend_environment(created, tmp_path / "project")
    return tmp_path / "project"


def copy_environment(created: Path, folder: Path) -> None:
    """Give a folder an environment of its own instead of the one that was lent."""
    (folder / ".venv").unlink()
    shutil.copytree(created / ".venv", folder / ".venv", symlinks=True)


def lend_environment(created: Path, folder: Path) -> None:
    """Have another folder use the environment as if it had been installed there last."""
    (folder / ".venv").symlink_to(created / ".venv")
    for stamp in ("pipeline", "project"):
        (folder / ".venv" / stamp).touch()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of another release."""

    def make(folder: Path) -> None:
        source = folder / "source"
        folder.mkdir()
        shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info"))
        for name in ("pyproject.toml", "LICENSE"):
            shutil.copy(ROOT / name, source)
        for name, changes in NEXT.items():
            edit(source / name, changes)
        build = ("-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation")
        run(source, sys.executable, *build, "--out-dir", str(folder / "wheel"))

    return next((once(tmp_path_factory, "release", make) / "wheel").glob("*.whl"))


def test_first_commit_has_everything_and_nothing_else(created):
    names = run(created, "git", "ls-tree", "-r", "--name-only", "HEAD~1").stdout.splitlines()
    assert {"Makefile", "dvc.yaml", "params.yaml", "LICENSE", "AGENTS.md"} <= {*names}
    assert not [name for name in names if "flights" in name or name.startswith("src/tarmac")]
    assert run(created, "git", "status", "--porcelain").stdout == ""
    assert len((created / "Makefile").read_text().splitlines()) < 80
    assert len((created / "dvc.yaml").read_text().splitlines()) <= 70


def test_project_passes_its_own_tests(project):
    assert "5 passed" in run(project, "make", "test").stdout


def test_clone_of_a_project_reproduces_bit_for_bit(created, tmp_path):
    run(tmp_path, "git", "clone", "--quiet", str(created), "clone")
    lend_environment(created, tmp_path / "clone")
    assert run(tmp_path / "clone", "make", "run").stdout.endswith("reproduced bit for bit\n")
    assert hash_outputs(tmp_path / "clone") == hash_outputs(created)


def test_own_tests_catch_a_feature_that_knows_the_label(project):
    leak = {"CATEGORICAL, TARGET)": 'CATEGORICAL, TARGET).mutate(area=_.rent.cast("float32"))'}
    module = project / "src/rents/features/table.py"
    edit(module, {**leak, "from ibis import Table": "from ibis import Table, _"})
    run(project, "make", "run")
    done = run(project, ".venv/bin/python", "-m", "pytest", "-q", "-k", "future", check=False)
    assert "these features know the future: area" in done.stdout


def test_own_tests_catch_code_that_no_stage_declares(project):
    edit(project / "dvc.yaml", {", src/rents/features]": "]"})
    done = run(project, ".venv/bin/python", "-m", "pytest", "-q", "-k", "declare", check=False)
    assert "src/rents/features/table.py is imported and no dep" in done.stdout


def test_stage_refuses_code_that_is_not_of_the_pinned_wheel(project):
    wheel = next((project / "vendor").glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes().replace(b"Return", b"return", 1))
    edit(project / "params.yaml", {"max_depth: 4": "max_depth: 2"})
    done = run(project, ".venv/bin/tarmac", "run", check=False)
    assert f"{wheel.name} has another hash than requirements/tarmac.txt names" in done.stderr


def review_by_base(project: Path, created: Path, name: str) -> dict[str, str]:
    """Commit the result of a change; return the reasons of the base's checks by their names."""
    needs_sandbox()
    copy_environment(created, project)  # the sandbox hides the original
    run(project, "git", "switch", "--quiet", "--create", "change")
    run(project, "make", "run", "push")
    commit(project, name)
    run(project, "make", "review", "JUDGE=base", check=False)
    verdict = json.loads((project / "review/verdict.json").read_text())
    return {check["name"]: check["reason"] for check in verdict["checks"]}


def test_base_reviews_with_the_release_that_it_pins(project, created):
    edit(project / "params.yaml", {"max_depth: 4": "max_depth: 2"})
    reasons = review_by_base(project, created, "Shallow trees")
    assert reasons["reproduced"].startswith(
        "rebuilt from raw data in a sandbox, bit for bit; "
        "with other labels of the test rows the model is the same; "
        "in another future the features of "
    )
    assert "better than the baseline" in reasons


def test_base_catches_a_model_that_has_learned_from_test_labels(project, created):
    with (project / "src/rents/contract/columns.py").open("a") as module:
        module.write(LEARNS)
    reason = review_by_base(project, created, "Learned by heart")["reproduced"]
    assert "made with other labels of the test rows, it comes out otherwise" in reason
    assert "models/model.onnx" in reason


def test_upgrade_keeps_bytes_and_own_edits(project, created, release):
    copy_environment(created, project)  # it is changed
    edit(project / "Makefile", {"\nexport FILES": "\nexport MINE := 1\nexport FILES"})
    edit(project / "params.yaml", {"min_slice_rows: 40": "min_slice_rows: 41  # agreed"})
    edit(project / "README.md", {"## Change something": "## Our own heading"})
    run(project, "make", "run", "push")
    commit(project, "Own edits")
    before = hash_outputs(project)
    done = run(project, "make", "upgrade", f"FROM={release}")
    assert "params.yaml: renamed review.beat_baseline to exceed_baseline" in done.stdout
    assert "params.yaml: added evaluate.shown_rows: 7" in done.stdout
    assert "reproduced bit for bit" in done.stdout
    assert hash_outputs(project) == before
    makefile = (project / "Makefile").read_text()
    assert "export MINE := 1" in makefile
    assert "## List all targets" in makefile
    params = yaml.safe_load((project / "params.yaml").read_text())
    assert params["evaluate"]["min_slice_rows"] == 41
    assert "# agreed" in (project / "params.yaml").read_text()
    assert "exceed_baseline" in params["review"]
    assert "## Our own heading" in (project / "README.md").read_text()
    assert run(project, "git", "status", "--porcelain").stdout == ""
    branch = run(project, "git", "branch", "--show-current").stdout.strip()
    assert branch.startswith("upgrade-9")
    assert (project / "review/verdict.json").is_file()


def test_upgrade_is_undone_by_one_command(project, release):
    done = run(project, ".venv/bin/tarmac", "upgrade", str(release))
    assert read_pinned_wheel(project).version.startswith("9")
    run(project, "sh", "-c", done.stdout.split("to undo: ")[1].splitlines()[0])
    assert run(project, "git", "branch", "--format", "%(refname:short)").stdout == "main\n"
    assert not read_pinned_wheel(project).version.startswith("9")


def test_upgrade_shows_conflicts_and_loses_nothing(project, release):
    edit(project / "Makefile", {"## List the targets": "## Show our targets"})
    commit(project, "Own words")
    done = run(project, ".venv/bin/tarmac", "upgrade", str(release), check=False)
    assert done.returncode == 1
    assert "conflict  Makefile" in done.stdout
    makefile = (project / "Makefile").read_text()
    assert "## Show our targets" in makefile
    assert "## List all targets" in makefile
    assert "<<<<<<< this project" in makefile
    run(project, "git", "switch", "--quiet", "--force", "main")
    assert "## Show our targets" in (project / "Makefile").read_text()


def test_upgrade_refuses_uncommitted_work(project, release):
    edit(project / "README.md", {"## Change something": "## Mine"})
    done = run(project, ".venv/bin/tarmac", "upgrade", str(release), check=False)
    assert done.returncode == 1
    assert "error: the working tree has uncommitted changes: M README.md" in done.stderr
    assert "## Mine" in (project / "README.md").read_text()


def test_upgrade_to_the_same_release_changes_nothing(project):
    wheel = shutil.copy(next((project / "vendor").glob("*.whl")), project.parent)
    done = run(project, ".venv/bin/tarmac", "upgrade", str(wheel))
    assert "nothing to do" in done.stdout
    assert run(project, "git", "branch", "--show-current").stdout == "main\n"


def test_upgrade_after_a_kill_removes_locks_of_git_and_keeps_later_edits(project, release):
    state = project / ".dvc/tmp/tarmac/upgrade.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    start = run(project, "git", "rev-parse", "HEAD").stdout.strip()
    state.write_text(json.dumps({"start": start, "from": "main"}))
    (project / "mine.txt").write_text("written since\n")
    for name in ("index.lock", "HEAD.lock", "refs/heads/main.lock"):
        (project / ".git" / name).touch()
    done = run(project, ".venv/bin/tarmac", "upgrade", str(release))
    assert "an upgrade was interrupted: what it wrote is taken back" in done.stdout
    assert "mine" in run(project, "git", "stash", "show", "--include-untracked").stdout
    assert read_pinned_wheel(project).version.startswith("9")


@pytest.mark.kill
def test_killed_upgrade_is_finished_by_the_same_command(project, release):
    command = (str(project / ".venv/bin/tarmac"), "upgrade", str(release))
    started = time.monotonic()
    run(project, *command)
    whole, lasted = read_tree(project), time.monotonic() - started
    for number in range(times(4, 40)):
        run(project, "git", "switch", "--quiet", "--force", "main")
        run(project, "sh", "-c", "git branch --list 'upgrade-*' | xargs git branch -D")
        process = subprocess.Popen(command, cwd=project, start_new_session=True)
        time.sleep(random.Random(number).uniform(0.3, 1) * lasted)
        os.killpg(process.pid, 9)
        process.wait()
        run(project, *command)
        assert read_tree(project) == whole, f"kill {number}"


def read_tree(project: Path) -> tuple[str, str]:
    """Return Git's name of all files of HEAD, and what is not committed."""
    status = run(project, "git", "status", "--porcelain").stdout
    return run(project, "git", "rev-parse", "HEAD^{tree}").stdout, status
