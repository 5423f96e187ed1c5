"""After a merge of two branches that have both run, the lock fits the merged code.

No finished stage runs again.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tarmac.repository.dvc import lockfile
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC
from tests.e2e.test_reproducible import clone, stages_run

LOCK, PARAMS, POINTER = "dvc.lock", "params.yaml", "data/raw.dvc"
# The stages that neither side has run on what both sides changed together.
JUDGED = ["evaluate", "card"]
CODE = "src/tarmac/pipeline/evaluate/curves.py"
NO_EDITOR = {"GIT_EDITOR": "true"}
HINT = "hint: resolve each file and `git add` it, then run `make merge-lock` again"


def commit(workspace: Workspace, message: str) -> str:
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--message", message)
    return workspace.run("git", "rev-parse", "HEAD").stdout.strip()


def deeper(depth: int) -> Callable[[dict], object]:
    return lambda params: params["train"]["xgboost"].update(max_depth=depth)


def stricter(params: dict) -> None:
    params["evaluate"]["threshold_beta"] = 2


@pytest.fixture(scope="module")
def team(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a repository with two branches to merge. Clone it.

    `alice` has trained differently, and `bob` evaluates differently. Both have run, pushed and
    committed.
    """
    workspace = Workspace(tmp_path_factory.mktemp("team") / "repository")
    shutil.copytree(finished_template.path, workspace.path, symlinks=True)
    for name, change in {"alice": deeper(3), "bob": stricter}.items():
        workspace.run("git", "switch", "--quiet", "--create", name, "main")
        workspace.dvc("checkout", "--quiet")
        workspace.set_params(change)
        workspace.dvc("repro", "--quiet")
        workspace.dvc("push", "--quiet")
        commit(workspace, name)
    return workspace


@pytest.fixture
def bob(team: Workspace, tmp_path: Path) -> Workspace:
    """Bob's clone, into which nothing was pulled yet."""
    return clone_of(team, tmp_path / "bob")


def clone_of(team: Workspace, target: Path) -> Workspace:
    workspace = clone(team, target)
    workspace.run("git", "config", "user.name", target.name)
    workspace.run("git", "config", "user.email", f"{target.name}@example.org")
    return workspace


def merge(workspace: Workspace, *what: str) -> set[str]:
    """Merges, and returns the paths in conflict."""
    workspace.run("git", *(what or ("merge", "--quiet", "origin/alice")), check=False)
    return set(workspace.run("git", "diff", "--name-only", "--diff-filter=U").stdout.split())


def merge_lock(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    done = workspace.run(*TARMAC, "merge-lock", check=False, env=FROM_SOURCE)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def merged(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    """Merge, and check that nothing is left in conflict.

    Everything is staged, and DVC has nothing to do.
    """
    done = merge_lock(workspace)
    assert done.returncode == 0, done.stdout + done.stderr
    status = workspace.run("git", "status", "--porcelain").stdout.splitlines()
    assert [line for line in status if line[1] != " " or line[0] == "U"] == []
    assert workspace.dvc("status", "--quiet", check=False).returncode == 0
    return done


def sources(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+) +(run now|as .*)$", done.stdout, re.MULTILINE))


def entries(workspace: Workspace, revision: str) -> dict[str, lockfile.Entry]:
    return lockfile.parse_stages(workspace.run("git", "show", f"{revision}:{LOCK}").stdout)


def state(workspace: Workspace) -> tuple[str, bytes]:
    return workspace.run("git", "status", "--porcelain").stdout, (
        workspace.path / LOCK
    ).read_bytes()


@pytest.fixture(scope="module")
def done_template(
    team: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, str]:
    """Bob's clone after the merge, pushed and committed, and what was printed. Copy it."""
    workspace = clone_of(team, tmp_path_factory.mktemp("merged") / "bob")
    assert {LOCK, "metrics/evaluate/metrics.json"} <= merge(workspace) <= tracked_results(workspace)
    done = merged(workspace)
    assert "without a conflict" not in done.stdout
    workspace.dvc("push", "--quiet")
    commit(workspace, "merge")
    return workspace, done.stdout


def tracked_results(workspace: Workspace) -> set[str]:
    return set(workspace.run("git", "ls-files", LOCK, "metrics", "models").stdout.split())


def test_merge_runs_only_stages_that_neither_side_has_run(done_template):
    """In a clone without a cache: the colleague's model comes from the remote."""
    workspace, printed = done_template
    assert stages_run(printed) == JUDGED
    ours, theirs, made = (entries(workspace, name) for name in ("HEAD^1", "HEAD^2", "HEAD"))
    assert made["train"] == theirs["train"] != ours["train"]
    for name in JUDGED:
        assert made[name] not in (ours[name], theirs[name])
    said = sources(subprocess.CompletedProcess([], 0, printed))
    assert said["train"] == f"as in {workspace.run('git', 'rev-parse', 'HEAD^2').stdout[:9]}"
    assert [name for name, source in said.items() if source == "run now"] == JUDGED


def test_rebuild_from_raw_data_reproduces_merged_lock(done_template):
    workspace, _ = done_template
    done = workspace.run(*TARMAC, "reproduce", check=False, env=FROM_SOURCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("reproduced bit for bit")


def test_merge_lock_corrects_lock_merged_by_git(done_template, tmp_path):
    """Inputs of both with the outputs of one: DVC sees nothing wrong in it."""
    workspace = Workspace(tmp_path / "bob")
    shutil.copytree(done_template[0].path, workspace.path, symlinks=True)
    right, ours = (workspace.path / LOCK).read_bytes(), entries(workspace, "HEAD^1")
    tree = yaml.safe_load(right)
    tree["stages"]["evaluate"]["outs"] = ours["evaluate"]["outs"]
    (workspace.path / LOCK).write_text(yaml.safe_dump(tree, sort_keys=False))
    workspace.run("git", "commit", "--quiet", "--all", "--amend", "--message", "merged by text")
    done = merged(workspace)
    assert (workspace.path / LOCK).read_bytes() == right
    assert (
        "without a conflict, the merge had left a lock that this code does not make: evaluate"
        in done.stdout
    )
    assert stages_run(done.stdout) == [], "they have run here"


def test_rebase_gives_same_result_as_merge(bob, done_template):
    share_cache(done_template[0], bob)
    assert LOCK in merge(bob, "rebase", "--quiet", "origin/alice")
    done = merged(bob)
    assert stages_run(done.stdout) == []
    assert done.stdout.splitlines()[-1].endswith("next: `make push`, then `git rebase --continue`")
    assert (bob.path / LOCK).read_bytes() == (done_template[0].path / LOCK).read_bytes()
    bob.dvc("push", "--quiet")
    bob.run("git", "add", "--all")
    bob.run("git", "rebase", "--continue", env=NO_EDITOR)
    assert bob.run("git", "log", "--format=%s", "origin/main..").stdout.split() == ["bob", "alice"]
    trees = [
        workspace.run("git", "rev-parse", "HEAD^{tree}").stdout
        for workspace in (bob, done_template[0])
    ]
    assert trees[0] == trees[1]


def share_cache(source: Workspace, target: Workspace) -> None:
    """Let a clone have what ran in another one."""
    shutil.copytree(source.path / ".dvc/cache", target.path / ".dvc/cache")


def test_merge_lock_refuses_conflicting_parameters(bob, done_template):
    share_cache(done_template[0], bob)
    bob.set_params(deeper(4))
    commit(bob, "deeper, not run")
    assert PARAMS in merge(bob)
    before = state(bob)
    refused = merge_lock(bob)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "error: files with unresolved merge conflicts:",
        f"  {PARAMS}",
        HINT,
    ]
    assert state(bob) == before
    bob.run("git", "checkout", "--quiet", "--ours", PARAMS)
    bob.set_params(deeper(3))
    bob.run("git", "add", PARAMS)
    merged(bob)
    assert bob.params["evaluate"]["threshold_beta"] == 2
    assert (bob.path / LOCK).read_bytes() == (done_template[0].path / LOCK).read_bytes()


def test_merge_lock_refuses_code_with_conflict_markers(bob):
    for branch, remark in (("theirs", "# theirs"), ("bob", "# ours")):
        bob.run(
            "git",
            "switch",
            "--quiet",
            *(["--create", branch, "origin/alice"] if branch == "theirs" else [branch]),
        )
        with (bob.path / CODE).open("a") as file:
            file.write(f"\n\n{remark}\n")
        commit(bob, remark)
    assert CODE in merge(bob, "merge", "--quiet", "theirs")
    for _ in range(2):  # in conflict, then staged as it is
        refused = merge_lock(bob)
        assert (refused.returncode, refused.stderr.splitlines()[1:]) == (1, [f"  {CODE}", HINT])
        bob.run("git", "add", CODE)
    bob.run("git", "checkout", "--quiet", "--theirs", CODE, check=False)
    bob.run("git", "checkout", "--quiet", "theirs", "--", CODE)
    assert stages_run(merged(bob).stdout) == JUDGED


def test_merge_lock_requires_choice_between_data_versions(team, tmp_path):
    alice = clone_of(team, tmp_path / "alice")
    alice.run("git", "switch", "--quiet", "alice")
    alice.dvc("pull", "--quiet")
    pack_otherwise(alice, "2013-09")
    alice.dvc("repro", "--quiet")
    alice.dvc("push", "--quiet")
    commit(alice, "data of alice")
    workspace = clone_of(team, tmp_path / "bob")
    workspace.dvc("pull", "--quiet", POINTER)
    pack_otherwise(workspace, "2013-10")
    workspace.dvc("push", "--quiet", POINTER)
    commit(workspace, "data of bob, not run")
    workspace.run("git", "fetch", "--quiet", str(alice.path), "alice")
    assert POINTER in merge(workspace, "merge", "--quiet", "FETCH_HEAD")
    refused = merge_lock(workspace)
    choose = "hint: in a .dvc file, choose one of two versions of the data (docs/team.md)"
    assert refused.stderr.splitlines()[1:] == [f"  {POINTER}", HINT, choose]
    workspace.run("git", "checkout", "--quiet", "--theirs", POINTER)
    workspace.run("git", "add", POINTER)
    done = merged(workspace)
    assert stages_run(done.stdout) == JUDGED
    made, theirs = (
        lockfile.parse_stages((workspace.path / LOCK).read_text()),
        entries(workspace, "MERGE_HEAD"),
    )
    assert {name: made[name] == theirs[name] for name in made} == {
        **dict.fromkeys(("prepare", "featurize", "baseline", "train", "online"), True),
        **dict.fromkeys(JUDGED, False),
    }


def pack_otherwise(workspace: Workspace, month: str) -> None:
    """Give a month of raw data other bytes with the same rows.

    It is another version, after which little has to run.
    """
    path = workspace.path / f"data/raw/flights/{month}.parquet"
    table = pq.read_table(path)
    path.unlink()  # it may be the cache's own file
    pq.write_table(table, path, store_schema=False, compression="gzip")
    workspace.dvc("add", "--quiet", "data/raw")


def test_merge_lock_corrects_outdated_lock_after_clean_merge(bob):
    """One side ran, the other changed code that it says changes nothing: Git has nothing to ask."""
    bob.run("git", "switch", "--quiet", "--create", "remark", "origin/main")
    with (bob.path / CODE).open("a") as file:
        file.write("\n# changes nothing\n")
    commit(bob, "remark, not run")
    assert merge(bob) == set()
    done = merged(bob)
    assert stages_run(done.stdout) == ["evaluate"], "the card sees the same bytes"
    assert (
        "without a conflict, the merge had left a lock that this code does not make: evaluate"
        in done.stdout
    )


def test_merge_lock_changes_nothing_without_merge(finished):
    before = state(finished)
    done = merged(finished)
    assert stages_run(done.stdout) == []
    assert state(finished) == before
    assert done.stdout.splitlines()[-1] == "nothing has changed"


def test_merge_lock_refuses_repository_without_commit(finished):
    shutil.rmtree(finished.path / ".git")
    finished.run("git", "init", "--quiet")
    done = merge_lock(finished)
    assert (done.returncode, done.stderr) == (
        1,
        "error: there is no commit yet, and nothing to merge\n"
        "hint: make the first commit: `git add --all`, then `git commit`\n",
    )
