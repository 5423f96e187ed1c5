"""The pre-push hook refuses commits whose outputs are not in the remote.

It lets all others pass.
"""

from pathlib import Path

import pytest

from tarmac.repository.remote import hook, push
from tests import small
from tests.conftest import ROOT, Workspace

NONE = "0" * 40


def line(commit: str, branch: str = "refs/heads/main") -> str:
    return f"{branch} {commit} {branch} {NONE}\n"


def test_accepts_pushed_result(repository):
    small.change(repository)
    push.push_outputs()
    hook.check_pushed_commits([line(small.commit(repository))])


def test_refuses_unpushed_result_and_lists_its_objects(repository):
    small.change(repository)
    commit = small.commit(repository)
    with pytest.raises(hook.UnpushedError) as caught:
        hook.check_pushed_commits([line(commit)])
    first, *told = str(caught.value).splitlines()
    assert first == "refs/heads/main: 3 objects missing or damaged in the remote:"
    assert [found.split()[0] for found in told] == [small.MADE, small.RAW, small.MODEL]
    assert "`make push`, commit data/remote and push again" in caught.value.hint


def test_refuses_embedded_objects_that_are_not_committed(repository):
    small.change(repository)
    push.push_outputs()
    repository.run(
        "git",
        "commit",
        "--quiet",
        "--message",
        "all but the remote",
        "dvc.lock",
        "data/raw.dvc",
        "m.json",
    )
    with pytest.raises(hook.UnpushedError, match="refs/heads/main: 3 objects"):
        hook.check_pushed_commits([line("HEAD")])
    hook.check_pushed_commits([line(small.commit(repository))])


def test_refuses_folder_file_that_is_not_committed(repository):
    small.in_remote(repository, small.md5("raw 2")).unlink()
    with pytest.raises(
        hook.UnpushedError, match=f"{small.RAW}/sub/2.txt  {small.md5('raw 2')}  missing"
    ):
        hook.check_pushed_commits([line(small.commit(repository))])


def test_checks_remote_outside_repository(repository, tmp_path):
    repository.dvc("remote", "add", "--local", "--default", "team", str(tmp_path / "team"))
    with pytest.raises(hook.UnpushedError) as caught:
        hook.check_pushed_commits([line("HEAD")])
    assert "`make push` and push again" in caught.value.hint
    push.push_outputs()
    hook.check_pushed_commits([line("HEAD")])


def test_ignores_deletions_and_commits_without_outputs(repository, monkeypatch):
    monkeypatch.setattr(hook.object_store, "open_remote", None)
    hook.check_pushed_commits([f"(delete) {NONE} refs/heads/old {'1' * 40}\n"])
    hook.check_pushed_commits([])
    tree = repository.run("git", "rev-parse", "HEAD^{tree}").stdout.strip()
    hook.check_pushed_commits([line(tree, "refs/tags/tree")])
    repository.run("git", "rm", "--quiet", "dvc.lock", "data/raw.dvc", "dvc.yaml")
    hook.check_pushed_commits([line(small.commit(repository))])


def test_checks_every_pushed_reference(repository):
    good = repository.run("git", "rev-parse", "HEAD").stdout.strip()
    small.change(repository)
    repository.run("git", "commit", "--quiet", "--all", "--message", "forgotten")
    repository.run("git", "tag", "--annotate", "--message", "v1", "v1")
    tag = repository.run("git", "rev-parse", "v1").stdout.strip()
    with pytest.raises(hook.UnpushedError, match="refs/tags/v1: 3 objects"):
        hook.check_pushed_commits([line(tag, "refs/tags/v1"), line(good)])


@pytest.mark.parametrize("remote", ["embedded", "team"])
def test_looks_for_files_without_reading_them(repository, tmp_path, remote):
    """A person waits for the hook, so that it leaves the bytes to `make fsck`."""
    folder = repository.path / "data" / "remote"
    if remote == "team":
        folder = tmp_path / "team"
        repository.dvc("remote", "add", "--local", "--default", "team", str(folder))
        push.push_outputs()
    for text in (*small.FILES.values(), "raw 1raw 2"):
        oid = small.md5(text)
        small.flip(folder / "files" / "md5" / oid[:2] / oid[2:])
    hook.check_pushed_commits([line(small.commit(repository))])


@pytest.fixture
def origin(repository: Workspace, tmp_path: Path) -> Path:
    """A bare repository to push to, and the hook with the environment that `make setup` leaves."""
    repository.run("git", "init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    repository.run("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    program = Path(".venv/bin/tarmac")
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={ROOT}/src exec python "
        '-c "from tarmac.cli import app; app()" "$@"\n'
    )
    program.chmod(0o755)
    Path(".git/info/exclude").write_text("/.venv\n")
    assert "pre-push" in hook.install_hook()
    return tmp_path / "origin.git"


def test_git_pushes_only_what_hook_accepts(repository, origin):
    repository.run("git", "push", "--quiet", "origin", "main")
    small.change(repository)
    small.commit(repository)
    refused = repository.run("git", "push", "--quiet", "origin", "main", check=False)
    assert refused.returncode != 0
    assert "error: refs/heads/main: 3 objects" in refused.stderr
    assert "Traceback" not in refused.stderr
    repository.run("git", "push", "--quiet", "origin", "main:refs/heads/unchecked", "--no-verify")
    repository.run("git", "push", "--quiet", "origin", ":refs/heads/unchecked")
    push.push_outputs()
    small.commit(repository)
    repository.run("git", "push", "--quiet", "origin", "main")
    assert repository.run("git", "ls-remote", "--heads", "origin").stdout.count("\n") == 1


def test_push_from_worktree_is_checked_in_worktree(repository, origin, tmp_path):
    small.change(repository)
    small.commit(repository)
    repository.run("git", "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / ".venv").symlink_to(repository.path / ".venv")
    side = Workspace(tmp_path / "side")
    assert (
        "refs/heads/side: 3 objects"
        in side.run("git", "push", "--quiet", "origin", "side", check=False).stderr
    )


def test_push_without_environment_passes_with_warning(repository, origin):
    Path(".venv/bin/tarmac").unlink()
    done = repository.run("git", "push", "--quiet", "origin", "main")
    assert "outputs are not checked" in done.stderr


def test_refuses_to_replace_users_own_hook(repository):
    path = Path(".git/hooks/pre-push")
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(hook.HookError, match="a hook of your own"):
        hook.install_hook()
    assert path.read_text() == "#!/bin/sh\nexit 0\n"
    path.unlink()
    path.symlink_to("nowhere")
    with pytest.raises(hook.HookError, match="a hook of your own"):
        hook.install_hook()


def test_refuses_to_install_when_hooks_path_is_configured(repository, tmp_path):
    repository.run("git", "config", "core.hooksPath", str(tmp_path / "hooks"))
    with pytest.raises(hook.HookError, match=r"core\.hooksPath"):
        hook.install_hook()
    assert not (tmp_path / "hooks").exists()
    assert not Path(".git/hooks/pre-push").exists()


def test_replaces_older_tarmac_hook(repository):
    hook.install_hook()
    path = Path(".git/hooks/pre-push")
    path.write_text(f"#!/bin/sh\n{hook.MARK}\nold\n")
    hook.install_hook()
    assert path.read_text() == hook.SCRIPT
