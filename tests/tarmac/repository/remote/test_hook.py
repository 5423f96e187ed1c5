"""The pre-push hook: it stops what nobody else could pull, and nothing else."""

from pathlib import Path

import pytest

from tarmac.repository.remote import hook, push
from tests import small
from tests.conftest import ROOT, Workspace

NONE = "0" * 40


def line(commit: str, branch: str = "refs/heads/main") -> str:
    return f"{branch} {commit} {branch} {NONE}\n"


def test_a_pushed_result_is_refused(repository):
    small.change(repository)
    push.push()
    hook.check([line(small.commit(repository))])


def test_a_forgotten_push_passes_or_its_objects_are_not_listed(repository):
    small.change(repository)
    commit = small.commit(repository)
    with pytest.raises(hook.UnpushedError) as caught:
        hook.check([line(commit)])
    first, *told, last = str(caught.value).splitlines()
    assert first == "refs/heads/main names 3 objects that a colleague would not get:"
    assert [found.split()[0] for found in told] == [small.MADE, small.RAW, small.MODEL]
    assert "`make push`, then commit data/remote, and push again" in last


def test_objects_that_lie_in_the_embedded_remote_and_not_in_the_commit_pass(repository):
    small.change(repository)
    push.push()
    repository.run("git", "commit", "--quiet", "--message", "all but the remote", "dvc.lock", "data/raw.dvc", "m.json")
    with pytest.raises(hook.UnpushedError, match="names 3 objects"):
        hook.check([line("HEAD")])
    hook.check([line(small.commit(repository))])


def test_a_file_of_a_folder_that_is_not_in_the_commit_passes(repository):
    small.in_remote(repository, small.md5("raw 2")).unlink()
    with pytest.raises(hook.UnpushedError, match=f"{small.RAW}/sub/2.txt  {small.md5('raw 2')}  missing"):
        hook.check([line(small.commit(repository))])


def test_a_remote_elsewhere_is_not_asked(repository, tmp_path):
    repository.dvc("remote", "add", "--local", "--default", "team", str(tmp_path / "team"))
    with pytest.raises(hook.UnpushedError, match="`make push`, and push again"):
        hook.check([line("HEAD")])
    push.push()
    hook.check([line("HEAD")])


def test_a_deletion_or_a_commit_without_outputs_is_looked_into(repository, monkeypatch):
    monkeypatch.setattr(hook.object_store, "opened", None)
    hook.check([f"(delete) {NONE} refs/heads/old {'1' * 40}\n"])
    hook.check([])
    tree = repository.run("git", "rev-parse", "HEAD^{tree}").stdout.strip()
    hook.check([line(tree, "refs/tags/tree")])
    repository.run("git", "rm", "--quiet", "dvc.lock", "data/raw.dvc", "dvc.yaml")
    hook.check([line(small.commit(repository))])


def test_only_the_last_of_several_branches_is_looked_at(repository):
    good = repository.run("git", "rev-parse", "HEAD").stdout.strip()
    small.change(repository)
    repository.run("git", "commit", "--quiet", "--all", "--message", "forgotten")
    repository.run("git", "tag", "--annotate", "--message", "v1", "v1")
    tag = repository.run("git", "rev-parse", "v1").stdout.strip()
    with pytest.raises(hook.UnpushedError, match="refs/tags/v1 names 3"):
        hook.check([line(tag, "refs/tags/v1"), line(good)])


@pytest.mark.parametrize("remote", ["embedded", "team"])
def test_looks_for_files_without_reading_them(repository, tmp_path, remote):
    """A person waits for the hook, so that it leaves the bytes to `make fsck`."""
    folder = repository.path / "data" / "remote"
    if remote == "team":
        folder = tmp_path / "team"
        repository.dvc("remote", "add", "--local", "--default", "team", str(folder))
        push.push()
    for text in (*small.FILES.values(), "raw 1raw 2"):
        oid = small.md5(text)
        small.flip(folder / "files" / "md5" / oid[:2] / oid[2:])
    hook.check([line(small.commit(repository))])


@pytest.fixture
def origin(repository: Workspace, tmp_path: Path) -> Path:
    """A bare repository to push to, and the hook with the environment that `make setup` leaves."""
    repository.run("git", "init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    repository.run("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    program = Path(".venv/bin/tarmac")
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/src exec python -c "from tarmac.cli import app; app()" "$@"\n')
    program.chmod(0o755)
    Path(".git/info/exclude").write_text("/.venv\n")
    assert "pre-push" in hook.install()
    return tmp_path / "origin.git"


def test_git_pushes_what_the_hook_refuses_or_does_not_push_what_it_lets_pass(repository, origin):
    repository.run("git", "push", "--quiet", "origin", "main")
    small.change(repository)
    small.commit(repository)
    refused = repository.run("git", "push", "--quiet", "origin", "main", check=False)
    assert refused.returncode != 0
    assert "tarmac: error: refs/heads/main names 3 objects" in refused.stderr
    assert "Traceback" not in refused.stderr
    repository.run("git", "push", "--quiet", "origin", "main:refs/heads/unchecked", "--no-verify")
    repository.run("git", "push", "--quiet", "origin", ":refs/heads/unchecked")
    push.push()
    small.commit(repository)
    repository.run("git", "push", "--quiet", "origin", "main")
    assert repository.run("git", "ls-remote", "--heads", "origin").stdout.count("\n") == 1


def test_a_worktree_is_not_checked_or_asks_the_wrong_folder(repository, origin, tmp_path):
    small.change(repository)
    small.commit(repository)
    repository.run("git", "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / ".venv").symlink_to(repository.path / ".venv")
    side = Workspace(tmp_path / "side")
    assert "refs/heads/side names 3" in side.run("git", "push", "--quiet", "origin", "side", check=False).stderr


def test_without_the_environment_a_push_is_stopped_or_goes_unchecked_in_silence(repository, origin):
    Path(".venv/bin/tarmac").unlink()
    done = repository.run("git", "push", "--quiet", "origin", "main")
    assert "outputs are not checked" in done.stderr


def test_a_persons_own_hook_is_replaced(repository):
    path = Path(".git/hooks/pre-push")
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(hook.HookError, match="yours"):
        hook.install()
    assert path.read_text() == "#!/bin/sh\nexit 0\n"
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(hook.HookError, match="yours"):
        hook.install()


def test_a_persons_own_hooks_folder_gets_a_file_or_loses_its_place(repository, tmp_path):
    repository.run("git", "config", "core.hooksPath", str(tmp_path / "hooks"))
    with pytest.raises(hook.HookError, match=r"core\.hooksPath"):
        hook.install()
    assert not (tmp_path / "hooks").exists()
    assert not Path(".git/hooks/pre-push").exists()


def test_an_older_hook_of_tarmacs_is_left(repository):
    hook.install()
    path = Path(".git/hooks/pre-push")
    path.write_text(f"#!/bin/sh\n{hook.MARK}\nold\n")
    hook.install()
    assert path.read_text() == hook.SCRIPT
