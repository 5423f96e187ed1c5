"""Test metrics of a commit or of the working tree; damaged ones are an error with a hint."""

from pathlib import Path

import pytest

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.paths import TEST_METRICS
from tarmac.registry import bundle, show
from tarmac.registry.history import Event
from tarmac.repository.metrics import read_test_metrics
from tests.commits import run, work_in

CONFLICT = '<<<<<<< HEAD\n{"roc_auc": 0.7}\n=======\n{"roc_auc": 0.8}\n>>>>>>> other\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = work_in(tmp_path / "clone", monkeypatch)
    run("init", "--quiet", "--initial-branch=main")
    run("commit", "--quiet", "--allow-empty", "--message", "start")
    return here


def write_metrics(text: str, commit: bool = False) -> None:
    TEST_METRICS.parent.mkdir(parents=True, exist_ok=True)
    TEST_METRICS.write_text(text)
    if commit:
        run("add", "--all")
        run("commit", "--quiet", "--message", "metrics")


def test_reads_metrics_of_commit_and_of_working_tree():
    assert read_test_metrics() == read_test_metrics("HEAD") == {}
    write_metrics('{"roc_auc": 0.7}', commit=True)
    write_metrics('{"roc_auc": 0.8}')
    assert (read_test_metrics("HEAD"), read_test_metrics()) == ({"roc_auc": 0.7}, {"roc_auc": 0.8})


@pytest.mark.parametrize("text", [CONFLICT, "[1]", "{"], ids=["conflict", "list", "cut"])
def test_rejects_damaged_metrics_with_hint(text):
    write_metrics(text)
    with pytest.raises(UserError, match=rf"^{TEST_METRICS} of the working tree ") as caught:
        read_test_metrics()
    assert caught.value.hint == f"restore it with `git restore --source=HEAD {TEST_METRICS}`"
    write_metrics(text, commit=True)
    with pytest.raises(UserError, match=rf"^{TEST_METRICS} of commit HEAD ") as caught:
        read_test_metrics("HEAD")
    assert f"`git restore --source=COMMIT {TEST_METRICS}`" in caught.value.hint


def test_registry_and_bundle_reject_merge_conflict_in_metrics():
    write_metrics(CONFLICT, commit=True)
    version = Event(
        "registration", "v0.0.1", None, "HEAD", "model@v0.0.1", "2026-01-01T00:00:00+00:00", "A", ""
    )
    with pytest.raises(UserError, match="of commit HEAD cannot be read"):
        show.describe_version(version, {})
    with pytest.raises(UserError, match="of the working tree cannot be read"):
        bundle._describe_workspace()
