"""Releases, promotions and rollbacks take one command each.

The tests check what they refuse, and what others then get.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tests.conftest import Workspace
from tests.e2e.running import DVC, FROM_SOURCE, TARMAC
from tests.e2e.test_review import commit, shallower

MODEL = "models/model.onnx"


def tarmac(
    workspace: Workspace, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = workspace.run(*TARMAC, *arguments, check=check, env=FROM_SOURCE)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def refused(workspace: Workspace, *arguments: str) -> str:
    """What a command says that is refused; it leaves the tags as they are."""
    before = tags(workspace)
    done = tarmac(workspace, *arguments, check=False)
    assert done.returncode == 1, done.stdout
    assert tags(workspace) == before
    return done.stderr


def tags(workspace: Workspace, *where: str) -> list[str]:
    return workspace.run("git", *(where or ("tag", "--list"))).stdout.splitlines()


def publish(workspace: Workspace) -> None:
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    commit(workspace, "result")
    workspace.run("git", "push", "--quiet", "origin", "HEAD")


@pytest.fixture(scope="module")
def released_template(on_main: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace with an origin, whose model is version 1 and in prod.

    Copy it, do not change it.
    """
    home = tmp_path_factory.mktemp("registry")
    shutil.copytree(on_main.path, home / "repository", symlinks=True)
    workspace = Workspace(home / "repository")
    workspace.run(
        "git", "init", "--quiet", "--bare", "--initial-branch=main", str(home / "origin.git")
    )
    workspace.run("git", "remote", "add", "origin", str(home / "origin.git"))
    workspace.run("git", "push", "--quiet", "origin", "HEAD")
    tarmac(workspace, "release")
    tarmac(workspace, "promote", "prod", "--why", "the first")
    return workspace


@pytest.fixture
def released(released_template: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(released_template.path.parent, tmp_path / "home", symlinks=True)
    workspace = Workspace(tmp_path / "home" / "repository")
    workspace.run("git", "remote", "set-url", "origin", str(tmp_path / "home" / "origin.git"))
    return workspace


def test_release_is_pushed_and_can_be_fetched_from_elsewhere(released, tmp_path):
    assert tags(released) == ["model#prod#1", "model@v0.0.1"]
    assert len(tags(released, "ls-remote", "--tags", "--refs", "origin")) == 2
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = (
        *DVC,
        "artifacts",
        "get",
        str(released.path),
        "model",
        "--stage",
        "prod",
        "--out",
        "model.onnx",
    )
    subprocess.run(
        command, cwd=elsewhere, env=released.environment, check=True, capture_output=True
    )
    assert compute_dvc_hash(elsewhere / "model.onnx") == compute_dvc_hash(released.path / MODEL)


def test_release_refuses_released_model_and_unclean_tree(released):
    assert "this model is already registered as v0.0.1" in refused(released, "release")
    (released.path / "notes.txt").write_text("mine")
    said = refused(released, "release")
    assert "the working tree has uncommitted changes: notes.txt\nhint: commit or remove" in said


def test_release_refuses_outdated_lock(released):
    released.set_params(shallower)
    commit(released, "not run")
    assert "dvc.lock is not up to date in train" in refused(released, "release")


def test_release_refuses_model_that_is_not_pushed(released):
    released.set_params(shallower)
    released.dvc("repro", "--quiet")
    commit(released, "not pushed")
    assert f"{MODEL} (missing)" in refused(released, "release")


def test_release_refuses_model_worse_than_production(released):
    def strict(params: dict) -> None:
        params["train"]["features"] = ["aircraft"]

    released.set_params(strict)
    publish(released)
    assert "not released, the verdict is fail: " in refused(released, "release")


def served(workspace: Workspace, place: str = "live") -> tuple[str, str]:
    """Version and model of the bundle that a link leads to."""
    folder = workspace.path / "served" / place
    return json.loads((folder / "release.json").read_text())["version"], compute_dvc_hash(
        folder / "model.onnx"
    )


def test_promotion_and_rollback_serve_requested_version(released):
    """Serve the first version, replace it by a second, and roll back.

    The first version comes back as it was.
    """
    refuses_what_makes_no_sense(released)
    first = ("v0.0.1", compute_dvc_hash(released.path / MODEL))
    assert "served/live is v0.0.1 now" in tarmac(released, "bundle", "--environment", "prod").stdout
    folder = (released.path / "served" / "live").resolve()
    released.set_params(lambda params: params["train"].update(seed=8))
    publish(released)
    assert "(against v0.0.1)" in tarmac(released, "release").stdout
    assert (
        "prod has v0.0.2 now (model#prod#2): better"
        in tarmac(released, "promote", "prod", "--why", "better").stdout
    )
    assert served(released) == first  # until somebody bundles
    tarmac(released, "bundle", "--environment", "prod")
    second = ("v0.0.2", compute_dvc_hash(released.path / MODEL))
    assert served(released) == second != first
    tarmac(released, "bundle", "--version", "v0.0.1", "--place", "shadow")
    assert (served(released), served(released, "shadow")) == (second, first)
    assert (
        "prod has v0.0.1 now (model#prod#3)" in tarmac(released, "rollback", "--why", "slow").stdout
    )
    tarmac(released, "bundle", "--environment", "prod")
    assert served(released) == first
    assert (released.path / "served" / "live").resolve() == folder
    shown = json.loads(tarmac(released, "registry", "--json").stdout)
    assert shown["environments"] == {"prod": "v0.0.1"}
    assert shown["history"][-1]["why"] == "rollback: slow"
    assert "no version before v0.0.1 to roll back to" in refused(
        released, "rollback", "--why", "slow"
    )
    assert released.run("git", "status", "--porcelain").stdout == ""


def refuses_what_makes_no_sense(released: Workspace) -> None:
    assert "no version before v0.0.1 to roll back to" in refused(
        released, "rollback", "--why", "slow"
    )
    assert "no reason was given" in refused(released, "promote", "staging")
    unknown = ("--version", "v9.9.9", "--why", "x")
    assert "there is no version v9.9.9\nhint: use one of v0.0.1" in refused(
        released, "promote", "prod", *unknown
    )
    assert "unknown environment 'live'\nhint: use staging or prod" in refused(
        released, "promote", "live", "--why", "x"
    )


def test_bundle_refuses_unavailable_version_or_target(released):
    assert "staging has no version\n" in refused(released, "bundle", "--environment", "staging")
    assert "there is no version v9.9.9" in refused(released, "bundle", "--version", "v9.9.9")
    assert "'edge'\nhint: use live or shadow" in refused(released, "bundle", "--place", "edge")
    (released.path / MODEL).unlink()
    assert f"the working tree does not contain {MODEL}\nhint: fetch it with `make pull`" in refused(
        released, "bundle"
    )
    (released.path / "served" / "live").mkdir(parents=True)
    assert "served/live is not a link\nhint: move it away" in refused(
        released, "bundle", "--environment", "prod"
    )


def test_registry_keeps_author_reason_and_lineage(released):
    shown = json.loads(tarmac(released, "registry", "--json").stdout)
    assert shown["environments"] == {"prod": "v0.0.1"}
    (version,) = shown["versions"]
    assert version["who"] == "Test <test@example.org>"
    assert version["why"] == "the first version, within the bounds of the policy"
    assert version["lineage"]["model"] == compute_dvc_hash(released.path / MODEL)
    assert [event["why"] for event in shown["history"]][-1] == "the first"
    assert "v0.0.1   prod" in tarmac(released, "registry").stdout


def test_tag_is_removed_if_its_push_fails(released, tmp_path):
    hook = tmp_path / "home" / "origin.git" / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho refused by the server >&2\nexit 1\n")
    hook.chmod(0o755)
    said = refused(released, "promote", "staging", "--why", "to look at")
    assert "could not be pushed and was deleted" in said
    assert "refused by the server" in said
