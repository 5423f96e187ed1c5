"""Commits that predate the problem's own package still work.

They can be compared with, rolled back to and served.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.serving.bundle import Bundle
from tests.conftest import ROOT, Workspace, required
from tests.e2e.running import FROM_SOURCE, TARMAC

pytestmark = pytest.mark.pipeline

FIRST = "src/flights/roles.py"  # came with the package
MODEL = "models/model.onnx"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a clone of this repository with its history, pulled.

    It has two versions: one from before the package, and one from now.
    """
    required(MODEL)
    workspace = Workspace(tmp_path_factory.mktemp("history") / "clone")
    git = ("git", "-c", "protocol.file.allow=always")
    subprocess.run([*git, "clone", "--quiet", str(ROOT), str(workspace.path)], check=True)
    for tag in workspace.run("git", "tag").stdout.split():
        workspace.run("git", "tag", "--delete", tag)
    workspace.run("git", "config", "user.name", "Test")
    workspace.run("git", "config", "user.email", "test@example.org")
    moved = workspace.run(
        "git", "log", "--diff-filter=A", "--format=%H", "--", FIRST
    ).stdout.split()
    if workspace.run(
        "git", "rev-parse", "--verify", "--quiet", f"{moved[-1]}^", check=False
    ).returncode:
        pytest.skip("a shallow clone has no commit from before")
    for version, commit in (("v0.0.1", f"{moved[-1]}^"), ("v0.0.2", "HEAD")):
        workspace.run(
            "git", "tag", "--annotate", f"model@{version}", "--message", "a version", commit
        )
    workspace.run(
        "git", "tag", "--annotate", "model#prod#1", "--message", "the first", "model@v0.0.1^{}"
    )
    tarmac(workspace, "pull")
    return workspace


def tarmac(workspace: Workspace, *arguments: str) -> str:
    return workspace.run(*TARMAC, *arguments, env=FROM_SOURCE).stdout


def test_review_compares_with_commit_of_old_layout(clone: Workspace) -> None:
    tarmac(clone, "review", "--base", "model@v0.0.1")
    verdict = json.loads((clone.path / "review/verdict.json").read_text())
    rows = verdict["compared"]
    assert (rows["only_base"], rows["only_head"], rows["relabelled"]) == (0, 0, 0)
    assert rows["common"] > 50_000


def test_rollback_serves_model_of_old_layout(clone: Workspace) -> None:
    assert "prod has v0.0.2 now" in tarmac(
        clone, "promote", "prod", "--version", "v0.0.2", "--why", "newer"
    )
    now = served(clone)
    assert "prod has v0.0.1 now" in tarmac(clone, "rollback", "--why", "slow")
    before = served(clone)
    assert (before.version, now.version) == ("v0.0.1", "v0.0.2")
    old = clone.run("git", "show", "model@v0.0.1:dvc.lock").stdout
    assert compute_dvc_hash(before.folder / "model.onnx") in old


def served(workspace: Workspace) -> Bundle:
    """Return the bundle of what prod runs.

    Loading it runs its probes: this code computes the inputs that its commit did.
    """
    tarmac(workspace, "bundle", "--environment", "prod")
    return Bundle(Path(workspace.path / "served/live").resolve())
