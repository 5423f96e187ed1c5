"""Known defects of DVC, each shown with plain `dvc`, and how Tarmac guards against it.

A test that fails at its first half says that DVC is fixed, and that the guard can go.
"""

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository import reproduce
from tarmac.repository.dvc import commands, object_store
from tarmac.repository.dvc.errors import StoreError
from tarmac.repository.remote import commit_outputs, fsck, hook, push
from tests import small
from tests.conftest import Workspace

pytestmark = pytest.mark.kill

FIXED = "DVC is fixed: the guard can go"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small.make(tmp_path_factory.mktemp("faults") / "repository")


@pytest.fixture
def repository(template: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "repository-site"))
    shutil.copytree(template.path, tmp_path / "repository", symlinks=True)
    monkeypatch.chdir(tmp_path / "repository")
    return Workspace(tmp_path / "repository")


def here(repository: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A fresh clone to work in: a colleague's."""
    clone = small.clone(repository, target)
    monkeypatch.chdir(clone.path)
    return clone


def test_pull_requires_verify_and_rejects_wrong_bytes(repository, tmp_path, monkeypatch):
    """Without `verify`, which is not DVC's default, nothing is hashed on the way."""
    small.flip(small.in_remote(repository, small.md5("raw 2")))
    repository.dvc("config", "--local", "remote.embedded.verify", "false")
    shutil.rmtree(".dvc/cache")
    shutil.rmtree("data/raw")
    assert repository.dvc("pull", "data/raw.dvc").returncode == 0, FIXED
    assert Path("data/raw/sub/2.txt").read_text() != "raw 2", FIXED
    assert "up to date" in repository.dvc("status", "data/raw.dvc").stdout, FIXED
    with pytest.raises(StoreError, match="verify") as caught:
        commands.pull_outputs()
    assert "verify true" in caught.value.hint
    repository.dvc("config", "--local", "--unset", "remote.embedded.verify")
    shutil.rmtree("data/raw")
    with pytest.raises(StoreError, match="data/raw"):
        commands.pull_outputs()
    assert not Path("data/raw").exists()


def test_pull_and_fsck_reject_altered_directory_listing(repository):
    """A folder of other files than the commit names is laid out, and the pull ends well."""
    good = small.put(repository, "planted")
    listing = commands.read_output_hashes()[small.RAW]
    small.plant(repository, [{"md5": good, "relpath": "other.txt"}], oid=listing)
    for path in (Path(".dvc/cache"), Path(small.RAW)):
        shutil.rmtree(path)
    assert repository.dvc("pull", "data/raw.dvc").returncode == 0, FIXED
    assert Path("data/raw/other.txt").read_text() == "planted", FIXED
    shutil.rmtree(small.RAW)
    with pytest.raises(StoreError, match=f"data/raw: {object_store.OTHER}"):
        commands.pull_outputs("data/raw.dvc")
    assert not Path(small.RAW).exists()
    with pytest.raises(fsck.FsckError, match=f"data/raw  {listing}  {object_store.OTHER}"):
        fsck.run_fsck()


def test_push_sends_objects_that_killed_push_left_out(repository, tmp_path, monkeypatch):
    small.change(repository)
    small.kill_push(repository)
    assert "1 file pushed" in repository.dvc("push").stdout, FIXED
    fresh = {"DVC_SITE_CACHE_DIR": str(tmp_path / "fresh")}
    for _ in range(2):  # the second says that everything is up to date
        pushed = repository.run("dvc", "push", env=fresh).stdout
    assert "up to date" in pushed
    with object_store.open_remote() as remote:
        assert object_store.find_faults(remote, commit_outputs.list_commit_outputs(), read=False), (
            FIXED
        )
    push.push_outputs()
    small.commit(repository)
    here(repository, tmp_path / "colleague", monkeypatch)
    commands.pull_outputs()


def test_pull_fetches_objects_that_killed_pull_left_out(repository, tmp_path, monkeypatch):
    clone = here(repository, tmp_path / "colleague", monkeypatch)
    small.kill_pull(clone)
    assert clone.dvc("pull", check=False).returncode, FIXED
    another = here(repository, tmp_path / "another", monkeypatch)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", another.environment["DVC_SITE_CACHE_DIR"])
    small.kill_pull(another, *commands.read_output_hashes())
    commands.pull_outputs()
    assert {
        path: compute_dvc_hash(Path(path)) for path in commands.read_output_hashes()
    } == commands.read_output_hashes()


def test_hook_and_push_check_every_file_of_listing(repository):
    small.in_remote(repository, small.md5("raw 2")).unlink()
    assert "up to date" in repository.dvc("push").stdout, FIXED
    assert "in sync" in repository.dvc("status", "--cloud").stdout, FIXED
    with pytest.raises(hook.UnpushedError, match=r"raw/sub/2\.txt"):
        hook.check_pushed_commits(
            [f"refs/heads/main {small.commit(repository)} refs/heads/main {'0' * 40}"]
        )
    push.push_outputs()
    assert small.in_remote(repository, small.md5("raw 2")).read_text() == "raw 2"


def test_fsck_repairs_damaged_remote_object(repository):
    oid = commit_outputs.list_commit_outputs()[small.MODEL]
    small.flip(small.in_remote(repository, oid))
    assert "up to date" in repository.dvc("push").stdout, FIXED
    assert "in sync" in repository.dvc("status", "--cloud").stdout, FIXED
    assert fsck.run_fsck(repair=True).endswith(" 0 faults")
    assert small.in_remote(repository, oid).read_bytes() == Path(small.MODEL).read_bytes()


def test_push_sends_correct_bytes_when_cache_is_damaged(repository):
    small.change(repository)
    oid = commit_outputs.list_commit_outputs()[small.MODEL]
    small.flip(small.in_cache(repository, oid))
    repository.dvc("push")
    assert small.md5(small.in_remote(repository, oid).read_bytes()) != oid, FIXED
    with pytest.raises(fsck.FsckError, match="no good copy"):
        fsck.run_fsck(small.commit(repository), repair=True)
    small.in_remote(repository, oid).unlink()
    push.push_outputs()
    assert small.md5(small.in_remote(repository, oid).read_bytes()) == oid


def test_repro_never_uses_damaged_cache_object(repository):
    """DVC restores what it has run before from its cache, and the next stage reads it."""
    text = (
        Path("dvc.yaml").read_text()
        + "  use:\n    cmd: cp model.bin copy.bin\n    deps: [model.bin]\n"
    )
    Path("dvc.yaml").write_text(f"{text}    outs: [copy.bin]\n")
    small.flip(small.in_cache(repository, commit_outputs.list_commit_outputs()[small.MODEL]))
    shutil.copytree(repository.path, repository.path.parent / "plain", symlinks=True)
    plain = Workspace(repository.path.parent / "plain")
    (plain.path / small.MODEL).unlink()
    plain.dvc("repro")
    assert (plain.path / "copy.bin").read_text() != "raw 1raw 2", FIXED
    assert plain.dvc("status", "--quiet", check=False).returncode == 0, FIXED
    Path(small.MODEL).unlink()
    reproduce.run_dvc_repro(Path())
    assert Path("copy.bin").read_text() == Path(small.MODEL).read_text() == "raw 1raw 2"


def test_commands_recover_from_emptied_rwlock(repository):
    lock = Path(commands.LOCKS[0])
    script = (
        "import os, signal, dvc.rwlock\n"
        "dvc.rwlock.json.dump = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from dvc.cli import main\n"
        "main(['repro', '--force'])\n"
    )
    repository.run(sys.executable, "-c", script, check=False)
    assert lock.read_text() == "", FIXED
    done = repository.dvc("repro", check=False)
    assert done.returncode != 0, FIXED
    assert "corrupted" in done.stderr
    for cured in (
        commands.pull_outputs,
        push.push_outputs,
        lambda: reproduce.run_dvc_repro(Path()),
    ):
        lock.write_text("")
        cured()


def test_handwritten_gitignore_lines_survive_failed_run(repository):
    """They are written by hand beforehand: then DVC has none to add, and none to take back."""
    ignored = Path(".gitignore").read_text()
    stages = yaml.safe_load(Path("dvc.yaml").read_text())
    stages["stages"]["fail"] = {"cmd": "false", "deps": [small.MODEL], "outs": ["never.bin"]}
    Path("dvc.yaml").write_text(yaml.safe_dump(stages))
    small.write(repository, {"raw/1.txt": "again"})
    Path(".gitignore").write_text("")
    assert repository.dvc("repro", check=False).returncode != 0
    untracked = repository.run("git", "status", "--porcelain").stdout
    assert f"?? {small.MODEL}" in untracked, FIXED
    Path(".gitignore").write_text(ignored)
    assert repository.dvc("repro", check=False).returncode != 0
    assert f"?? {small.MODEL}" not in repository.run("git", "status", "--porcelain").stdout


def test_pull_fetches_both_pointer_and_path(repository, tmp_path, monkeypatch):
    clone = here(repository, tmp_path / "colleague", monkeypatch)
    plain = clone.dvc("pull", "data/raw.dvc", small.MODEL, check=False)
    assert not Path(small.MODEL).exists(), FIXED
    assert plain.returncode == 0
    commands.pull_outputs("data/raw.dvc", small.MODEL)
    assert Path(small.MODEL).read_text() == "raw 1raw 2"
