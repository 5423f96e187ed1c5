"""A push succeeds only when the remote holds every object, whatever DVC assumes to be there."""

from pathlib import Path

import pytest

from tarmac.repository.dvc import commands, object_store
from tarmac.repository.remote import commit_outputs, push
from tests import small
from tests.conftest import Workspace


def assert_a_colleague_gets_it(repository: Workspace, target: Path) -> None:
    """A fresh clone with an empty cache ends with the same bytes."""
    small.commit(repository)
    colleague = small.clone(repository, target)
    colleague.dvc("pull", "--quiet")
    for name in (small.MODEL, f"{small.MADE}/a", f"{small.RAW}/1.txt"):
        assert (colleague.path / name).read_bytes() == Path(name).read_bytes()


def test_push_sends_every_object_and_reports_counts(repository, tmp_path):
    small.change(repository)
    assert push.push_outputs() == (
        "the remote holds all 5 objects that are named here, 4 of them new; "
        "commit data/remote with dvc.lock"
    )
    assert_a_colleague_gets_it(repository, tmp_path / "colleague")
    assert (
        push.push_outputs() == "the remote holds all 5 objects that are named here, 0 of them new"
    )


def test_push_sends_files_missing_behind_existing_listing(repository, tmp_path):
    """DVC takes the listing as proof: it says that everything is up to date."""
    small.in_remote(repository, small.md5("raw 2")).unlink()
    assert "up to date" in repository.dvc("push").stdout, "DVC sends it by now: the cure can go"
    push.push_outputs()
    assert_a_colleague_gets_it(repository, tmp_path / "colleague")


def test_push_replaces_damaged_cached_object_before_sending(repository, tmp_path):
    small.change(repository)
    oid = small.md5(Path(small.MODEL).read_bytes())
    small.flip(small.in_cache(repository, oid))
    push.push_outputs()
    assert small.in_remote(repository, oid).read_bytes() == Path(small.MODEL).read_bytes()
    assert_a_colleague_gets_it(repository, tmp_path / "colleague")


def test_push_refuses_and_names_object_without_good_copy(repository):
    small.change(repository)
    oid = small.md5(Path(small.MODEL).read_bytes())
    small.flip(small.in_cache(repository, oid))
    Path(small.MODEL).write_text("someone's own")
    with pytest.raises(
        push.PushError, match=rf"{small.MODEL}  {oid}  missing in the cache and in the remote"
    ):
        push.push_outputs()
    assert not small.in_remote(repository, oid).exists()


def test_push_reports_file_truncated_in_remote(repository):
    oid = small.md5("raw 2")
    small.cut(small.in_remote(repository, oid))
    with pytest.raises(
        push.PushError, match=rf"raw/sub/2.txt  {oid}  {object_store.OTHER}"
    ) as caught:
        push.push_outputs()
    assert "make fsck REPAIR=1" in caught.value.hint


def test_clone_with_empty_cache_can_push(repository, tmp_path):
    colleague = small.clone(repository, tmp_path / "colleague")
    assert (
        push.push_outputs(colleague.path)
        == "the remote holds all 5 objects that are named here, 0 of them new"
    )


def test_push_sends_objects_to_named_remote(repository, tmp_path):
    repository.dvc("remote", "add", "--local", "other", str(tmp_path / "other"))
    assert "5 of them new" in push.push_outputs(name="other")
    with object_store.open_remote("other") as other:
        assert (
            object_store.find_faults(other, commit_outputs.list_commit_outputs(), read=True) == []
        )


def test_push_to_unknown_remote_raises_remote_error(repository):
    with pytest.raises(object_store.RemoteError, match="nowhere"):
        push.push_outputs(name="nowhere")


@pytest.mark.parametrize(("ignored", "inside"), [(False, Path("data/remote")), (True, None)])
def test_folder_in_clone_is_embedded_unless_ignored_by_git(repository, ignored, inside):
    if ignored:
        repository.run("git", "rm", "-r", "--quiet", "--cached", "data/remote")
        Path(".gitignore").write_text("/data/remote\n")
    with object_store.open_remote() as remote:
        assert push.find_embedded_remote(remote) == inside


def test_folder_outside_clone_is_not_embedded(repository, tmp_path):
    repository.dvc("remote", "add", "--local", "other", str(tmp_path / "other"))
    with object_store.open_remote("other") as remote:
        assert push.find_embedded_remote(remote) is None


def test_clears_lock_that_killed_dvc_left_empty(repository):
    lock = Path(commands.LOCKS[0])
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    small.change(repository)
    lock.write_text("")
    assert "4 of them new" in push.push_outputs()
    assert not lock.exists() or lock.read_text()


def test_reads_only_listings_from_remote(repository, monkeypatch):
    """What was there already is not fetched and hashed again with every push."""
    with object_store.open_remote() as remote:
        file_system, place = type(remote.fs), Path(remote.path)
    opened, plain = [], file_system.open

    def open_and_note(self: object, path: str, *arguments: object, **options: object) -> object:
        opened.append(Path(path))
        return plain(self, path, *arguments, **options)

    monkeypatch.setattr(file_system, "open", open_and_note)
    push.push_outputs()
    read = [path for path in opened if place in path.parents]
    assert read
    assert [path for path in read if path.suffix != ".dir"] == []
