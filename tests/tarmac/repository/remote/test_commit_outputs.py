"""The objects that a commit names: all that a pull needs from the remote, and nothing else."""

from pathlib import Path

import pytest

from tarmac.repository.dvc import object_store
from tarmac.repository.dvc.errors import StoreError
from tarmac.repository.remote import commit_outputs
from tests import small


def test_commit_names_exactly_what_dvc_pushes(repository):
    named = commit_outputs.list_commit_outputs("HEAD")
    assert named.keys() == {small.MADE, small.MODEL, small.RAW}, "m.json is in Git"
    assert named[small.MODEL] == small.md5("raw 1raw 2")
    with object_store.open_remote() as remote:
        assert object_store.find_faults(remote, named, read=True) == []


def test_distinguishes_commit_from_working_tree(repository):
    before = commit_outputs.list_commit_outputs("HEAD")
    small.change(repository)
    here = commit_outputs.list_commit_outputs()
    assert commit_outputs.list_commit_outputs("HEAD") == before
    assert {path for path in here if here[path] != before[path]} == {
        small.MADE,
        small.MODEL,
        small.RAW,
    }
    small.commit(repository)
    assert commit_outputs.list_commit_outputs("HEAD") == here


def test_includes_pointer_outside_data_before_and_after_commit(repository):
    Path("models").mkdir()
    Path("models/extra.txt").write_text("extra")
    repository.dvc("add", "--quiet", "models/extra.txt")
    assert commit_outputs.list_commit_outputs()["models/extra.txt"] == small.md5("extra")
    small.commit(repository)
    assert commit_outputs.list_commit_outputs("HEAD")["models/extra.txt"] == small.md5("extra")


def test_omits_outputs_marked_push_false(repository):
    pipeline = Path("dvc.yaml")
    pipeline.write_text(pipeline.read_text().replace("model.bin]", "model.bin: {push: false}]"))
    pointer = Path("data/raw.dvc")
    pointer.write_text(pointer.read_text().replace("  path: raw", "  path: raw\n  push: false"))
    assert commit_outputs.list_commit_outputs().keys() == {small.MADE}


@pytest.mark.parametrize("name", ["dvc.lock", "dvc.yaml", "data/raw.dvc"])
def test_merge_conflict_raises_error_naming_file(repository, name):
    Path(name).write_text("<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n")
    with pytest.raises(StoreError, match=Path(name).name):
        commit_outputs.list_commit_outputs()


def test_commit_without_dvc_names_no_objects(repository):
    repository.run("git", "checkout", "--quiet", "--orphan", "empty")
    repository.run("git", "rm", "-r", "--quiet", "--cached", ".")
    repository.run("git", "commit", "--quiet", "--allow-empty", "--message", "nothing")
    assert commit_outputs.list_commit_outputs("HEAD") == {}
