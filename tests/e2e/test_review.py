"""A review by one command gives the verdict and its reasons.

It leaves the repository untouched, whatever its state.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands, lockfile
from tests.conftest import Workspace
from tests.e2e import damage
from tests.e2e.running import FROM_SOURCE, TARMAC

STALE, PUSHED, REPRODUCED = "dvc.lock is up to date", "outputs are pushed", "reproduced"
PREDICTIONS, MODEL = "data/predictions.parquet", "models/model.onnx"
TRAINED = ["train", "evaluate", "card"]  # the stages that a parameter of training starts again
REBUILT = Path(".dvc/tmp/tarmac/rebuilt.json")


@dataclass(frozen=True)
class Reviewed:
    """What a review printed and wrote."""

    done: subprocess.CompletedProcess[str]
    report: str
    verdict: dict[str, Any]

    @property
    def failed(self) -> set[str]:
        """Names of the checks that fail."""
        return {check["name"] for check in self.verdict["checks"] if check["outcome"] == "fail"}

    @property
    def judged(self) -> dict[str, str]:
        """The outcome of every metric."""
        return {
            check["name"]: check["outcome"]
            for check in self.verdict["checks"]
            if check["kind"] == "metric"
        }

    @property
    def ran(self) -> list[str]:
        return re.findall(r"^Running stage '(\w+)':", self.done.stdout, re.MULTILINE)


def start(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start a review as CI does for a branch of which nothing else is known."""
    scratch = workspace.path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    env = {**FROM_SOURCE, "TMPDIR": str(scratch), "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": ""}
    done = workspace.run(*TARMAC, "review", *arguments, check=False, env=env)
    left = [path.name for path in scratch.iterdir() if path.name.startswith("tarmac-")]
    assert left == [], "a temporary folder is left"
    return done


def review(workspace: Workspace, *arguments: str, out: str = "review") -> Reviewed:
    """A review that comes to a verdict, the same by exit status, report and JSON."""
    done = start(workspace, *arguments)
    assert "Traceback" not in done.stderr, done.stderr
    folder = workspace.path / out
    assert sorted(path.name for path in folder.iterdir()) == ["report.md", "verdict.json"], (
        done.stderr
    )
    report, verdict = (
        (folder / "report.md").read_text(),
        json.loads((folder / "verdict.json").read_text()),
    )
    assert report.splitlines()[0].startswith(
        f"## {'✅ Pass' if verdict['verdict'] == 'pass' else '❌ Fail'}: "
    )
    assert done.returncode == (0 if verdict["verdict"] == "pass" else 1)
    return Reviewed(done, report, verdict)


def no_result(workspace: Workspace, *arguments: str) -> Reviewed:
    """A review that finds nothing to judge, and says so everywhere."""
    found = review(workspace, *arguments)
    assert found.verdict["verdict"] == "fail"
    assert found.verdict["summary"] == "no result to judge"
    assert found.report.splitlines()[0] == "## ❌ Fail: there is no result to judge"
    return found


def set_and_commit(
    workspace: Workspace, change: Callable[[dict], object], message: str = "change"
) -> None:
    workspace.set_params(change)
    commit(workspace, message)


def commit(workspace: Workspace, message: str = "work") -> str:
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--allow-empty", "--message", message)
    return workspace.run("git", "rev-parse", "HEAD").stdout.strip()


def copy(workspace: Workspace, target: Path) -> Workspace:
    shutil.copytree(workspace.path, target, symlinks=True)
    return Workspace(target)


def shallower(params: dict) -> None:
    params["train"]["xgboost"]["max_depth"] = 3


@pytest.fixture(scope="module")
def on_a_branch(on_main: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a branch with another model and another result.

    It is committed and not pushed. Copy it, do not change it.
    """
    workspace = copy(on_main, tmp_path_factory.mktemp("branch") / "repository")
    workspace.run("git", "switch", "--quiet", "--create", "change")
    workspace.set_params(shallower)
    with (workspace.path / "src/tarmac/pipeline/evaluate/curves.py").open("a") as file:
        file.write("\n# A remark that changes no result.\n")
    workspace.run(*TARMAC, "run", env=FROM_SOURCE)
    commit(workspace, "shallower")
    return workspace


@pytest.fixture
def unchanged(on_main: Workspace, tmp_path: Path) -> Workspace:
    workspace = copy(on_main, tmp_path / "repository")
    workspace.run("git", "switch", "--quiet", "--create", "change")
    return workspace


@pytest.fixture
def changed(on_a_branch: Workspace, tmp_path: Path) -> Workspace:
    return copy(on_a_branch, tmp_path / "repository")


def state(workspace: Workspace) -> dict[str, object]:
    """All that a review has no business to change."""
    asked = (
        "for-each-ref",
        "symbolic-ref HEAD",
        "worktree list",
        "ls-files --stage",
        "stash list",
        "status --short",
    )
    told = {words: workspace.run("git", *words.split()).stdout for words in asked}
    kept = [
        path
        for path in workspace.path.rglob("*")
        if path.is_file() and of_the_work(path.relative_to(workspace.path))
    ]
    return told | {str(path): compute_dvc_hash(path) for path in kept}


def of_the_work(path: Path) -> bool:
    parts = path.parts
    if parts[0] == ".git":
        return parts[1] in ("config", "hooks", "info", "HEAD")
    if parts[0] == ".dvc":
        return parts[1] not in ("tmp", "cache")
    return parts[0] != "review" and "__pycache__" not in parts


def remembered(workspace: Workspace) -> set[str]:
    """The repositories that DVC remembers outside of them."""
    return {
        path.name for path in (workspace.path.parent / f"{workspace.path.name}-site").glob("*/*")
    }


def test_unchanged_branch_passes_and_repository_is_untouched(unchanged):
    (unchanged.path / ".dvc" / "config.local").write_text("[core]\n    autostage = false\n")
    (unchanged.path / "README.md").write_text("stashed")
    unchanged.run("git", "stash", "push", "--quiet", "--include-untracked")
    (unchanged.path / "README.md").write_text("staged")
    unchanged.run("git", "add", "README.md")
    (unchanged.path / "README.md").write_text("not staged")
    before = state(unchanged)
    found = review(unchanged)
    assert state(unchanged) == before
    assert found.done.returncode == 0
    assert found.report.splitlines()[0] == "## ✅ Pass: the metrics are the same"
    assert set(found.judged.values()) == {"pass"}
    assert found.ran == []
    assert found.verdict["no_base"] == ""
    assert found.verdict["changes"]["files"] == {"of no stage": ["README.md"]}


def test_report_describes_committed_change(changed):
    """Check parameter, code by stage, outputs and costs.

    Base's result is another, so that it has to be fetched.
    """
    changed.dvc("status", "--quiet", check=False)
    before, known = state(changed), remembered(changed)
    found = review(changed)
    assert state(changed) == before
    assert found.ran == []
    assert "| `train.xgboost.max_depth` | `6` | `3` |" in found.report
    assert "- `evaluate`: `src/tarmac/pipeline/evaluate/curves.py`" in found.report
    assert STALE not in found.failed
    changes = found.verdict["changes"]
    assert changes["params"] == [["train.xgboost.max_depth", "6", "3"]]
    assert changes["files"] == {"evaluate": ["src/tarmac/pipeline/evaluate/curves.py"]}
    assert {path for path, _, _ in changes["outputs"]} >= {MODEL, PREDICTIONS}
    base, head = found.verdict["cost"]
    assert (set(base["stages"]), set(head["stages"])) == (set(), set(TRAINED))
    assert all(f"| `{stage}` | – |" in found.report for stage in TRAINED)
    assert found.verdict["compared"]["common"] > 3000
    assert None not in (base["model_bytes"], base["scoring_microseconds"])
    assert remembered(changed) <= known, "DVC remembers the temporary clone outside of it"


def test_worse_model_fails(unchanged):
    unchanged.set_params(lambda params: params["train"].update(max_rounds=1))
    unchanged.dvc("repro", "--quiet")
    commit(unchanged)
    found = review(unchanged)
    assert found.done.returncode == 1
    assert found.report.startswith("## ❌ Fail: ")
    assert {"log_loss", "brier"} <= found.failed
    assert not found.failed & {STALE, PUSHED}


@pytest.mark.parametrize("committed", [True, False])
def test_missing_result_is_run_and_committed_stale_lock_fails(unchanged, committed):
    """What is not committed yet need not have its result committed."""
    unchanged.set_params(shallower)
    if committed:
        commit(unchanged)
    found = review(unchanged)
    assert found.ran == TRAINED
    assert found.verdict["lineage"]["run for this review"] == ", ".join(TRAINED)
    assert ("with uncommitted changes" in found.verdict["lineage"]["commit"]) is not committed
    assert (STALE in found.failed) is committed
    assert "| `train.xgboost.max_depth` | `6` | `3` |" in found.report
    assert found.verdict["metrics"][0]["base"] != found.verdict["metrics"][0]["head"]
    if committed:
        again = review(unchanged)
        assert again.ran == []
        assert again.failed == found.failed, (
            "the lock that the first review wrote hides what is committed"
        )


def fresh_clone(workspace: Workspace, target: Path) -> Workspace:
    """Return what CI has: the branch of a pull request, detached.

    Its base is `origin/main`. It has no data and no cache.
    """
    workspace.run("git", "switch", "--quiet", "main")
    workspace.run("git", "clone", "--quiet", "--no-hardlinks", ".", str(target))
    clone = Workspace(target)
    clone.run("git", "checkout", "--quiet", "--detach", "origin/change")
    clone.run("git", "branch", "--quiet", "--delete", "--force", "main")
    return clone


def test_unpushed_outputs_fail_and_are_listed_exactly(changed, tmp_path):
    clone = fresh_clone(changed, tmp_path / "clone")
    lock = (clone.path / "dvc.lock").read_bytes()
    found = review(clone)
    assert found.ran == ["train", "evaluate"], "the card is in Git"
    assert (clone.path / "dvc.lock").read_bytes() == lock
    reasons = {check["name"]: check["reason"] for check in found.verdict["checks"]}
    assert PUSHED in found.failed
    known = lockfile.parse_output_hashes(lock.decode())
    lost = ", ".join(f"{path} ({known[path]}, missing)" for path in (PREDICTIONS, MODEL))
    assert reasons[PUSHED] == f"the remote lacks {lost}: run `make push`"
    assert all(known[path] in found.report for path in (PREDICTIONS, MODEL))
    assert STALE not in found.failed
    assert found.verdict["no_base"] == ""


def test_lost_remote_file_affects_only_its_own_output(unchanged, tmp_path):
    """Check that only the output with the lost file is made again.

    DVC fetches nothing of a folder if one of its files is lost. The files that remain are needed to
    make it again.
    """
    clone = fresh_clone(unchanged, tmp_path / "clone")
    remote = clone.path / "data/remote/files/md5"
    listing = commands.read_output_hashes(clone.path)["data/features"]
    known = json.loads((remote / listing[:2] / listing[2:]).read_text())[1]["md5"]
    (remote / known[:2] / known[2:]).unlink()
    found = review(clone)
    reasons = {check["name"]: check["reason"] for check in found.verdict["checks"]}
    assert (
        reasons[PUSHED]
        == f"the remote lacks data/features/2013-10.parquet ({known}, missing): run `make push`"
    )
    assert found.ran == ["featurize"]


def test_pushed_branch_in_fresh_clone_needs_no_run(changed, tmp_path):
    changed.dvc("push", "--quiet")
    commit(changed, "pushed")
    clone = fresh_clone(changed, tmp_path / "clone")
    found = review(clone)
    assert found.ran == []
    assert not found.failed & {PUSHED, STALE}
    assert (
        found.verdict["lineage"]["base"]
        == clone.run("git", "rev-parse", "origin/main").stdout.strip()
    )
    assert clone.run("git", "status", "--porcelain").stdout == ""


def lose(workspace: Workspace, *outputs: str) -> str:
    """Remove outputs of `main` from remote and cache.

    Return the commit whose outputs are lost.
    """
    workspace.run("git", "switch", "--quiet", "main")
    hashes = lockfile.parse_output_hashes((workspace.path / "dvc.lock").read_text())
    for known in (hashes[path] for path in outputs):
        for folder in ("data/remote", ".dvc/cache"):
            (workspace.path / folder / "files" / "md5" / known[:2] / known[2:]).unlink()
    lost = commit(workspace, "lost")
    workspace.run("git", "switch", "--quiet", "change")
    return lost


def test_base_with_lost_predictions_passes_as_inconclusive(changed):
    found = review(changed, "--base", lose(changed, PREDICTIONS, MODEL))
    assert found.done.returncode == 0
    assert set(found.judged.values()) == {"inconclusive"}
    assert found.report.startswith("## ✅ Pass: within its bounds; nothing to compare with\n")
    assert "**There is no base to compare with** (commit " in found.report
    assert "The test sets differ" not in found.report
    assert found.verdict["changes"]["params"] == [["train.xgboost.max_depth", "6", "3"]]


def test_base_with_lost_model_is_compared_by_predictions(changed):
    found = review(changed, "--base", lose(changed, MODEL))
    assert found.verdict["no_base"] == ""
    assert found.verdict["cost"][0]["scoring_microseconds"] is None
    assert found.verdict["metrics"][0]["difference"] is not None


def first_of_all(workspace: Workspace) -> str:
    return workspace.run("git", "rev-list", "--max-parents=0", "HEAD").stdout.strip()


def before_the_template(workspace: Workspace) -> str:
    """A commit of a repository that knew nothing of DVC."""
    tree = workspace.run("git", "hash-object", "-t", "tree", "-w", "/dev/null").stdout.strip()
    return workspace.run("git", "commit-tree", tree, "-m", "a README alone").stdout.strip()


@pytest.mark.parametrize("base", [first_of_all, before_the_template], ids=["no lock", "no DVC"])
def test_base_without_result_passes_as_inconclusive(unchanged, base):
    found = review(unchanged, "--base", base(unchanged))
    assert found.done.returncode == 0
    assert "There is no base to compare with" in found.report
    assert set(found.judged.values()) == {"inconclusive"}


def cut(workspace: Workspace, name: str) -> None:
    damage.truncate(workspace.path / name)


def conflict(workspace: Workspace, name: str) -> None:
    path = workspace.path / name
    path.write_text(f"<<<<<<< ours\n{path.read_text()}=======\n>>>>>>> theirs\n")


@pytest.mark.parametrize(
    ("name", "how"),
    [("dvc.lock", cut), ("dvc.lock", conflict), ("params.yaml", conflict), ("dvc.yaml", conflict)],
)
def test_pull_request_can_repair_broken_base(unchanged, name, how):
    whole = (unchanged.path / name).read_bytes()
    unchanged.run("git", "switch", "--quiet", "main")
    how(unchanged, name)
    commit(unchanged, "broken")
    unchanged.run("git", "switch", "--quiet", "--create", "mend")
    (unchanged.path / name).write_bytes(whole)
    commit(unchanged, "mended")
    found = review(unchanged)
    assert found.done.returncode == 0
    assert found.ran == []


def test_base_of_another_problem_is_not_compared(unchanged):
    """Check that base is not compared if its rows have another key.

    A team that replaces the problem in the template meets this first.
    """
    unchanged.run("git", "switch", "--quiet", "main")
    whole, lock = (
        pd.read_parquet(unchanged.path / PREDICTIONS),
        (unchanged.path / "dvc.lock").read_bytes(),
    )
    whole.rename(columns={"flight": "patient"}).to_parquet(unchanged.path / PREDICTIONS)
    unchanged.dvc("commit", "--quiet", "--force", "evaluate")
    commit(unchanged, "another problem")
    unchanged.run("git", "switch", "--quiet", "--create", "flights")
    (unchanged.path / "dvc.lock").write_bytes(lock)
    unchanged.dvc("checkout", "--quiet", "--force", PREDICTIONS)
    commit(unchanged, "flights")
    found = review(unchanged)
    assert found.done.returncode == 0
    assert "There is no base to compare with" in found.report


def test_repository_with_single_commit_can_be_reviewed(unchanged):
    shutil.rmtree(unchanged.path / ".git")
    unchanged.run("git", "init", "--quiet", "--initial-branch=main")
    unchanged.run("git", "config", "user.email", "test@example.org")
    unchanged.run("git", "config", "user.name", "Test")
    commit(unchanged, "all")
    assert review(unchanged).report.startswith("## ✅ Pass: the metrics are the same\n")


def test_unknown_base_is_reported_and_leaves_no_report(unchanged):
    before = state(unchanged)
    done = start(unchanged, "--base", "nonsense")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: --base: nonsense is not a commit in this clone",
        "hint: fetch the commit with `git fetch origin`, or name another commit",
    ]
    assert not (unchanged.path / "review").exists()
    assert state(unchanged) == before


def no_yaml(workspace: Workspace) -> str:
    damage.replace_text("\nevaluate:", "\nevaluate")(workspace.path / "params.yaml")
    return "params.yaml: not valid YAML"


def an_unknown_key(workspace: Workspace) -> str:
    damage.replace_text("max_rounds:", "max_round:")(workspace.path / "params.yaml")
    return "unknown key"


def a_month_less(workspace: Workspace) -> str:
    (workspace.path / "data/raw/flights/2013-10.parquet").unlink()
    return "`dvc repro` failed"


def a_conflict(workspace: Workspace) -> str:
    conflict(workspace, "dvc.lock")
    return "dvc.lock"


@pytest.mark.parametrize("broken", [no_yaml, an_unknown_key, a_month_less, a_conflict])
def test_missing_result_replaces_earlier_report_with_cause(unchanged, broken):
    (unchanged.path / "review").mkdir()
    for name in ("report.md", "verdict.json"):
        (unchanged.path / "review" / name).write_text("{}")
    told = broken(unchanged)
    found = no_result(unchanged)
    assert told in found.verdict["error"]
    assert told.split("`")[-1] in found.report
    assert found.done.returncode == 1


def test_review_restores_truncated_lock(unchanged):
    lock = unchanged.path / "dvc.lock"
    whole = lock.read_bytes()
    lock.write_bytes(whole[: len(whole) // 2])
    assert review(unchanged).done.returncode == 0
    assert lock.read_bytes() == whole


def rebuilt(workspace: Workspace, result: str, commit_: str = "", *different: str) -> None:
    """What `make reproduce` keeps of what it found."""
    head = workspace.run("git", "rev-parse", "HEAD").stdout.strip()
    path = workspace.path / REBUILT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"commit": commit_ or head, "result": result, "different": list(different)})
    )


@pytest.mark.parametrize("required", [True, False])
def test_rebuild_mismatch_fails_only_if_policy_requires_it(unchanged, required):
    set_and_commit(unchanged, lambda params: params["review"].update(require_reproduced=required))
    rebuilt(unchanged, "differs", "", MODEL)
    found = review(unchanged)
    assert found.failed == ({REPRODUCED} if required else set())
    assert found.verdict["lineage"]["reproduced"].startswith("no: ")
    assert (MODEL in found.report.partition("### What changed")[0]) is required


def test_rebuild_of_another_commit_is_ignored(unchanged):
    rebuilt(unchanged, "differs", "f" * 40, MODEL)
    found = review(unchanged)
    assert found.failed == set()
    assert found.verdict["lineage"]["reproduced"].startswith("not tried")
