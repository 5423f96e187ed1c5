"""No command, successful or failing, leaks credentials into its output, Git or files."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Workspace
from tests.e2e.running import DVC, FROM_SOURCE, TARMAC
from tests.e2e.test_reproducible import clone

NOWHERE = "127.0.0.1:9"  # the port that discards: nobody listens
CANARIES = {
    name: f"canary-{name}-5f3a9c"
    for name in ("key", "secret", "token", "proxy", "url", "local", "database")
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": CANARIES["key"],
    "AWS_SECRET_ACCESS_KEY": CANARIES["secret"],
    "GITHUB_TOKEN": CANARIES["token"],
    "REPO_TOKEN": CANARIES["token"],
    "https_proxy": f"http://somebody:{CANARIES['proxy']}@{NOWHERE}",
}
DATABASE = f"postgresql+psycopg://somebody:{CANARIES['database']}@{NOWHERE}/sweeps"
LOCAL = Path(".dvc/config.local")


@dataclass
class Careful:
    """A workspace whose person has credentials everywhere that they belong."""

    workspace: Workspace
    told: list[str]

    def run(self, *command: str, status: int | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command and keep what it prints."""
        done = self.workspace.run(*command, check=False, env={**FROM_SOURCE, **ENVIRONMENT})
        assert status is None or done.returncode == status, done.stderr
        self.told.append(done.stdout + done.stderr)
        return done

    def tarmac(self, *words: str, status: int) -> None:
        self.run(*TARMAC, *words, status=status)

    @property
    def leaks(self) -> set[str]:
        """Where a credential is that nobody put there."""
        texts = {
            f"printed by command {number}": text.encode() for number, text in enumerate(self.told)
        }
        texts["Git"] = self.objects()
        texts |= {str(path): path.read_bytes() for path in self.files()}
        return {
            place
            for place, text in texts.items()
            if any(canary.encode() in text for canary in CANARIES.values())
        }

    def objects(self) -> bytes:
        """Every object of the repository, reachable or not."""
        command = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
        return subprocess.run(
            command, cwd=self.workspace.path, check=True, capture_output=True
        ).stdout

    def files(self) -> Iterator[Path]:
        """Every file of the workspace and beside it, DVC's notes included."""
        for path in self.workspace.path.parent.rglob("*"):
            if path.is_file() and not path.match(str(LOCAL)):
                yield path


@pytest.fixture
def careful(finished_template: Workspace, tmp_path: Path) -> Careful:
    workspace = clone(finished_template, tmp_path / "own" / "clone")
    workspace.run("git", "config", "user.name", "Test")
    workspace.run("git", "config", "user.email", "test@example.org")
    for remote, url in (
        ("by-url", f"http://somebody:{CANARIES['url']}@{NOWHERE}/store"),
        ("by-option", f"http://{NOWHERE}/x"),
    ):
        workspace.dvc("remote", "add", "--local", remote, url)
    for option, value in (("user", "somebody"), ("password", CANARIES["local"]), ("auth", "basic")):
        workspace.dvc("remote", "modify", "--local", "by-option", option, value)
    assert CANARIES["url"] in (workspace.path / LOCAL).read_text()
    return Careful(workspace, [])


def test_successful_commands_leak_no_credentials(careful):
    careful.workspace.set_params(lambda params: params["intervals"].update(seed=8))
    careful.tarmac("run", status=0)
    careful.run(*DVC, "push", status=0)
    careful.run("git", "add", "--all", status=0)
    careful.run("git", "commit", "--message", "a change", status=0)
    careful.tarmac("pull", status=0)
    careful.tarmac("repair", status=0)
    careful.run(*TARMAC, "review")
    careful.tarmac("sweep", "--trials", "1", "--top", "0", status=0)
    assert careful.leaks == set()


@pytest.mark.parametrize(("remote", "last"), [("by-url", "run"), ("by-option", "review")])
def test_failing_commands_leak_no_credentials(careful, remote, last):
    careful.tarmac("pull", status=0)
    careful.workspace.dvc("remote", "default", "--local", remote)
    careful.tarmac("push", status=1)
    for folder in (".dvc/cache", "data/raw", "data/features"):
        shutil.rmtree(careful.workspace.path / folder)
    for command in ("pull", last):
        careful.tarmac(command, status=1)
    careful.run("git", "add", "--all", status=0)
    careful.run("git", "commit", "--allow-empty", "--message", "all that is there", status=0)
    assert careful.leaks == set()


def test_sweep_with_unreachable_database_leaks_no_password(careful):
    careful.tarmac("pull", status=0)
    careful.tarmac("sweep", "--storage", DATABASE, "--trials", "1", status=1)
    assert NOWHERE in careful.told[-1]
    assert careful.leaks == set()


def test_planted_credentials_are_found(careful):
    careful.run(
        "git", "commit", "--quiet", "--allow-empty", "--message", CANARIES["secret"], status=0
    )
    (careful.workspace.path / "notes.txt").write_text(CANARIES["token"])
    careful.told.append(CANARIES["url"])
    places = careful.leaks
    assert {"Git", "printed by command 1", str(careful.workspace.path / "notes.txt")} <= places
