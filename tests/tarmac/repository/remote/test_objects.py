"""The objects that a commit names: all that a pull needs from the remote, and nothing else."""

from pathlib import Path

import pytest

from tarmac.repository.dvc import commands, object_store
from tarmac.repository.remote import objects
from tests import small


def test_commit_names_exactly_what_dvc_pushes(repository):
    named = objects.named("HEAD")
    assert named.keys() == {small.MADE, small.MODEL, small.RAW}, "m.json is in Git"
    assert named[small.MODEL] == small.md5("raw 1raw 2")
    with object_store.opened() as remote:
        assert object_store.faults(remote, named, read=True) == []


def test_distinguishes_commit_from_working_tree(repository):
    before = objects.named("HEAD")
    small.change(repository)
    here = objects.named()
    assert objects.named("HEAD") == before
    assert {path for path in here if here[path] != before[path]} == {small.MADE, small.MODEL, small.RAW}
    small.commit(repository)
    assert objects.named("HEAD") == here


def test_includes_pointer_outside_data_before_and_after_commit(repository):
    Path("models").mkdir()
    Path("models/extra.txt").write_text("extra")
    repository.dvc("add", "--quiet", "models/extra.txt")
    assert objects.named()["models/extra.txt"] == small.md5("extra")
    small.commit(repository)
    assert objects.named("HEAD")["models/extra.txt"] == small.md5("extra")


def test_omits_outputs_marked_push_false(repository):
    pipeline = Path("dvc.yaml")
    pipeline.write_text(pipeline.read_text().replace("model.bin]", "model.bin: {push: false}]"))
    pointer = Path("data/raw.dvc")
    pointer.write_text(pointer.read_text().replace("  path: raw", "  path: raw\n  push: false"))
    assert objects.named().keys() == {small.MADE}


@pytest.mark.parametrize("name", ["dvc.lock", "dvc.yaml", "data/raw.dvc"])
def test_merge_conflict_raises_error_naming_file(repository, name):
    Path(name).write_text("<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n")
    with pytest.raises(commands.StoreError, match=Path(name).name):
        objects.named()


def test_commit_without_dvc_names_no_objects(repository):
    repository.run("git", "checkout", "--quiet", "--orphan", "empty")
    repository.run("git", "rm", "-r", "--quiet", "--cached", ".")
    repository.run("git", "commit", "--quiet", "--allow-empty", "--message", "nothing")
    assert objects.named("HEAD") == {}
