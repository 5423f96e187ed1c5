"""The files that bind a study to a commit."""

import subprocess

import pytest

from tarmac.sweep.facts import PipelineFileError, UncommittedError, require_committed_files

PIPELINE = "stages:\n  train:\n    deps: [src]\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A Git repository of a pipeline with one commit, as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], check=True)
    return tmp_path


@pytest.mark.parametrize(
    "content",
    [b"stages: [", b"- stages\n", b"", b"day: 2013-13-45\n", b"stages: \xff\n"],
    ids=["open bracket", "no mapping", "empty", "impossible date", "no UTF-8"],
)
def test_broken_pipeline_error_names_file_and_its_repair(repository, content):
    (repository / "dvc.yaml").write_bytes(content)
    with pytest.raises(PipelineFileError, match=r"^dvc\.yaml: ") as caught:
        require_committed_files()
    assert "\n" not in str(caught.value)
    assert caught.value.hint == "correct it, or restore it: `git restore dvc.yaml`"


def test_missing_pipeline_is_user_error(repository):
    (repository / "dvc.yaml").unlink()
    with pytest.raises(PipelineFileError, match=r"^dvc\.yaml: "):
        require_committed_files()


def test_uncommitted_error_lists_files_that_stages_read(repository):
    require_committed_files()
    (repository / "notes.txt").write_text("read by no stage")
    require_committed_files()
    (repository / "src").mkdir()
    (repository / "src/code.py").write_text("")
    (repository / "dvc.yaml").write_text(PIPELINE + "# changed\n")
    with pytest.raises(UncommittedError) as caught:
        require_committed_files()
    assert str(caught.value).splitlines()[1:] == ["  src/code.py", "  dvc.yaml"]
