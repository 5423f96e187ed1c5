"""fsck finds every missing or damaged object of a remote, and repairs it only from a good copy."""

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tarmac.interface.errors import format_error
from tarmac.repository.dvc import object_store
from tarmac.repository.remote import commit_outputs, fsck, push
from tests import small

RAW_2 = f"{small.RAW}/sub/2.txt"


def lines(error: pytest.ExceptionInfo[fsck.FsckError]) -> list[str]:
    return str(error.value).splitlines()


def test_whole_remote_has_no_faults_and_is_counted_exactly(repository):
    size = sum(small.in_remote(repository, oid).stat().st_size for oid in everything())
    assert re.fullmatch(rf"5 objects, {size / 1e6:.1f} MB, \d+\.\d s, 0 faults", fsck.run_fsck())


def everything() -> set[str]:
    named = commit_outputs.list_commit_outputs()
    return {*named.values(), *(small.md5(text) for text in (*small.FILES.values(), "raw 1raw 2"))}


@pytest.mark.parametrize(
    "damage", [small.flip, small.cut, Path.unlink], ids=["flip", "cut", "gone"]
)
@pytest.mark.parametrize("part", ["file", "child", "listing"])
def test_reports_damaged_or_missing_object_and_repairs_it(repository, part, damage, capsys):
    named = commit_outputs.list_commit_outputs()
    oid = {"file": named[small.MODEL], "child": small.md5("raw 2"), "listing": named[small.RAW]}[
        part
    ]
    damage(small.in_remote(repository, oid))
    with pytest.raises(fsck.FsckError) as caught:
        fsck.run_fsck()
    path = {"file": small.MODEL, "child": RAW_2, "listing": small.RAW}[part]
    kind = object_store.MISSING if damage is Path.unlink else object_store.OTHER
    assert f"{path}  {oid}  {kind}" in lines(caught)
    assert "make fsck REPAIR=1" in caught.value.hint
    assert fsck.run_fsck(repair=True).endswith(" 0 faults")
    assert f"repaired  {path}" in capsys.readouterr().out
    assert fsck.run_fsck().endswith(" 0 faults")


def test_repairs_missing_listing_together_with_its_missing_file(repository):
    for oid in (commit_outputs.list_commit_outputs()[small.RAW], small.md5("raw 2")):
        small.in_remote(repository, oid).unlink()
    assert fsck.run_fsck(repair=True).endswith(" 0 faults")


@pytest.mark.parametrize("cached", ["gone", "damaged"])
def test_keeps_damaged_object_if_cache_has_no_good_copy(repository, cached):
    oid = commit_outputs.list_commit_outputs()[small.MODEL]
    small.flip(small.in_remote(repository, oid))
    before = small.in_remote(repository, oid).read_bytes()
    copy = small.in_cache(repository, oid)
    copy.unlink() if cached == "gone" else small.flip(copy)
    with pytest.raises(fsck.FsckError, match="the cache has no good copy") as caught:
        fsck.run_fsck(repair=True)
    assert lines(caught)[0] == f"{small.MODEL}  {oid}  {object_store.OTHER}"
    assert small.in_remote(repository, oid).read_bytes() == before, (
        "what may be of use is not deleted for nothing"
    )


def test_checks_older_commits_when_requested(repository):
    small.change(repository)
    repository.dvc("push", "--quiet")
    small.commit(repository)
    oid = small.md5("raw 1")  # only the first commit names it
    small.in_remote(repository, oid).unlink()
    assert fsck.run_fsck().endswith(" 0 faults")
    with pytest.raises(fsck.FsckError) as caught:
        fsck.run_fsck("HEAD~1")
    assert {line.split("  ")[0] for line in lines(caught)[:-1]} == {
        f"{small.RAW}/1.txt",
        f"{small.MADE}/a",
    }
    with pytest.raises(fsck.FsckError) as caught:
        fsck.run_fsck(every=True)
    first = repository.run("git", "rev-parse", "HEAD~1").stdout[:7]
    assert f"{first}:{small.RAW}/1.txt  {oid}  missing" in lines(caught)


def test_every_covers_commits_of_other_branches_and_tags(repository):
    repository.run("git", "checkout", "--quiet", "-b", "other")
    small.change(repository)
    small.commit(repository)  # not pushed
    repository.run("git", "tag", "release")
    repository.run("git", "checkout", "--quiet", "main")
    assert fsck.run_fsck().endswith(" 0 faults")
    for _ in range(2):
        with pytest.raises(fsck.FsckError, match="missing"):
            fsck.run_fsck(every=True)
        # The tag still leads to it.
        repository.run("git", "branch", "--quiet", "-D", "other", check=False)


def test_reports_commit_with_conflict_in_lock_and_continues(repository):
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text("<<<<<<< ours\n")
    broken = small.commit(repository)
    Path("dvc.lock").write_text(lock)
    small.commit(repository)
    with pytest.raises(
        fsck.FsckError,
        match=f"{broken[:7]}: dvc.lock of commit {broken[:7]} has a merge conflict",
    ) as caught:
        fsck.run_fsck(every=True)
    assert len(lines(caught)) == 2


@pytest.fixture
def web(repository):
    """Serve the remote by a web server, with credentials in its URL.

    Yield the server, which a test may close.
    """
    handler = partial(SimpleHTTPRequestHandler, directory="data/remote")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        repository.dvc(
            "remote", "add", "--local", "web", f"http://me:canary@127.0.0.1:{server.server_port}"
        )
        yield server
        server.shutdown()


def test_reports_unreachable_server_without_password(repository, web):
    assert fsck.run_fsck(name="web").endswith(" 0 faults")
    small.in_remote(repository, small.md5("raw 2")).unlink()
    with pytest.raises(fsck.FsckError, match=rf"{RAW_2}  \w+  missing"):
        fsck.run_fsck(name="web")
    web.server_close()
    for ask in (fsck.run_fsck, push.push_outputs):
        with pytest.raises(
            object_store.RemoteError, match=r"cannot be accessed: .*connect"
        ) as caught:
            ask(name="web")
        assert "canary" not in format_error(caught.value)


def test_rejects_unknown_commit(repository):
    with pytest.raises(fsck.FsckError, match="v9: no such commit"):
        fsck.run_fsck("v9")
