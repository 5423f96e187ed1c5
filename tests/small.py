"""A repository of a few bytes with a real DVC pipeline, and ways to damage what it keeps."""

import hashlib
import json
import shutil
import signal
import sys
from pathlib import Path

from tests.conftest import ROOT, Workspace

FILES = {"raw/1.txt": "raw 1", "raw/sub/2.txt": "raw 2"}
PIPELINE = """\
stages:
  make:
    cmd: mkdir -p data/made && cp data/raw/1.txt data/made/a && cp data/raw/sub/2.txt data/made/b &&
      cat data/made/a data/made/b > model.bin && echo '{"auc":1}' > m.json
    deps: [data/raw]
    outs: [data/made, model.bin]
    metrics:
      - m.json: {cache: false}
"""
KILLED = """
import os, signal
from dvc_data.index import DataIndex
write, calls = DataIndex.__setitem__, []
def dying(self, key, entry):
    calls.extend([key] if key[0] == "{view}" else [])
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, key, entry)
DataIndex.__setitem__ = dying
from dvc.cli import main
main({command})
"""
MADE, MODEL, RAW = "data/made", "model.bin", "data/raw"


def make(path: Path) -> Workspace:
    """Make the repository with its embedded remote: run, pushed and committed."""
    path.mkdir(parents=True)
    workspace = Workspace(path)
    workspace.run("git", "init", "--quiet", "--initial-branch=main")
    for name in ("name", "email"):
        workspace.run("git", "config", f"user.{name}", "test@example.org")
    workspace.dvc("init", "--quiet")
    shutil.copy(ROOT / ".dvc" / "config", path / ".dvc" / "config")
    shutil.copy(ROOT / ".gitattributes", path)
    (path / ".gitignore").write_text("/data/raw\n/data/made\n/model.bin\n")
    write(workspace, FILES)
    workspace.dvc("add", "--quiet", "data/raw")
    (path / "dvc.yaml").write_text(PIPELINE)
    workspace.dvc("repro", "--quiet")
    workspace.dvc("push", "--quiet")
    commit(workspace)
    return workspace


def write(workspace: Workspace, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = workspace.path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def change(workspace: Workspace, text: str = "another") -> None:
    """Change the bytes of the raw data and run the pipeline.

    This makes four new objects, none of them pushed.
    """
    write(workspace, {"raw/1.txt": text})
    workspace.dvc("add", "--quiet", "data/raw")
    workspace.dvc("repro", "--quiet")


def commit(workspace: Workspace) -> str:
    workspace.run("git", "add", "--all")
    workspace.run("git", "commit", "--quiet", "--allow-empty", "--message", "work")
    return workspace.run("git", "rev-parse", "HEAD").stdout.strip()


def clone(workspace: Workspace, target: Path) -> Workspace:
    workspace.run("git", "clone", "--quiet", ".", str(target))
    return Workspace(target)


def md5(text: str | bytes) -> str:
    return hashlib.md5(text.encode() if isinstance(text, str) else text).hexdigest()


def in_remote(workspace: Workspace, oid: str) -> Path:
    return workspace.path / "data" / "remote" / "files" / "md5" / oid[:2] / oid[2:]


def in_cache(workspace: Workspace, oid: str) -> Path:
    return workspace.path / ".dvc" / "cache" / "files" / "md5" / oid[:2] / oid[2:]


def flip(path: Path) -> None:
    """Change one bit and leave size and mode as DVC left them, so that it trusts the object."""
    data, mode = path.read_bytes(), path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    path.chmod(mode)


def cut(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    path.chmod(0o444)


def plant(workspace: Workspace, listing: list[dict[str, object]], oid: str = "") -> str:
    """Write a folder's listing into the remote, under its own hash or the given one."""
    content = json.dumps(listing).encode()
    oid = oid or f"{md5(content)}.dir"
    path = in_remote(workspace, oid)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return oid


def put(workspace: Workspace, content: str) -> str:
    """Put a file's object into the remote."""
    path = in_remote(workspace, md5(content))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return md5(content)


def kill_push(workspace: Workspace) -> None:
    """Kill a push when it has listed two of the objects that it is going to send."""
    _kill(workspace, ["push"], "push")


def kill_pull(workspace: Workspace, *targets: str) -> None:
    """Kill a pull when it has listed two of the objects that it is going to fetch."""
    _kill(workspace, ["pull", *targets], "fetch")


def _kill(workspace: Workspace, command: list[str], view: str) -> None:
    program = KILLED.format(command=command, view=view)
    done = workspace.run(sys.executable, "-c", program, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
