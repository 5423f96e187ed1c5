"""A team of four works on each kind of remote storage.

The tests cover pulls, rebuilds, older releases and credentials.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tarmac.pipeline.base.hashing import compute_dvc_hash
from tarmac.repository.dvc import commands
from tarmac.repository.remote.settings import format_remote_name
from tests.conftest import Workspace
from tests.e2e.running import FROM_SOURCE, TARMAC
from tests.servers import Place, s3, ssh, web

RELEASE, MODEL = "model@v1.0.0", "models/model.onnx"
KINDS = ("folder", "s3", "ssh", "webdav")


@dataclass(frozen=True)
class Member(Workspace):
    """A colleague's clone, on a machine where the credentials of a place are in the environment."""

    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **FROM_SOURCE, **self.extra}

    def tarmac(self, *arguments: str, check: bool = True):
        return self.run(*TARMAC, *arguments, check=check)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)


@dataclass(frozen=True)
class Team:
    """The repository of a Git server that a team shares.

    Alice has moved the data to a remote and published a change there.
    """

    origin: Path
    place: Place
    alice: Member

    def joins(self, name: str) -> Member:
        """A new colleague: clones, and keeps the private options as docs/remote.md says."""
        member = clone(self.origin, self.origin.parent / name, self.place.env)
        if self.place.private:
            member.dvc(
                "remote", "add", "--local", format_remote_name(self.place.url), self.place.url
            )
        for option in self.place.private:
            member.dvc(
                "remote",
                "modify",
                "--local",
                format_remote_name(self.place.url),
                *option.split("=", 1),
            )
        return member


def clone(origin: Path, target: Path, env: Mapping[str, str] | None = None) -> Member:
    member = Member(target, env or {})
    target.mkdir()
    member.run("git", "clone", "--quiet", str(origin), ".")
    for name, value in (("user.name", target.name), ("user.email", f"{target.name}@example.org")):
        member.run("git", "config", name, value)
    return member


@contextmanager
def place_of(kind: str, folder: Path) -> Iterator[Place]:
    """A place where all may do all."""
    if kind == "folder":
        (folder / "shared").mkdir()
        yield Place(str(folder / "shared"))
        return
    server = {"s3": s3.s3, "ssh": ssh.ssh, "webdav": web.webdav}[kind]
    with server(folder) as running:
        yield running.place()


def change(workspace: Workspace) -> None:
    workspace.set_params(lambda params: params["train"]["xgboost"].update(max_depth=4))


@pytest.fixture(scope="module")
def practised(finished_template: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return the small repository, released.

    Its cache has the results of Alice's change, so that they are computed once.
    """
    workspace = Workspace(tmp_path_factory.mktemp("practised") / "repository")
    shutil.copytree(finished_template.path, workspace.path, symlinks=True)
    workspace.run("git", "tag", RELEASE)
    change(workspace)
    workspace.dvc("repro", "--quiet")
    workspace.run("git", "restore", ".")
    return workspace


@pytest.fixture(scope="module", params=KINDS)
def team(request, practised: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp(f"team-{request.param}")
    origin = folder / "origin.git"
    practised.run("git", "clone", "--quiet", "--bare", ".", str(origin))
    with place_of(request.param, folder) as place:
        alice = clone(origin, folder / "alice", place.env)
        shutil.copytree(practised.path / ".dvc" / "cache", alice.path / ".dvc" / "cache")
        alice.dvc("checkout")
        alice.tarmac("remote", place.url, *place.options)
        alice.commit("the data has moved")
        change(alice)
        alice.dvc("repro")
        alice.commit("shallower trees")
        alice.dvc("push")
        alice.run("git", "push", "--quiet")
        yield Team(origin, place, alice)


@pytest.fixture(scope="module")
def bob(team: Team) -> Member:
    member = team.joins("bob")
    member.dvc("pull")
    return member


def result(member: Member) -> dict[str, str]:
    """The hash of every output, from its bytes, and the metrics as they are."""
    metrics = {
        path.relative_to(member.path).as_posix(): path.read_text()
        for path in member.path.glob("metrics/**/*.*")
    }
    return {
        path: compute_dvc_hash(member.path / path)
        for path in commands.read_output_hashes(member.path)
    } | metrics


def test_colleague_pulls_identical_outputs(team, bob):
    assert result(bob) == result(team.alice)
    assert commands.read_output_hashes(bob.path)[MODEL] == result(bob)[MODEL]
    assert "models/model.onnx" in result(bob)


def test_embedded_remote_does_not_contain_pulled_model(team, bob):
    embedded = bob.path / "data" / "remote" / "files" / "md5"
    md5 = result(bob)[MODEL]
    assert not (embedded / md5[:2] / md5[2:]).exists()


def test_workspace_is_clean_after_pull(bob):
    assert bob.dvc("status", "--quiet", check=False).returncode == 0
    assert "Running stage" not in bob.dvc("repro").stdout
    assert bob.run("git", "status", "--porcelain").stdout == ""


def test_raw_data_can_be_pulled_alone(team):
    carol = team.joins("carol")
    carol.dvc("pull", "data/raw.dvc")
    assert (
        compute_dvc_hash(carol.path / "data" / "raw")
        == commands.read_output_hashes(carol.path)["data/raw"]
    )
    assert not (carol.path / MODEL).exists()


def test_older_release_restores_its_original_bytes(team, practised):
    dan = team.joins("dan")
    dan.run("git", "checkout", "--quiet", RELEASE)
    dan.dvc("pull")
    released = commands.read_output_hashes(practised.path)
    assert {path: compute_dvc_hash(dan.path / path) for path in released} == released
    assert compute_dvc_hash(dan.path / MODEL) != compute_dvc_hash(team.alice.path / MODEL)


def test_no_commit_contains_credentials(team):
    history = team.alice.run("git", "log", "--patch", "--all", "--", ".dvc").stdout
    assert team.place.url in history
    secrets = [option for option in team.place.private if not option.startswith("user=")]
    secrets = [option.split("=", 1)[1] for option in secrets]
    secrets += [value for name, value in team.place.env.items() if "KEY" in name]
    assert [secret for secret in secrets if secret in history] == []


@pytest.mark.parametrize("team", ["s3"], indirect=True)
def test_rebuild_from_raw_data_gives_identical_outputs(team):
    carol = team.joins("carol-rebuilds")
    carol.dvc("pull", "data/raw.dvc")
    carol.dvc("repro", "--no-run-cache")
    assert result(carol) == result(team.alice)
    assert carol.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize("team", ["ssh"], indirect=True)
def test_return_to_embedded_remote_keeps_newest_result(team):
    erin = team.joins("erin")
    erin.tarmac("remote", "embedded")
    erin.commit("the data is in the repository again")
    erin.run("git", "push", "--quiet", "origin", "HEAD:back")
    frank = clone(team.origin, team.origin.parent / "frank")  # who has no credentials
    frank.run("git", "checkout", "--quiet", "back")
    frank.dvc("pull")
    assert result(frank) == result(team.alice)
