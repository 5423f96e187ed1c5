"""Provenance: whether a result is committed, pushed and reproduced.

The hashes that identify it are part of it.
"""

import hashlib
from pathlib import Path

import pytest
import yaml

from tarmac.repository.dvc.lockfile import compute_code_hash, parse_stages
from tarmac.review.provenance import SAID, Provenance, build_lineage, evaluate_provenance
from tarmac.review.result_folder import ResultFolder
from tests.commits import commit, run, work_in

FOUND = Provenance([], [], "not tried", [])
PUSHED, UP_TO_DATE, REPRODUCED = "outputs are pushed", "dvc.lock is up to date", "reproduced"


def lock(depth: int = 6, model: str = "a", code: str = "c", **deps: str) -> str:
    """The text of a lock of two stages that depend on some code, data and the environment."""
    paths = {"src/a.py": code, "data/raw": "d.dir", "requirements/stages.txt": "e", **deps}
    stage = {
        "cmd": "train",
        "deps": [{"path": path, "md5": md5, "size": 1} for path, md5 in paths.items()],
        "params": {"params.yaml": {"train.depth": depth}},
        "outs": [
            {"path": "metrics/m.json", "md5": "m", "size": 1},
            {"path": "models/model.onnx", "md5": model, "size": 1},
        ],
    }
    other = {"cmd": "judge", "deps": [{"path": "src/b.py", "md5": "b", "size": 1}], "outs": []}
    return yaml.safe_dump(
        {"schema": "2.0", "stages": {"train": stage, "evaluate": other}}, sort_keys=False
    )


PIPELINE = (
    "stages: {train: {cmd: x, deps: [src/a.py, data/raw], params: [train], "
    "outs: [models/model.onnx]}}\n"
)
COMMITTED = {
    "params_yaml": "train: {depth: 6}\n",
    "dvc_yaml": PIPELINE,
    "src__a_py": "1",
    "metrics__m_json": "{}",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a committed result."""
    folder = work_in(tmp_path / "clone", monkeypatch)
    run("init", "--quiet", "--initial-branch=main")
    commit(**COMMITTED, dvc_lock=lock())
    return folder


def names(found: Provenance = FOUND, require_reproduced: bool = True) -> dict[str, str]:
    return {check.name: check.outcome for check in evaluate_provenance(found, require_reproduced)}


def test_committed_pushed_and_current_result_has_no_failure(here):
    assert names() == {}
    assert names(Provenance(["train"], [], "not tried", [])) == {}, (
        "the cache was lost, and the same was made again"
    )


@pytest.mark.parametrize(
    "made",
    [lock(model="b"), lock(depth=8), lock(code="z")],
    ids=["another model", "a parameter that changed nothing", "code that changed nothing"],
)
def test_committed_lock_must_equal_lock_written_by_run(here, made):
    Path("dvc.lock").write_text(made)
    assert names() == {UP_TO_DATE: "fail"}
    commit()
    assert names() == {}


@pytest.mark.parametrize("name", ["metrics/m.json", "metrics/new.json", "models/card.md"])
def test_committed_outputs_must_equal_those_written_by_run(here, name):
    """Check that outputs are committed together with the lock.

    A run writes both; with only one of them committed, the figures belong to no model.
    """
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text("other")
    assert names() == {UP_TO_DATE: "fail"}


def test_commit_without_lock_is_not_up_to_date(here):
    run("rm", "--quiet", "--cached", "dvc.lock")
    run("commit", "--quiet", "--message", "no result")
    assert names() == {UP_TO_DATE: "fail"}


@pytest.mark.parametrize(
    "name", ["params.yaml", "dvc.yaml", "src/a.py", "src/new.py", "data/raw.dvc"]
)
def test_accepts_uncommitted_lock_with_uncommitted_inputs(here, name):
    Path("dvc.lock").write_text(lock(model="b"))
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(
        "stages: {train: {cmd: y, deps: [src]}}\n" if name == "dvc.yaml" else "new"
    )
    if name == "src/new.py":
        Path("dvc.yaml").write_text(PIPELINE.replace("src/a.py", "src"))
        run("commit", "--quiet", "--message", "all of src", "dvc.yaml")
    assert names() == {}


@pytest.mark.parametrize(
    "name", ["notes.txt", ".cache/pip/x", "report/report.md", "junit.xml", "README.md"]
)
def test_stale_lock_fails_despite_changes_no_stage_reads(here, name):
    Path("dvc.lock").write_text(lock(model="b"))
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("left by CI")
    assert names() == {UP_TO_DATE: "fail"}


def test_stale_lock_failure_names_run_stages_and_remedy(here):
    Path("dvc.lock").write_text(lock(model="b"))
    (check,) = evaluate_provenance(
        Provenance(["train", "evaluate"], [], "not tried", []), require_reproduced=True
    )
    assert (check.kind, check.outcome) == ("lineage", "fail")
    assert "ran train, evaluate" in check.reason
    assert "make run" in check.reason


def test_outputs_missing_on_remote_fail_and_are_named(here):
    (check,) = evaluate_provenance(
        Provenance([], ["data/features", "models/model.onnx"], "not tried", []),
        require_reproduced=True,
    )
    assert (check.kind, check.name, check.outcome) == ("lineage", PUSHED, "fail")
    assert check.reason == "the remote lacks data/features, models/model.onnx: run `make push`"


def test_long_list_of_missing_outputs_is_shortened(here):
    (check,) = evaluate_provenance(
        Provenance([], [f"object {number}" for number in range(1000)], "not tried", []), False
    )
    assert "object 19 and 980 others: " in check.reason


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    ("rebuild", "outcome"),
    [("identical", "pass"), ("differs", "fail"), ("failed", "fail"), ("not tried", None)],
)
def test_failed_or_different_rebuild_fails_only_if_required(here, rebuild, outcome, required):
    found = Provenance([], [], rebuild, [])
    wanted = outcome if required or outcome == "pass" else None
    assert names(found, required) == ({REPRODUCED: wanted} if wanted else {})


def test_names_outputs_that_differ_in_the_rebuild(here):
    (check,) = evaluate_provenance(
        Provenance([], [], "differs", ["data/features", "dvc.lock"]), require_reproduced=True
    )
    assert check.reason == f"{SAID['differs']} in data/features, dvc.lock"
    (check,) = evaluate_provenance(Provenance([], [], "failed", []), require_reproduced=True)
    assert check.reason == SAID["failed"]


def test_reports_all_failures_together(here):
    Path("dvc.lock").write_text(lock(model="b"))
    found = Provenance(["train"], ["data/features"], "differs", ["dvc.lock"])
    assert names(found) == dict.fromkeys((PUSHED, UP_TO_DATE, REPRODUCED), "fail")


def head(**hashes: str) -> ResultFolder:
    return ResultFolder(Path(), run("rev-parse", "HEAD"), hashes, frozenset())


def test_lineage_reports_every_hash_the_rebuild_and_its_stages(here):
    result = head(**{"data/raw": "d.dir", "models/model.onnx": "a"})
    assert build_lineage(
        "b" * 40, result, Provenance(["train", "evaluate"], [], "identical", [])
    ) == {
        "commit": result.commit,
        "base": "b" * 40,
        "raw data": "d.dir",
        "code": compute_code_hash(parse_stages(lock()).values()),
        "environment": "e",
        "dvc.lock": hashlib.md5(Path("dvc.lock").read_bytes()).hexdigest(),
        "model": "a",
        "reproduced": SAID["identical"],
        "run for this review": "train, evaluate",
    }


def test_lineage_reports_none_for_missing_parts(here):
    Path("dvc.lock").unlink()
    found = build_lineage(None, head(), FOUND)
    nothing = ("base", "raw data", "environment", "model")
    assert {name: found[name] for name in nothing} == dict.fromkeys(nothing, "none")
    assert found["reproduced"] == SAID["not tried"]
    assert found["run for this review"] == "nothing: every stage was up to date"


@pytest.mark.parametrize("name", ["src/a.py", "new.txt"])
def test_lineage_marks_commit_with_uncommitted_changes(here, name):
    Path(name).write_text("new")
    assert (
        build_lineage(None, head(), FOUND)["commit"]
        == f"{run('rev-parse', 'HEAD')} with uncommitted changes"
    )


def test_lineage_ignores_lock_rewritten_by_the_review(here):
    Path("dvc.lock").write_text(lock(model="b"))
    assert build_lineage(None, head(), FOUND)["commit"] == run("rev-parse", "HEAD")


def test_repository_without_commits_can_be_reviewed(tmp_path, monkeypatch):
    """The first thing that someone may do with the template is to run it and ask for a review."""
    work_in(tmp_path / "new", monkeypatch)
    run("init", "--quiet", "--initial-branch=main")
    Path("dvc.lock").write_text(lock())
    assert names() == {}
    assert (
        build_lineage(None, ResultFolder(Path(), "not committed yet", {}, frozenset()), FOUND)[
            "base"
        ]
        == "none"
    )


def test_lineage_lists_every_environment_of_the_stages(here):
    text = yaml.safe_load(lock())
    text["stages"]["evaluate"]["deps"].append(
        {"path": "requirements/stages.txt", "md5": "older", "size": 1}
    )
    Path("dvc.lock").write_text(yaml.safe_dump(text))
    assert build_lineage(None, head(), FOUND)["environment"] == "e, older"
